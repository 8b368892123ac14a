/* Times and durations of the access log: %t, %T, %D. */
import { clfTime, strftime, timeOfDay, type LogValue, type Request } from 'httpd'

let measured: Request | undefined
let ended = 0

/** When a request ended, in ms since the epoch: one look at the clock for all items of all its lines. */
function endOf(r: Request): number {
  if (r !== measured) {
    measured = r
    ended = timeOfDay()
  }
  return ended
}

const startOf = (r: Request): number => r.requestTime

// Both clocks are read at different places; a request never ended before it began.
const elapsedUs = (r: Request): number => Math.max(0, Math.floor((endOf(r) - r.requestTime) * 1000))

const SCALES: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 }

/** How long a request took, in whole seconds (`s`), milliseconds (`ms`) or microseconds (`us`). */
export function elapsedItem(unit: string): LogValue {
  const scale = SCALES[unit.toLowerCase()]
  // As in Apache: what is no unit stands for itself.
  if (scale === undefined) return { kind: 'plain', of: () => unit }
  return { kind: 'number', of: (r) => String(Math.floor(elapsedUs(r) / scale)) }
}

const three = (n: number): string => String(Math.floor(n)).padStart(3, '0')

type Format = (ms: number) => string

const COUNTS: Readonly<Record<string, Format>> = {
  sec: (ms) => String(Math.floor(ms / 1000)),
  msec: (ms) => String(Math.floor(ms)),
  usec: (ms) => String(Math.floor(ms * 1000)),
}

let isoMs = NaN
let isoText = ''

/** RFC 3339 section 5.6 in UTC: not one of Apache's. */
function rfc3339(time: number): string {
  const ms = Math.floor(time)
  if (ms !== isoMs) {
    isoMs = ms
    isoText = new Date(ms).toISOString()
  }
  return isoText
}

const FRACTIONS: Readonly<Record<string, Format>> = {
  msec_frac: (ms) => three(ms % 1000),
  usec_frac: (ms) => String(Math.floor((ms * 1000) % 1_000_000)).padStart(6, '0'),
  rfc3339,
}

/** strftime that remembers the second it was asked for last, for itself: a line may have several. */
function perSecond(format: string): Format {
  let second = NaN
  let text = ''
  return (ms) => {
    const asked = Math.floor(ms / 1000)
    if (asked !== second) {
      second = asked
      text = strftime(format, ms)
    }
    return text
  }
}

/** `%t`, or `%{[begin:|end:]FORMAT}t`: the name of a count or of a fraction, or a format for strftime. */
export function timeItem(argument: string): LogValue {
  const [, when, format] = /^(?:(begin|end)(?::|$))?(.*)$/s.exec(argument)!
  const time = when === 'end' ? endOf : startOf
  const count = Object.hasOwn(COUNTS, format!) ? COUNTS[format!] : undefined
  if (count !== undefined) return { kind: 'number', of: (r) => count(time(r)) }
  const text = format === '' ? clfTime : Object.hasOwn(FRACTIONS, format!) ? FRACTIONS[format!]! : perSecond(format!)
  return { kind: 'plain', of: (r) => text(time(r)) }
}
