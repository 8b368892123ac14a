/*
 * mod_ratelimit: the filter RATE_LIMIT, which lets a body leave no faster than the variables `rate-limit` and
 * `rate-initial-burst` say (KiB a second, KiB). One rule: waiting takes a timer, and never a thread.
 */
import {
  FilterError, FilterType, numberOf, rangesOf, tableValue,
  type Data, type Module, type OutputFilter, type Request, type Sink, type Wait,
} from 'httpd'

/** ms between two portions. */
const INTERVAL = 200
const KIB = 1024

/** As ints of C: what does not fit is cut. */
const kib = (text: string): number => Math.imul(numberOf(text), KIB)

class Portions implements Sink {
  readonly #r: Request
  readonly #next: Sink
  readonly #portion: number
  /** Bytes that may leave before the next wait. */
  #allowance: number
  /** When there is the next portion, in ms of performance.now(). */
  #due = 0
  #waiting: { readonly timer: NodeJS.Timeout; wake(): void } | undefined
  #cancelled = false

  /** @param portion bytes per interval @param burst bytes more for the first one */
  constructor(r: Request, next: Sink, portion: number, burst: number) {
    this.#r = r
    this.#next = next
    this.#portion = portion
    this.#allowance = portion + burst
  }

  write(data: Data): Wait {
    if (this.#due === 0) {
      this.#due = performance.now() + INTERVAL
      const parts = this.#ranges(data)
      if (parts !== undefined) return this.#inPortions(parts)
    }
    if (data.length > this.#allowance) return this.#inPortions([data])
    this.#allowance -= data.length
    return this.#next.write(data)
  }

  // Ranges are cut out of a body that is here as a whole, as a file is: once it leaves it is too late for that.
  #ranges(data: Data): readonly Data[] | undefined {
    if (Number(this.#r.headersOut.get('Content-Length')) !== data.length) return undefined
    const parts = rangesOf(this.#r, data)
    if (parts === 416) throw new FilterError('no range is within the body', parts)
    return parts
  }

  flush(): Wait {
    return this.#next.flush()
  }

  end(): Wait {
    return this.#next.end()
  }

  cancel(): void {
    this.#cancelled = true
    if (this.#waiting === undefined) return
    clearTimeout(this.#waiting.timer)
    this.#waiting.wake()
  }

  async #inPortions(parts: readonly Data[]): Promise<void> {
    for (const data of parts) if (!this.#cancelled) await this.#portions(data)
  }

  async #portions(data: Data): Promise<void> {
    for (let at = 0; at < data.length;) {
      if (this.#allowance === 0) {
        await this.#nextPortion()
        if (this.#cancelled) return
      }
      const length = Math.min(this.#allowance, data.length - at)
      this.#allowance -= length
      await this.#next.write(part(data, at, length))
      if (this.#allowance === 0) await this.#next.flush()
      at += length
    }
  }

  // A client that was slower than it may be does not catch up.
  #nextPortion(): Promise<void> {
    const now = performance.now()
    const wait = Math.max(0, this.#due - now)
    this.#due = Math.max(this.#due, now) + INTERVAL
    this.#allowance = this.#portion
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting = undefined
        resolve()
      }
      this.#waiting = { timer: setTimeout(wake, wait), wake }
    })
  }
}

const part = (data: Data, at: number, length: number): Data =>
  data instanceof Uint8Array ? data.subarray(at, at + length) : data.slice(at, length)

/** Bytes per second; 0: it is not limited. */
function rateOf(r: Request): number {
  const said = tableValue(r.env, 'rate-limit')
  if (said === undefined) return 0
  const rate = kib(said)
  if (rate <= 0) r.log('info', 'ratelimit', `AH03488: rl: disabling: rate-limit = ${said} (too high?)`)
  return rate
}

function burstOf(r: Request): number {
  const said = tableValue(r.env, 'rate-initial-burst')
  if (said === undefined) return 0
  const burst = kib(said)
  if (burst > 0) return burst
  r.log('info', 'ratelimit', `AH03489: rl: disabling burst: rate-initial-burst = ${said} (too high?)`)
  return 0
}

export const filter: OutputFilter = {
  name: 'RATE_LIMIT', type: FilterType.connection - 1, keepsLength: true, quick: true,
  begin(r, next) {
    // Of a subrequest the request that it is for counts; nothing of a body leaves for HEAD.
    if (r.main !== undefined || r.hasEnv === false) return undefined
    const rate = rateOf(r)
    if (rate <= 0) return undefined
    const burst = burstOf(r)
    return r.isHead ? undefined : new Portions(r, next, Math.max(1, Math.trunc(rate * INTERVAL / 1000)), burst)
  },
}

export const module = {
  name: 'ratelimit_module',
  file: 'mod_ratelimit.c',
  outputFilters: [filter],
} satisfies Module
