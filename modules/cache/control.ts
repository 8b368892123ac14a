/** What Cache-Control and Pragma say (RFC 9111 section 5.2), of a request or of a response. Pure. */

export interface CacheControl {
  readonly noCache: boolean
  readonly noStore: boolean
  readonly isPrivate: boolean
  readonly isPublic: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly onlyIfCached: boolean
  /** Seconds; undefined: not said, or no number. */
  readonly maxAge: number | undefined
  readonly sMaxage: number | undefined
  readonly minFresh: number | undefined
  /** Infinity where there is no number. */
  readonly maxStale: number | undefined
  /** Fields that `no-cache="…"` and `private="…"` name, in lower case: the rest of the response may be stored. */
  readonly guarded: readonly string[]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const NOTHING: CacheControl = Object.freeze({
  noCache: false, noStore: false, isPrivate: false, isPublic: false, mustRevalidate: false, proxyRevalidate: false,
  onlyIfCached: false, maxAge: undefined, sMaxage: undefined, minFresh: undefined, maxStale: undefined, guarded: [],
})

const FLAGS: Readonly<Record<string, keyof CacheControl>> = {
  'no-cache': 'noCache', 'no-store': 'noStore', private: 'isPrivate', public: 'isPublic', 'must-revalidate': 'mustRevalidate',
  'proxy-revalidate': 'proxyRevalidate', 'only-if-cached': 'onlyIfCached',
}
const NUMBERS: Readonly<Record<string, 'maxAge' | 'sMaxage' | 'minFresh' | 'maxStale'>> =
  { 'max-age': 'maxAge', 's-maxage': 'sMaxage', 'min-fresh': 'minFresh', 'max-stale': 'maxStale' }

/**
 * A name, perhaps with a value, in quotes or not. As in Apache a blank ends one as a comma does; what is none is skipped,
 * so that it does not hide a `private` behind it.
 */
const DIRECTIVE = /[\s,="]*([^\s,="]+)\s*(=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]*)))?/y

export function parseControl(control: string | undefined, pragma: string | undefined): CacheControl {
  if (control === undefined && pragma === undefined) return NOTHING
  const said: Mutable<CacheControl> = { ...NOTHING }
  if (pragma !== undefined && directives(pragma).some(([name]) => name === 'no-cache')) said.noCache = true
  for (const [name, value] of directives(control ?? '')) take(said, name, value)
  return said
}

function directives(text: string): [name: string, value: string | undefined][] {
  const found: [string, string | undefined][] = []
  DIRECTIVE.lastIndex = 0
  for (let match = DIRECTIVE.exec(text); match !== null; match = DIRECTIVE.exec(text))
    found.push([match[1]!.toLowerCase(), match[2] === undefined ? undefined : match[3] ?? match[4] ?? ''])
  return found
}

function take(said: Mutable<CacheControl>, name: string, value: string | undefined): void {
  const number = own(NUMBERS, name)
  if (number === 'maxStale' && value === undefined) said.maxStale = Infinity
  else if (number !== undefined) {
    // Below zero is over at once: what says so does not want to be guessed about.
    if (value !== undefined && /^-?\d+$/.test(value)) said[number] = Math.max(0, Number(value))
  } else if (value === undefined) {
    const flag = own(FLAGS, name)
    if (flag !== undefined) Object.assign(said, { [flag]: true })
  } else if (name === 'no-cache' || name === 'private')
    said.guarded = [...said.guarded, ...value.toLowerCase().split(/[\s,]+/).filter(Boolean)]
}

const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined => Object.hasOwn(table, name) ? table[name] : undefined
