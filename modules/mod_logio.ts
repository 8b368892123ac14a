/*
 * mod_logio: bytes on the wire in access logs, heads and framing included, and the time to the first byte. The core
 * counts what passes; here are only the items.
 */
import { DECLINED, OR_ALL, Settings, flag, registerLogItem, type LogValue, type Module, type Request } from 'httpd'

const logio = new Settings('directory', { trackTtfb: false })

const count = (of: (r: Request) => number): LogValue => ({ kind: 'number', of: (r) => String(of(r)) })

/** Microseconds between the request line and the head of the response; none where nobody has looked. */
const timeToFirstByte = (r: Request): string | undefined =>
  r.firstByteTime === undefined || r.firstByteTime === 0
    ? undefined
    : String(Math.max(0, Math.floor((r.firstByteTime - r.requestTime) * 1000)))

/** fixups: asks the core to remember when the response begins. */
function watch(r: Request): number {
  r.firstByteTime = 0
  return DECLINED
}

export const module = {
  name: 'logio_module',
  file: 'mod_logio.c',
  settings: [logio],
  directives: [
    logio.directive('LogIOTrackTTFB', [flag], 'trackTtfb', OR_ALL, "Set to 'ON' to enable tracking time to first byte"),
  ],
  register(hooks, on) {
    registerLogItem('I', { make: () => count((r) => r.connection.bytesIn) })
    registerLogItem('O', { make: () => count((r) => r.connection.bytesOut) })
    registerLogItem('S', { make: () => count((r) => r.connection.bytesIn + r.connection.bytesOut) })
    registerLogItem('^FB', { make: () => ({ kind: 'number', of: timeToFirstByte }) })
    on(hooks.fixups, watch, { quick: true, when: (settings) => settings.dir(logio).trackTtfb })
  },
} satisfies Module
