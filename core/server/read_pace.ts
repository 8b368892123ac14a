/**
 * How fast a request has to come, where a module says so (the hook read_limits). One rule: whoever sends a byte now and
 * then does not win time by it, but by the rate at which bytes come.
 */
import type { ReadLimit } from '../hook/types.ts'

/** What remains of the time for the part of a request that is being read. */
export class ReadPace {
  #limit: ReadLimit | undefined
  #since = 0
  #from = 0

  /** Ms that are left, not above 0 if there are none. @param bytes received so far, counted from anywhere */
  left(limit: ReadLimit, now: number, bytes: number): number {
    if (this.#limit !== limit) {
      this.#limit = limit
      this.#since = now
      this.#from = bytes
    }
    const earned = limit.rate > 0 ? (bytes - this.#from) * 1000 / limit.rate : 0
    const given = limit.timeout + earned
    return this.#since + (limit.most > 0 ? Math.min(given, limit.most) : given) - now
  }

  /** The next part begins. */
  restart(): void {
    this.#limit = undefined
  }
}
