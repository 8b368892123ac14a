/*
 * The one kind of failure that is the user's to mend. It is printed as `configure: error: …` without a stack
 * and ends the run with 1; anything else that is thrown is a fault of configure itself.
 */

/** What the person who runs configure must change. `hints` are further lines, printed as they are. */
export class UserError extends Error {
  readonly hints: readonly string[]

  constructor(message: string, hints: readonly string[] = []) {
    super(message)
    this.hints = hints
  }
}
