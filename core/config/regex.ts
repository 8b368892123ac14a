/**
 * Regular expressions of the configuration: PCRE2's, as in Apache httpd (8 bit, no UTF, names may be given twice).
 * One rule: a pattern means what PCRE2 says, and no match takes longer than a bound that is known beforehand.
 *
 * JavaScript matches where it surely does the same in few enough steps, for a subject of the length at hand; the
 * library PCRE2 matches the rest, under its match limit. See docs/regex.md and ADR 14.
 */
import { ConfigError } from './errors.ts'
import { isAnchored, longestSubject, stepsOfStart, type Polynomial } from './regex/cost.ts'
import { emit } from './regex/emit.ts'
import {
  isError, isMatch, matchOf, type CompiledPattern, type MatchBudget, type RegexLibrary, type RegexOptions,
} from './regex/native.ts'
import { parse } from './regex/parse.ts'
import { Wrong, type Parsed, type Tree } from './regex/tree.ts'

export { MatchBudget } from './regex/native.ts'
export type { RegexLibrary, RegexOptions } from './regex/native.ts'

/** Texts of the whole match and of the groups; undefined for a group that has not matched. */
export type RegexMatch = (string | undefined)[] & {
  0: string
  /** Offset of the match in the subject. */
  index: number
}

/** A compiled pattern. Subjects have one character per byte. */
export interface Regex {
  /** As it was written. */
  readonly source: string
  /** Names of groups by their number, undefined for those without; [0] stands for the whole match. */
  readonly names: readonly (string | undefined)[]
  /** @throws MatchError */
  exec(subject: string): RegexMatch | null
  /** @throws MatchError */
  test(subject: string): boolean
  /**
   * Every match, one after the other: each search begins where the last match ended, after an empty one a byte later,
   * and there is nothing before its beginning: `^` matches there. Offsets are those of the whole subject.
   * @throws MatchError
   */
  every(subject: string, budget: MatchBudget): RegexMatch[]
}

/** The pattern is wrong. */
export class RegexSyntaxError extends ConfigError {}

/** Whether a subject matches cannot be said. Neither answer is safe: what asked has to fail. */
export class MatchError extends Error {
  constructor(pattern: string, why: string) {
    super(`Cannot match "${pattern}": ${why}`)
  }
}

/** As Apache's, when RegexDefaultOptions says nothing. */
export const REGEX_DEFAULTS: RegexOptions =
  Object.freeze({ icase: false, extended: false, dotall: true, dollarEndonly: true, multiline: false })

const NO_DEFAULTS: RegexOptions = { icase: false, extended: false, dotall: false, dollarEndonly: false, multiline: false }

const CANNOT_COMPILE = 'Regex could not be compiled'
const MISSING = 'the library PCRE2 (libpcre2-8), which is not installed'

let defaults = REGEX_DEFAULTS

/** What RegexDefaultOptions says, for patterns that are compiled from now on by this thread. */
export function setRegexDefaults(options: RegexOptions): void {
  defaults = options
}

let open: () => RegexLibrary = () => {
  throw new Error('none was given')
}
let opened: RegexLibrary | undefined | null = null

/** @param opening called once, when the first pattern needs the library; it throws if there is none */
export function setRegexLibrary(opening: () => RegexLibrary): void {
  open = opening
  opened = null
}

/** The library; undefined if it cannot be had. */
export function regexLibrary(): RegexLibrary | undefined {
  if (opened !== null) return opened
  try {
    opened = open()
  } catch {
    opened = undefined
  }
  return opened
}

/**
 * @param pattern one character per byte
 * @param flags added to the defaults: `i` to ignore case, `x` extended, `s` the dot matches a line feed,
 * `m` multi-line, `n` none of the defaults but that of the dollar (Apache's AP_REG_NO_DEFAULT | AP_REG_DOLLAR_ENDONLY)
 * @throws RegexSyntaxError `Regex could not be compiled` @throws ConfigError if it needs a library that is missing
 */
export function compileRegex(pattern: string, flags = '', base = defaults): Regex {
  const options = flags === '' ? base : withFlags(flags.includes('n') ? { ...NO_DEFAULTS, dollarEndonly: base.dollarEndonly } : base, flags)
  const parsed = parsedOf(pattern, options)
  const longest = parsed === undefined ? -1 : longestSubject(parsed.tree)
  if (parsed !== undefined && longest >= 0) return new Translated(pattern, options, parsed, longest)
  return new Native(pattern, compiled(pattern, options))
}

function parsedOf(pattern: string, options: RegexOptions): Parsed | undefined {
  try {
    return parse(pattern, options)
  } catch (error) {
    throw error instanceof Wrong ? new RegexSyntaxError(CANNOT_COMPILE) : error
  }
}

const withFlags = (base: RegexOptions, flags: string): RegexOptions => ({
  ...base,
  icase: base.icase || flags.includes('i'),
  extended: base.extended || flags.includes('x'),
  dotall: base.dotall || flags.includes('s'),
  multiline: flags.includes('m'),
})

function compiled(pattern: string, options: RegexOptions): CompiledPattern {
  const library = regexLibrary()
  if (library === undefined)
    throw new ConfigError(`Regex "${pattern}" could not be compiled: it needs ${MISSING}`)
  const found = library.compile(pattern, options)
  if (found === undefined) throw new RegexSyntaxError(CANNOT_COMPILE)
  return found
}

class Native implements Regex {
  readonly source: string
  readonly #compiled: CompiledPattern

  constructor(source: string, pattern: CompiledPattern) {
    this.source = source
    this.#compiled = pattern
  }

  get names(): readonly (string | undefined)[] {
    return this.#compiled.names
  }

  exec(subject: string): RegexMatch | null {
    return this.test(subject) ? matchOf(this.#compiled, subject) : null
  }

  test(subject: string): boolean {
    const result = this.#compiled.match(subject)
    if (isError(result)) throw this.#undecided(result)
    return isMatch(result)
  }

  every(subject: string, budget: MatchBudget): RegexMatch[] {
    const matches: RegexMatch[] = []
    const result = this.#compiled.every(subject, budget, (from) => {
      const match = matchOf(this.#compiled, subject.slice(from))
      match.index += from
      matches.push(match)
      return behind(match)
    })
    if (isError(result)) throw this.#undecided(result)
    return matches
  }

  #undecided(result: number): MatchError {
    return new MatchError(this.source, this.#compiled.describe(result))
  }
}

/** Where the search for the next match begins. */
const behind = ({ 0: whole, index }: RegexMatch): number => index + Math.max(1, whole.length)

class Translated implements Regex {
  readonly source: string
  readonly names: readonly (string | undefined)[]
  readonly #regex: RegExp
  /** Bytes up to which JavaScript is quick enough. */
  readonly #longest: number
  readonly #options: RegexOptions
  readonly #tree: Tree
  /** Of one start; only every() asks. */
  #steps: Polynomial | undefined
  #native: Native | undefined

  constructor(source: string, options: RegexOptions, { tree, names }: Parsed, longest: number) {
    this.source = source
    this.names = names
    this.#options = options
    this.#longest = longest
    this.#tree = tree
    this.#regex = new RegExp(emit(tree))
  }

  exec(subject: string): RegexMatch | null {
    if (subject.length > this.#longest) return this.#library(subject).exec(subject)
    return this.#regex.exec(subject) as RegexMatch | null
  }

  test(subject: string): boolean {
    return subject.length > this.#longest ? this.#library(subject).test(subject) : this.#regex.test(subject)
  }

  // What a search has taken is not known, only how far it came. When what it may have taken is used up, the library
  // goes on, which can tell.
  every(subject: string, budget: MatchBudget): RegexMatch[] {
    const matches: RegexMatch[] = []
    for (let from = 0; from <= subject.length;) {
      const rest = subject.slice(from)
      if (rest.length > this.#longest || budget.foretold < 0) return this.#everyFurther(subject, from, budget, matches)
      const match = this.#regex.exec(rest) as RegexMatch | null
      budget.foretold -= this.#foretold(rest.length, match)
      if (match === null) break
      match.index += from
      matches.push(match)
      from = behind(match)
    }
    return matches
  }

  #everyFurther(subject: string, from: number, budget: MatchBudget, matches: RegexMatch[]): RegexMatch[] {
    for (const match of this.#library(subject).every(subject.slice(from), budget)) {
      match.index += from
      matches.push(match)
    }
    return matches
  }

  /** Steps that a search may have taken at most. */
  #foretold(length: number, match: RegexMatch | null): number {
    const { factor, degree } = (this.#steps ??= stepsOfStart(this.#tree))
    const starts = isAnchored(this.#tree) ? 1 : (match?.index ?? length) + 1
    return starts * factor * (length + 1) ** degree
  }

  /** For subjects that are too long for JavaScript. */
  #library(subject: string): Native {
    if (this.#native !== undefined) return this.#native
    if (regexLibrary() === undefined)
      throw new MatchError(this.source, `a text of ${subject.length} bytes takes ${MISSING}`)
    return (this.#native = new Native(this.source, compiled(this.source, this.#options)))
  }
}
