/**
 * The regular expressions of the library PCRE2, as the configuration sees them. The library itself is the port's:
 * whoever starts the program says how it is opened.
 */
import type { RegexMatch } from '../regex.ts'
import { MOST_STEPS } from './cost.ts'

/** What RegexDefaultOptions and flags say. */
export interface RegexOptions {
  readonly icase: boolean
  /** White space and comments in the pattern mean nothing. */
  readonly extended: boolean
  readonly dotall: boolean
  readonly dollarEndonly: boolean
  readonly multiline: boolean
}

/** A library that compiles patterns. */
export interface RegexLibrary {
  /** As `10.42 2022-12-11`. */
  readonly version: string
  /** @returns undefined if the pattern is wrong */
  compile(pattern: string, options: RegexOptions): CompiledPattern | undefined
}

export interface CompiledPattern {
  readonly names: readonly (string | undefined)[]
  /** Negative: no match (-1), or an error of the library. Else pairs of offsets stand in `spans`. */
  match(subject: string): number
  /**
   * One match after the other; `found` is told where the search began, of which `spans` counts, and says where the next
   * one begins. Negative, as match().
   */
  every(subject: string, budget: MatchBudget, found: (from: number) => number): number
  /** Two per group, begin and end; UNSET if it has not matched. The same memory for every pattern. */
  readonly spans: Uint32Array
  readonly groups: number
  /** An error of the library in words. */
  describe(error: number): string
}

/** What is left for all matches of an evaluation together; the library has the same for a match of its own. */
export class MatchBudget {
  /** Steps of JavaScript, as foretold: an upper bound. */
  foretold = MOST_STEPS
  /** Steps of the library, as measured. */
  steps = 4_000_000
  /** Bytes over which the library's loops run. */
  bytes = 300_000_000
}

const UNSET = 0xffffffff
const NO_MATCH = -1

/** What the library found, as RegExp.exec() answers it. */
export function matchOf({ spans, groups }: CompiledPattern, subject: string): RegexMatch {
  const found = new Array<string | undefined>(groups + 1)
  for (let group = 0; group <= groups; group++) {
    const from = spans[4 * group]!
    found[group] = from === UNSET ? undefined : subject.slice(from, spans[4 * group + 2])
  }
  return Object.assign(found, { index: spans[0]! }) as RegexMatch
}

export const isMatch = (result: number): boolean => result > NO_MATCH
export const isError = (result: number): boolean => result < NO_MATCH
