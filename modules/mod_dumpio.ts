/*
 * mod_dumpio: all bytes that come and go, in the error log. They are written with LogLevel dumpio:trace7, passwords and
 * all; with a lower level nothing is asked for and nothing costs anything.
 */
import { flag, log, mightLog, RSRC_CONF, Settings, type Connection, type IoTap, type Module, type Server } from 'httpd'

interface Dump {
  readonly input: boolean
  readonly output: boolean
}

const NONE: Dump = { input: false, output: false }

// As in Apache a virtual host that says one of the two says both.
const dumpio = new Settings('server', { dump: NONE })

const setter = (which: keyof Dump) => (said: { dump?: Dump }, _: unknown, on: boolean): void =>
  void (said.dump = { ...(said.dump ?? NONE), [which]: on })

/** Bytes in one line of the log. */
const LONGEST = 4000

type Tell = NonNullable<IoTap['sent']>

const teller = (server: Server, way: 'dumpio_in' | 'dumpio_out'): Tell => {
  const tell = (connection: Connection, text: string): void =>
    log('trace7', 'dumpio', `mod_dumpio:  ${way} (data-HEAP): ${text}`, { server, connection })
  return (connection, bytes) => {
    tell(connection, `${bytes.length} bytes`)
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    for (let at = 0; at < text.length; at += LONGEST) tell(connection, text.slice(at, at + LONGEST))
  }
}

function tapOf(server: Server): IoTap | undefined {
  const { input, output } = server.get(dumpio).dump
  if ((!input && !output) || !mightLog('trace7')) return undefined
  return {
    ...(input && { received: teller(server, 'dumpio_in') }),
    ...(output && { sent: teller(server, 'dumpio_out') }),
  }
}

export const module = {
  name: 'dumpio_module',
  file: 'mod_dumpio.c',
  settings: [dumpio],
  directives: [
    dumpio.directive('DumpIOInput', [flag], setter('input'), RSRC_CONF, 'Enable I/O Dump on Input Data'),
    dumpio.directive('DumpIOOutput', [flag], setter('output'), RSRC_CONF, 'Enable I/O Dump on Output Data'),
  ],
  register({ ioTap }, on) {
    on(ioTap, tapOf)
  },
} satisfies Module
