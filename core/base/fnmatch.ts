// Shell wildcards: `*`, `?`, `[a-z]`, `[!a]`, `\x` (apr_fnmatch), for <Directory>, <Files>, Include, ServerAlias.
//
// One rule: time grows with pattern times text at worst. Only the last `*` is ever tried again: an earlier one could
// only have taken what the last one can take as well (and in pathname mode none of them takes a slash).

export interface FnmatchOptions {
  /** A slash is matched by a slash only. */
  readonly pathname?: boolean
  /** ASCII case does not count. */
  readonly caseFold?: boolean
  /** A dot at the beginning (in pathname mode: of a segment) is matched by a dot only. */
  readonly period?: boolean
  /** A backslash stands for itself. */
  readonly noEscape?: boolean
}

/** One element of a pattern: a char code, or one of the kinds below. */
type Element = number | CharSet
const STAR = -1
const ANY = -2
const SLASH = 0x2f
const DOT = 0x2e

/** Ends of ranges; of fewer each is looked at. */
const MANY_RANGES = 32
const TABLE_CODES = 256

class CharSet {
  readonly negated: boolean
  private readonly ranges: number[] = []
  /** Which codes are in the ranges, where these are many. */
  private table: Uint8Array | undefined

  constructor(negated: boolean) {
    this.negated = negated
  }

  add(low: number, high: number): void {
    this.ranges.push(low, high)
  }

  /** To be called once all is in it: clients write patterns too, with thousands of ranges. */
  close(): this {
    if (this.ranges.length <= MANY_RANGES) return this
    const table = this.table = new Uint8Array(TABLE_CODES)
    for (let i = 0; i < this.ranges.length; i += 2) table.fill(1, this.ranges[i]!, this.ranges[i + 1]! + 1)
    return this
  }

  has(code: number): boolean {
    if (this.table !== undefined && code < TABLE_CODES) return (this.table[code] === 1) !== this.negated
    for (let i = 0; i < this.ranges.length; i += 2) {
      if (code >= this.ranges[i]! && code <= this.ranges[i + 1]!) return !this.negated
    }
    return this.negated
  }
}

/** Whether a pattern has anything but literal characters: `*`, `?` or a complete `[…]` (apr_fnmatch_test). */
export function hasWildcards(pattern: string): boolean {
  return parse(pattern, {}).some((element) => element === STAR || element === ANY || typeof element === 'object')
}

/** Prepares a pattern. The function it gives tells whether a text matches it from end to end. */
export function compile(pattern: string, options: FnmatchOptions = {}): (text: string) => boolean {
  const elements = parse(options.caseFold === true ? lower(pattern) : pattern, options)
  const fold = options.caseFold === true
  return (text) => matches(elements, fold ? lower(text) : text, options)
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function parse(pattern: string, options: FnmatchOptions): Element[] {
  const elements: Element[] = []
  let at = 0
  // No bracket before that is closed: to look from each of them would take a time that grows with their square.
  let openUntil = 0
  while (at < pattern.length) {
    const char = pattern[at]!
    if (char === '*') {
      if (elements.at(-1) !== STAR) elements.push(STAR)
    } else if (char === '?') elements.push(ANY)
    else if (char === '[' && at >= openUntil) {
      const set = parseSet(pattern, at, options)
      if (typeof set === 'number') {
        elements.push(OPEN_BRACKET)
        openUntil = set
      } else {
        elements.push(set.set)
        at = set.end - 1
      }
    } else if (char === '\\' && options.noEscape !== true && at + 1 < pattern.length) {
      elements.push(pattern.charCodeAt(++at))
    } else elements.push(pattern.charCodeAt(at))
    at++
  }
  return elements
}

/** A bracket that nothing closes stands for itself. */
const OPEN_BRACKET = 0x5b

/** The set whose `[` is at `at`; without a closing bracket (in pathname mode: in the same segment) the end of the search. */
function parseSet(
  pattern: string, at: number, options: FnmatchOptions,
): { set: CharSet; end: number } | number {
  let i = at + 1
  const set = new CharSet(pattern[i] === '!' || pattern[i] === '^')
  if (set.negated) i++
  const first = i
  while (i < pattern.length && (pattern[i] !== ']' || i === first)) {
    if (pattern[i] === '\\' && options.noEscape !== true && i + 1 < pattern.length) i++
    if (options.pathname === true && pattern[i] === '/') return i
    const low = pattern.charCodeAt(i++)
    let high = low
    if (pattern[i] === '-' && i + 1 < pattern.length && pattern[i + 1] !== ']') {
      i++
      if (pattern[i] === '\\' && options.noEscape !== true && i + 1 < pattern.length) i++
      high = pattern.charCodeAt(i++)
    }
    set.add(low, high)
  }
  return i < pattern.length ? { set: set.close(), end: i + 1 } : pattern.length
}

function matches(elements: readonly Element[], text: string, options: FnmatchOptions): boolean {
  let element = 0
  let at = 0
  let starElement = -1
  let starAt = 0
  for (;;) {
    if (elements[element] === STAR && !isHiddenDot(text, at, options)) {
      starElement = element++
      starAt = at
    } else if (at < text.length && element < elements.length && matchesOne(elements[element]!, text, at, options)) {
      element++
      at++
    } else if (at === text.length && element === elements.length) return true
    else {
      // Let the last star take one char more, unless it may not.
      if (starElement < 0 || starAt >= text.length) return false
      if (options.pathname === true && text.charCodeAt(starAt) === SLASH) return false
      at = ++starAt
      element = starElement + 1
    }
  }
}

function matchesOne(element: Element, text: string, at: number, options: FnmatchOptions): boolean {
  const code = text.charCodeAt(at)
  if (typeof element === 'number' && element >= 0) return code === element
  if (element === STAR || isHiddenDot(text, at, options)) return false
  if (options.pathname === true && code === SLASH) return false
  return element === ANY || (typeof element === 'object' && element.has(code))
}

/** A dot at the beginning, which no wildcard matches in period mode. */
function isHiddenDot(text: string, at: number, options: FnmatchOptions): boolean {
  if (options.period !== true || text.charCodeAt(at) !== DOT) return false
  return at === 0 || (options.pathname === true && text.charCodeAt(at - 1) === SLASH)
}
