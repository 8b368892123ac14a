/**
 * Answers of a turn that leave together at its end, in one system call. They stand behind each other in the thread's
 * output buffer until then.
 */
import type { Fd, Memory, Net, Result, SendRing } from '../port/port.ts'

/** Whose answer it is: told if the socket did not take all of it. */
export interface Posted {
  /** @param took as `Net.send` answers; the bytes are in their place for as long as this call lasts */
  fellShort(took: Result, offset: number, length: number): void
  /** All others know as well: what follows from it may be done now. */
  goOn(): void
}

export class SendBatch {
  /** Counts the calls: what was added in an earlier round has left. */
  round = 0
  readonly #net: Net
  readonly #ring: SendRing
  readonly #memory: Memory
  readonly #whose: Posted[] = []
  readonly #fds: Int32Array
  readonly #offsets: Int32Array
  readonly #lengths: Int32Array
  #count = 0

  constructor(net: Net, ring: SendRing, memory: Memory) {
    this.#net = net
    this.#ring = ring
    this.#memory = memory
    this.#fds = new Int32Array(ring.size)
    this.#offsets = new Int32Array(ring.size)
    this.#lengths = new Int32Array(ring.size)
  }

  get isFull(): boolean {
    return this.#count === this.#ring.size
  }

  /** Adds bytes of the output buffer; of one socket at most once a round. */
  add(whose: Posted, fd: Fd, offset: number, length: number): void {
    const i = this.#count++
    this.#whose[i] = whose
    this.#fds[i] = fd
    this.#offsets[i] = offset
    this.#lengths[i] = length
  }

  /** Sends what was added. */
  submit(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    this.round++
    if (count === 1) this.#sendOne()
    else this.#sendAll(count)
  }

  // Alone, the ordinary call is the cheaper one.
  #sendOne(): void {
    const whose = this.#whose[0]!
    const offset = this.#offsets[0]!
    const length = this.#lengths[0]!
    const took = this.#net.send(this.#fds[0]!, this.#memory, offset, length, false)
    if (took === length) return
    whose.fellShort(took, offset, length)
    whose.goOn()
  }

  #sendAll(count: number): void {
    const ring = this.#ring
    for (let i = 0; i < count; i++) ring.add(this.#fds[i]!, this.#memory, this.#offsets[i]!, this.#lengths[i]!)
    ring.submit()
    let short: Posted[] | undefined
    for (let i = 0; i < count; i++) {
      const took = ring.results[i]!
      if (took === this.#lengths[i]) continue
      this.#whose[i]!.fellShort(took, this.#offsets[i]!, this.#lengths[i]!)
      ;(short ??= []).push(this.#whose[i]!)
    }
    // Not before: they write to the buffer in which the others' bytes stand.
    for (const whose of short ?? []) whose.goOn()
  }
}
