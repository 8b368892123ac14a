/** Whoever waits for the next piece of a request's body, and what feeds them from the connection's input. */
import { BodyFault, ClientGone, type BodyReader } from './body_reader.ts'
import type { Inlet } from './inlet.ts'

export class BodyFeed {
  readonly #input: Inlet
  #wants: { resolve(piece: Uint8Array | null): void; reject(error: Error): void } | undefined

  constructor(input: Inlet) {
    this.#input = input
  }

  /** Somebody waits. */
  get wanted(): boolean {
    return this.#wants !== undefined
  }

  /** The next piece, or null at the end. One at a time: a second reader takes the place of the first. */
  next(): Promise<Uint8Array | null> {
    this.fail(() => new Error('Cannot read the body: another read has begun'))
    const piece = new Promise<Uint8Array | null>((resolve, reject) => {
      this.#wants = { resolve, reject }
    })
    // It is no fault not to wait for it; and one that nobody catches would end the thread.
    piece.catch(() => undefined)
    return piece
  }

  /** Gives what there is. @param receives false in the middle of a turn: receiving would overwrite the head of a request */
  feed(body: BodyReader | undefined, receives = true): void {
    const input = this.#input
    while (this.#wants !== undefined && body !== undefined) {
      const piece = body.next(input)
      if (piece !== undefined) return this.#give(Uint8Array.prototype.slice.call(input.bytes, ...piece))
      const { fault } = body
      if (fault !== undefined) return this.fail(() => new BodyFault(fault))
      if (body.done) return this.#give(null)
      if (!input.empty) continue
      if (!receives && !input.broken) return
      if (!input.fill()) {
        if (input.ended || input.broken) this.fail(() => new ClientGone())
        else input.settle()
        return
      }
    }
  }

  /** @param error made only if somebody waits: making one takes longer than answering a small request */
  fail(error: () => Error): void {
    const wants = this.#wants
    if (wants === undefined) return
    this.#wants = undefined
    wants.reject(error())
  }

  #give(piece: Uint8Array | null): void {
    this.#input.settle()
    const wants = this.#wants
    this.#wants = undefined
    wants?.resolve(piece)
  }
}
