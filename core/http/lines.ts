// Lines inside a head: where one ends, and whether it is longer than allowed.
//
// One rule: the answer is the same however the bytes were cut. A line is judged when its LF is there, or as soon as it
// is certain to be too long.

import { CR, LF } from './bytes.ts'

/** The answer of a parser that needs more bytes. */
export const MORE = 0
/** The answer of a parser that refuses; the head's fault says why. */
export const BAD = -1
/** The answer of lineLength for a line above its limit. */
export const TOO_LONG = -2
/** The answer of lineLength while the end of the line has not come. */
export const UNFINISHED = -3

/**
 * Length of the line at `at` without its end; UNFINISHED while the LF is missing, TOO_LONG above the limit.
 * As in Apache, whose buffer is two bytes longer than the limit, one byte above the configured value still passes.
 */
export function lineLength(bytes: Buffer, at: number, end: number, limit: number): number {
  const longest = limit + 1
  const lf = bytes.indexOf(LF, at)
  if (lf < 0 || lf >= end) {
    const seen = end - at
    const sure = seen > longest + 1 || (seen === longest + 1 && bytes[end - 1] !== CR)
    return sure ? TOO_LONG : UNFINISHED
  }
  const length = lf > at && bytes[lf - 1] === CR ? lf - 1 - at : lf - at
  return length > longest ? TOO_LONG : length
}
