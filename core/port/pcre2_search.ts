/**
 * Searches a long subject with the library PCRE2, or a subject for every match. One rule: all that the starts of a
 * search take comes out of one budget, though the library counts from each of them anew.
 *
 * The library counts how often its matcher calls itself, not the bytes that a possessive loop runs over: in `a[^z]*+b`
 * these are all bytes to the end, from every start. So a start first sees a window of the subject: a hard partial match
 * says whether it would have looked any further, and only then it sees all, and pays for it.
 */

/** What is left for a match, or for all matches of an evaluation. */
export interface Budget {
  /** Calls of the library's matcher, some 15 to 40 ns each. */
  steps: number
  /** Bytes that its loops run over without a call, some 1 ns each. */
  bytes: number
}

const MOST_STEPS = 4_000_000
const MOST_BYTES = 300_000_000

export const newBudget = (): Budget => ({ steps: MOST_STEPS, bytes: MOST_BYTES })

/** Answers of the library, beside the number of groups. */
export const NO_MATCH = -1, PARTIAL = -2, ERROR_MATCHLIMIT = -47

/**
 * One call of the library: tries the starts `first` to `last`, each with no more than `steps`, in the subject's bytes
 * before `end`. `partial`: answers PARTIAL where it would look at what is behind `end`.
 */
export type Look = (first: number, last: number, steps: number, end: number, partial: boolean) => number

export interface Subject {
  readonly look: Look
  /** Where the match begins that was found last. */
  readonly foundAt: () => number
  /** In bytes. */
  readonly length: number
  /** The pattern can match at its beginning only. */
  readonly anchored: boolean
}

/** Starts that are tried with one call while each of them takes few steps. */
const GROUP = 32
const FIRST_STEPS = 128
/** How much more a start may take when that was not enough. */
const MORE = 16
/** Bytes behind the last start of a call that it may look at without paying for them. */
const WINDOW = 2048
/**
 * Steps above the first few may run over many bytes each, as in `[ab]*a*a*c`: how many of those in sight are charged for
 * each, and no more than of 8 kB (to go there and back in a long text has to be possible).
 */
const PART_OF_SIGHT = 1 / 4
const LONGEST_SIGHT = 8192
/** What a call and a start take from the budget at least. */
const CALL = 8, START = 2

/** @returns as the library; ERROR_MATCHLIMIT if the budget is used up */
export function searchInGroups(subject: Subject, budget: Budget): number {
  const lastStart = subject.anchored ? 0 : subject.length
  for (let first = 0; first <= lastStart; first += GROUP) {
    const last = Math.min(first + GROUP - 1, lastStart)
    let result = inWindow(subject, first, last, FIRST_STEPS, budget)
    if (budget.steps < 0) return ERROR_MATCHLIMIT
    if (result === ERROR_MATCHLIMIT || result === PARTIAL)
      for (let start = first; start <= last && (result = fromOne(subject, start, budget)) === NO_MATCH;) start++
    if (result !== NO_MATCH) return result
  }
  return NO_MATCH
}

function inWindow(subject: Subject, first: number, last: number, steps: number, budget: Budget): number {
  const { look, length } = subject
  const seesAll = length - last <= 2 * WINDOW
  const result = look(first, last, steps, seesAll ? length : last + WINDOW, !seesAll)
  budget.steps -= CALL + START * triedStarts(subject, result, first, last)
  return result
}

function fromOne(subject: Subject, start: number, budget: Budget): number {
  const { look, length } = subject
  const bytesPerStep = 1 + PART_OF_SIGHT * Math.min(length - start, LONGEST_SIGHT)
  let whole = false
  for (let steps = FIRST_STEPS; ;) {
    if (steps > FIRST_STEPS) {
      budget.steps -= steps
      budget.bytes -= steps * bytesPerStep
    }
    if (whole) budget.bytes -= length - start
    if (budget.steps < 0 || budget.bytes < 0) return ERROR_MATCHLIMIT
    const result = whole ? look(start, start, steps, length, false) : inWindow(subject, start, start, steps, budget)
    if (result === PARTIAL) whole = true
    else if (result !== ERROR_MATCHLIMIT) return result
    else {
      const affordable = Math.floor(Math.min(budget.steps, (budget.bytes - length) / bytesPerStep))
      if (affordable <= steps) return result
      steps = Math.min(steps * MORE, affordable)
    }
  }
}

/**
 * The same with one call, for patterns that ask where the search began, or end it: each start may take its share.
 * @param limit steps that one start may take at most
 */
export function searchAtOnce(subject: Subject, limit: number, budget: Budget): number {
  const { look, length, anchored } = subject
  const last = anchored ? 0 : length
  if (budget.steps < 0 || length * (last + 2) / 2 > budget.bytes) return ERROR_MATCHLIMIT
  const steps = Math.min(limit, Math.max(FIRST_STEPS, Math.floor(budget.steps / (last + 1))))
  const result = look(0, last, steps, length, false)
  const tried = triedStarts(subject, result, 0, last)
  budget.steps -= CALL + steps * tried
  budget.bytes -= length * (tried + 1) / 2
  return result
}

/** How many starts a call has tried at most. `\K` lets a match begin elsewhere. */
const triedStarts = ({ foundAt }: Subject, result: number, first: number, last: number): number =>
  result < 0 ? last - first + 1 : Math.min(Math.max(foundAt(), first), last) - first + 1
