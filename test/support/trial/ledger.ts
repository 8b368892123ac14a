/*
 * The book of a load: every request that was sent stands in it with what became of it. Nothing is retried silently
 * and nothing is excused here; which losses may be is the trial's affair.
 */

/** What became of a request. All but `whole` are faults. */
export type Outcome =
  /** the answer came, complete and as expected */
  | 'whole'
  /** nobody listened */
  | 'refused'
  /** the connection ended before the first byte of an answer */
  | 'lost'
  /** it ended within an answer */
  | 'cut'
  /** nothing came for ten seconds */
  | 'late'
  /** an answer, but another one */
  | 'wrong'

export interface Fault {
  readonly outcome: Outcome
  readonly path: string
  readonly text: string
  /** Times (ms of performance.now): connection made, request sent, fault seen. */
  readonly connected: number
  readonly sent: number
  readonly seen: number
  /**
   * How long (ms) the connection may have been idle, as the server saw it, when the request was sent: since the request
   * before, or since it was made. When an answer came to a busy client's notice says nothing of when it was sent.
   */
  readonly idle: number
  /** Answers that had come on the connection. */
  readonly answered: number
  /** The client's port. */
  readonly port: number
}

/** Bytes of fault text that are kept. */
const TEXT = 200
const KEPT = 1000

export class Ledger {
  sent = 0
  whole = 0
  /** Connections that the server ended while nothing was under way: no loss. */
  endedIdle = 0
  connections = 0
  readonly faults: Fault[] = []
  readonly #counts = new Map<Outcome, number>()

  fault(fault: Fault): void {
    this.#counts.set(fault.outcome, (this.#counts.get(fault.outcome) ?? 0) + 1)
    if (this.faults.length < KEPT) this.faults.push({ ...fault, text: fault.text.slice(0, TEXT) })
  }

  count(outcome: Outcome): number {
    return outcome === 'whole' ? this.whole : this.#counts.get(outcome) ?? 0
  }

  /** Requests of which nothing is known yet: 0 once the load has ended. */
  get open(): number {
    return [...this.#counts.values()].reduce((left, count) => left - count, this.sent - this.whole)
  }

  toString(): string {
    const faults = [...this.#counts].map(([outcome, count]) => `, ${count} ${outcome}`).join('')
    return `${this.sent} sent on ${this.connections} connections, ${this.whole} whole${faults}` +
      `, ${this.endedIdle} connections ended idle`
  }
}
