/**
 * One evaluation: what functions and operators of expressions are told. One
 * rule: it lives as long as the evaluation, nothing of it is kept.
 */
import type { Request } from '../hook/types.ts'

/** What `$0` to `$9` stand for: the groups of the last match of a regular expression that has groups. */
export interface Captures {
  groups: readonly (string | undefined)[] | undefined
}

/** Where an expression was written. */
export interface Written {
  readonly file: string
  readonly line: number
}

export class Evaluation {
  readonly request: Request
  readonly captures: Captures
  readonly written: Written
  /** Request headers that the result depends on; undefined where nobody asks. */
  readonly vary: string[] | undefined

  constructor(request: Request, captures: Captures, written: Written, vary: string[] | undefined) {
    this.request = request
    this.captures = captures
    this.written = written
    this.vary = vary
  }

  /** The result depends on a request header. What Host asks for is never cached for another one (RFC 9110 12.5.5). */
  dependsOn(header: string): void {
    if (this.vary !== undefined && header.toLowerCase() !== 'host') this.vary.push(header)
  }
}

/** An expression could not be evaluated. What it is used in decides what then becomes of the request. */
export class EvaluationError extends Error {}
