// Request methods and their numbers.
//
// The numbers are those of Apache's M_ constants: GET is 0 (HEAD is GET with "header only"), M_INVALID stands for every
// name that nobody registered. One rule: a name becomes a number here and nowhere else. RegisterHttpMethod adds names;
// a new generation of the configuration starts again from the built-in list.

export const M_GET = 0
export const M_PUT = 1
export const M_POST = 2
export const M_DELETE = 3
export const M_CONNECT = 4
export const M_OPTIONS = 5
export const M_TRACE = 6
export const M_PATCH = 7
export const M_PROPFIND = 8
export const M_PROPPATCH = 9
export const M_MKCOL = 10
export const M_COPY = 11
export const M_MOVE = 12
export const M_LOCK = 13
export const M_UNLOCK = 14
export const M_VERSION_CONTROL = 15
export const M_CHECKOUT = 16
export const M_UNCHECKOUT = 17
export const M_CHECKIN = 18
export const M_UPDATE = 19
export const M_LABEL = 20
export const M_REPORT = 21
export const M_MKWORKSPACE = 22
export const M_MKACTIVITY = 23
export const M_BASELINE_CONTROL = 24
export const M_MERGE = 25
export const M_INVALID = 26

/** How many names RegisterHttpMethod may add. */
export const MAX_REGISTERED = 62

/** Built-in names; the index is the number. */
const BUILT_IN = [
  'GET', 'PUT', 'POST', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY',
  'MOVE', 'LOCK', 'UNLOCK', 'VERSION-CONTROL', 'CHECKOUT', 'UNCHECKOUT', 'CHECKIN', 'UPDATE', 'LABEL', 'REPORT',
  'MKWORKSPACE', 'MKACTIVITY', 'BASELINE-CONTROL', 'MERGE',
] as const

const numbers = new Map<string, number>()
const names: string[] = []

/** Forgets what RegisterHttpMethod added; called before a configuration is read. */
export function resetMethods(): void {
  numbers.clear()
  names.length = 0
  for (const [number, name] of BUILT_IN.entries()) {
    numbers.set(name, number)
    names[number] = name
  }
  numbers.set('HEAD', M_GET)
  names[M_INVALID] = ''
}
resetMethods()

/**
 * Adds a method (directive RegisterHttpMethod). A known name keeps its number.
 * @returns the number, or M_INVALID when the table is full.
 */
export function registerMethod(name: string): number {
  const known = numbers.get(name)
  if (known !== undefined) return known
  if (names.length > M_INVALID + MAX_REGISTERED) return M_INVALID
  numbers.set(name, names.length)
  return names.push(name) - 1
}

/** The number of a method name (case matters, RFC 9110 section 9.1); M_INVALID for an unknown one. */
export function methodNumber(name: string): number {
  return numbers.get(name) ?? M_INVALID
}

/** The name of a method number; the empty string for M_INVALID and for numbers never given out. */
export function methodName(number: number): string {
  return names[number] ?? ''
}

const G = 0x47, E = 0x45, T = 0x54, H = 0x48, A = 0x41, D = 0x44, P = 0x50, O = 0x4f, S = 0x53

/** The number of the method at bytes [start, end). The four usual ones make no string. */
export function methodNumberAt(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start]!
  if (end - start === 3 && first === G && bytes[start + 1] === E && bytes[start + 2] === T) return M_GET
  if (end - start === 4) {
    const second = bytes[start + 1]!, third = bytes[start + 2]!, fourth = bytes[start + 3]!
    if (first === H && second === E && third === A && fourth === D) return M_GET
    if (first === P && second === O && third === S && fourth === T) return M_POST
  }
  return methodNumber(bytes.toString('latin1', start, end))
}

/** The order in which Apache's default handler lists methods; what is not named here follows by number. */
const ALLOW_ORDER = ['POST', 'OPTIONS', 'HEAD', 'GET', 'TRACE']

/** What the default handler answers to OPTIONS when TRACE is on. */
export const DEFAULT_ALLOW = ALLOW_ORDER.join(',')

/**
 * The value of an Allow header.
 * @param methods numbers that are allowed; GET brings HEAD with it.
 * @param trace whether TraceEnable lets TRACE through: it is then allowed everywhere.
 */
export function allowHeader(methods: Iterable<number>, trace: boolean): string {
  const allowed = new Set<string>()
  for (const number of [...methods].sort((a, b) => a - b)) {
    const name = methodName(number)
    if (name !== '' && number !== M_TRACE) allowed.add(name)
  }
  if (allowed.has('GET')) allowed.add('HEAD')
  if (trace) allowed.add('TRACE')
  const ordered = ALLOW_ORDER.filter((name) => allowed.delete(name))
  return [...ordered, ...allowed].join(',')
}
