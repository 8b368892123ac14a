/**
 * What connections read and write through. One that idles has nothing to keep there, so it gives its stream to whoever
 * comes next: ten thousand idle connections cost that much less, and the streams in use stay in the processor's cache.
 */
import type { Fd, Memory, Port } from '../port/port.ts'
import { BodyFeed } from './body_feed.ts'
import { Inlet } from './inlet.ts'
import { Outlet, type OutBuffer } from './outlet.ts'

export interface Stream {
  readonly input: Inlet
  readonly output: Outlet
  readonly feed: BodyFeed
}

/** More than these are not kept: so many connections are seldom busy at the same time. */
const MOST_KEPT = 256

export class Streams {
  /** That of connections that idle: nothing comes from it and nothing waits in it. */
  readonly idle: Stream
  /** That of connections that have ended: who writes there late does nothing. */
  readonly ended: Stream
  readonly #port: Port
  readonly #input: Memory
  readonly #output: OutBuffer
  readonly #kept: Stream[] = []

  constructor(port: Port, input: Memory, output: OutBuffer) {
    this.#port = port
    this.#input = input
    this.#output = output
    this.idle = this.#make()
    this.ended = this.#make()
    this.ended.input.broken = this.ended.output.broken = true
  }

  /** For a connection that becomes busy. @param unread what it comes with */
  take(fd: Fd, unread?: Uint8Array): Stream {
    const stream = this.#kept.pop() ?? this.#make()
    stream.input.open(fd, unread)
    stream.output.open(fd)
    return stream
  }

  /** Of a connection that idles. False: there is something in it yet. */
  rest(stream: Stream): boolean {
    return stream.input.isClear && stream.output.isCounted && this.#keep(stream)
  }

  /** Of a connection that has ended, with no request under way. False: there is something in it yet. */
  end(stream: Stream): boolean {
    if (!this.#keep(stream)) return false
    // The next one may be long in coming: no memory waits for it.
    stream.input.leave()
    return true
  }

  #keep(stream: Stream): boolean {
    if (!stream.output.isClear || stream.feed.wanted) return false
    if (this.#kept.length < MOST_KEPT) this.#kept.push(stream)
    return true
  }

  #make(): Stream {
    const input = new Inlet(this.#port, this.#input)
    return { input, output: new Outlet(this.#port, this.#output), feed: new BodyFeed(input) }
  }
}
