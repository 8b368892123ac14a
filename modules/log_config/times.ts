/* Times and durations of the access log: %t, %T, %D. */
import { ConfigError, clfTime, escapeLogItem, strftime, type Request } from 'httpd'
import type { Value } from './items.ts'

let measured: Request | undefined
let ended = 0

/** When a request ended, in ms since the epoch: one look at the clock for all items of its lines. */
function endOf(r: Request): number {
  if (r !== measured) {
    measured = r
    ended = performance.timeOrigin + performance.now()
  }
  return ended
}

/** Forgets the clock's last answer: a request is logged once. */
export function endOfLine(): void {
  measured = undefined
}

// Both clocks are read at different places; a request never ended before it began.
const elapsedUs = (r: Request): number => Math.max(0, Math.floor((endOf(r) - r.requestTime) * 1000))

const SCALES: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 }

/** How long a request took, in whole seconds (`s`), milliseconds (`ms`) or microseconds (`us`). */
export function elapsedItem(unit: string): Value {
  const scale = SCALES[unit.toLowerCase()]
  if (scale === undefined) throw new ConfigError(`Invalid argument "${unit}" of %T: it must be s, ms or us`)
  return (r) => String(Math.floor(elapsedUs(r) / scale))
}

const three = (n: number): string => String(Math.floor(n)).padStart(3, '0')

const FRACTIONS: Readonly<Record<string, (ms: number) => string>> = {
  sec: (ms) => String(Math.floor(ms / 1000)),
  msec: (ms) => String(Math.floor(ms)),
  usec: (ms) => String(Math.floor(ms * 1000)),
  msec_frac: (ms) => three(ms % 1000),
  usec_frac: (ms) => String(Math.floor((ms * 1000) % 1_000_000)).padStart(6, '0'),
}

/** `%t`, or `%{[begin:|end:]FORMAT}t`: the name of a count or of a fraction, or a format for strftime. */
export function timeItem(argument: string): Value {
  const [, when, format] = /^(begin:|end:)?(.*)$/s.exec(argument)!
  const time = when === 'end:' ? endOf : (r: Request) => r.requestTime
  if (format === '') return (r) => clfTime(time(r))
  const fraction = Object.hasOwn(FRACTIONS, format!) ? FRACTIONS[format!]! : undefined
  if (fraction !== undefined) return (r) => fraction(time(r))
  return (r) => escapeLogItem(strftime(format!, time(r)))
}
