// Dates as HTTP, the access log and the error log write them, and HTTP's three formats read back.
//
// Times are numbers: milliseconds since 1970 unless a name ends in Us (microseconds). One rule: what is asked for many
// times within a second is made once a second.

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const LONG_DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const LONG_MONTHS = [
  'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November',
  'December',
]
const DAY_MS = 86_400_000

const two = (n: number): string => (n < 10 ? '0' : '') + n
const three = (n: number): string => (n < 10 ? '00' : n < 100 ? '0' : '') + n
const blankPadded = (n: number): string => (n < 10 ? ' ' : '') + n

/** Slots of the HTTP date cache: `Date` and the `Last-Modified` of a few busy files fit side by side. */
const SLOTS = 64
const slotSecond = new Float64Array(SLOTS).fill(NaN)
const slotText: string[] = new Array<string>(SLOTS).fill('')

/** `Fri, 20 Nov 2026 09:24:16 GMT` (IMF-fixdate, RFC 9110 section 5.6.7). */
export function httpDate(ms: number): string {
  const second = Math.floor(ms / 1000)
  const slot = ((second % SLOTS) + SLOTS) % SLOTS
  if (slotSecond[slot] !== second) {
    slotText[slot] = new Date(second * 1000).toUTCString()
    slotSecond[slot] = second
  }
  return slotText[slot]!
}

let clfSecond = NaN
let clfText = ''

/** `[18/Sep/2011:19:18:28 -0400]`, local zone (`%t` of the access log). */
export function clfTime(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== clfSecond) {
    const d = new Date(second * 1000)
    clfText = `[${two(d.getDate())}/${MONTHS[d.getMonth()]!}/${d.getFullYear()}:${clock(d)} ${zoneOffset(d)}]`
    clfSecond = second
  }
  return clfText
}

let logSecond = NaN
let logHead = ''
let logYear = ''

/** `Fri Nov 20 09:24:53.123456 2026`, local zone (`%{u}t` of the error log). @param us microseconds since 1970. */
export function errorLogTime(us: number): string {
  refreshLogTime(Math.floor(us / 1_000_000))
  const fraction = Math.floor(us) - logSecond * 1_000_000
  return `${logHead}.${String(fraction).padStart(6, '0')} ${logYear}`
}

/** `Fri Nov 20 09:24:53 2026`, local zone, as C's ctime. */
export function ctime(ms: number): string {
  refreshLogTime(Math.floor(ms / 1000))
  return `${logHead} ${logYear}`
}

function refreshLogTime(second: number): void {
  if (second === logSecond) return
  const d = new Date(second * 1000)
  logHead = `${DAYS[d.getDay()]!} ${MONTHS[d.getMonth()]!} ${two(d.getDate())} ${clock(d)}`
  logYear = String(d.getFullYear())
  logSecond = second
}

function clock(d: Date): string {
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
}

/** `-0400`. */
function zoneOffset(d: Date): string {
  const east = -d.getTimezoneOffset()
  const minutes = Math.abs(east)
  return (east < 0 ? '-' : '+') + two(Math.floor(minutes / 60)) + two(minutes % 60)
}

// As Apache, what follows the time does not matter: all zones are GMT, and some clients append a length.
const IMF = /^[A-Za-z]{3}, (\d\d) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) /
const RFC850 = /^[A-Za-z]{6,9}, (\d\d)-([A-Za-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) /
const ASCTIME = /^[A-Za-z]{3} ([A-Za-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})/

let parsedText = ''
let parsedMs = NaN

/**
 * Reads an HTTP date in any of its three formats (RFC 9110 section 5.6.7).
 * @returns milliseconds since 1970; NaN for anything else, impossible dates such as 30 February included.
 */
export function parseHttpDate(text: string): number {
  if (text === parsedText) return parsedMs
  parsedMs = readHttpDate(text)
  parsedText = text
  return parsedMs
}

function readHttpDate(text: string): number {
  let m = IMF.exec(text)
  if (m !== null) return utc(Number(m[3]), m[2]!, m[1]!, m[4]!, m[5]!, m[6]!)
  m = ASCTIME.exec(text)
  if (m !== null) return utc(Number(m[6]), m[1]!, m[2]!, m[3]!, m[4]!, m[5]!)
  m = RFC850.exec(text)
  if (m === null) return NaN
  // Two digits: 1970 to 2069, as Apache reads them.
  const year = Number(m[3])
  return utc(year < 70 ? 2000 + year : 1900 + year, m[2]!, m[1]!, m[4]!, m[5]!, m[6]!)
}

function utc(year: number, month: string, day: string, hour: string, minute: string, second: string): number {
  const m = MONTHS.indexOf(month)
  const d = Number(day), h = Number(hour), min = Number(minute), s = Number(second)
  if (m < 0 || d < 1 || h > 23 || min > 59 || s > 60 || year < 1601) return NaN
  const ms = Date.UTC(year, m, d, h, min, Math.min(s, 59))
  return new Date(ms).getUTCDate() === d && new Date(ms).getUTCMonth() === m ? ms : NaN
}

let strftimeFormat = ''
let strftimeSecond = NaN
let strftimeText = ''

/** C's strftime in the C locale and the local zone (`%{format}t`). Unknown conversions stay as they are. */
export function strftime(format: string, ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== strftimeSecond || format !== strftimeFormat) {
    strftimeText = expand(format, new Date(second * 1000))
    strftimeSecond = second
    strftimeFormat = format
  }
  return strftimeText
}

function expand(format: string, d: Date): string {
  return format.replace(/%[EO]?([a-zA-Z%])/g, (all, letter: string) => CONVERSIONS[letter]?.(d) ?? all)
}

const hour12 = (d: Date): number => d.getHours() % 12 || 12
const midnight = (d: Date): number => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate())
const dayOfYear = (d: Date): number => Math.round((midnight(d) - Date.UTC(d.getFullYear(), 0, 1)) / DAY_MS)
/** 1 for Monday to 7 for Sunday. */
const isoDay = (d: Date): number => d.getDay() || 7
/** The Thursday of the date's ISO week decides which year and week it is. */
function isoWeek(d: Date): { year: number; week: number } {
  const thursday = new Date(midnight(d) + (4 - isoDay(d)) * DAY_MS)
  const year = thursday.getUTCFullYear()
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1 }
}
const zoneName = (d: Date): string => new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
  .formatToParts(d).find((part) => part.type === 'timeZoneName')?.value ?? ''

const CONVERSIONS: Readonly<Record<string, (d: Date) => string>> = {
  'a': (d) => DAYS[d.getDay()]!,
  'A': (d) => LONG_DAYS[d.getDay()]!,
  'b': (d) => MONTHS[d.getMonth()]!,
  'B': (d) => LONG_MONTHS[d.getMonth()]!,
  'c': (d) => expand('%a %b %e %H:%M:%S %Y', d),
  'C': (d) => two(Math.floor(d.getFullYear() / 100)),
  'd': (d) => two(d.getDate()),
  'D': (d) => expand('%m/%d/%y', d),
  'e': (d) => blankPadded(d.getDate()),
  'F': (d) => expand('%Y-%m-%d', d),
  'g': (d) => two(isoWeek(d).year % 100),
  'G': (d) => String(isoWeek(d).year),
  'h': (d) => MONTHS[d.getMonth()]!,
  'H': (d) => two(d.getHours()),
  'I': (d) => two(hour12(d)),
  'j': (d) => three(dayOfYear(d) + 1),
  'k': (d) => blankPadded(d.getHours()),
  'l': (d) => blankPadded(hour12(d)),
  'm': (d) => two(d.getMonth() + 1),
  'M': (d) => two(d.getMinutes()),
  'n': () => '\n',
  'p': (d) => (d.getHours() < 12 ? 'AM' : 'PM'),
  'P': (d) => (d.getHours() < 12 ? 'am' : 'pm'),
  'r': (d) => expand('%I:%M:%S %p', d),
  'R': (d) => expand('%H:%M', d),
  's': (d) => String(Math.floor(d.getTime() / 1000)),
  'S': (d) => two(d.getSeconds()),
  't': () => '\t',
  'T': (d) => clock(d),
  'u': (d) => String(isoDay(d)),
  'U': (d) => two(Math.floor((dayOfYear(d) + 7 - d.getDay()) / 7)),
  'V': (d) => two(isoWeek(d).week),
  'w': (d) => String(d.getDay()),
  'W': (d) => two(Math.floor((dayOfYear(d) + 7 - ((d.getDay() + 6) % 7)) / 7)),
  'x': (d) => expand('%m/%d/%y', d),
  'X': (d) => clock(d),
  'y': (d) => two(d.getFullYear() % 100),
  'Y': (d) => String(d.getFullYear()),
  'z': (d) => zoneOffset(d),
  'Z': (d) => zoneName(d),
  '%': () => '%',
}
