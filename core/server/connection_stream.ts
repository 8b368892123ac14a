/** A connection's way to its bytes: a stream while it is busy, none of its own while it idles or has ended. */
import type { Endpoint, Fd, Net } from '../port/port.ts'
import type { BodyFeed } from './body_feed.ts'
import { ConnectionEnds } from './connection_ends.ts'
import type { Inlet } from './inlet.ts'
import type { Outlet } from './outlet.ts'
import type { Stream, Streams } from './streams.ts'

export abstract class ConnectionStream extends ConnectionEnds {
  #stream: Stream

  /** @param unread what it comes with */
  constructor(net: Net, streams: Streams, fd: Fd, peer: Endpoint, local: Endpoint | undefined, unread?: Uint8Array) {
    super(net, fd, peer, local)
    this.#stream = streams.take(fd, unread)
  }

  get input(): Inlet {
    return this.#stream.input
  }

  get output(): Outlet {
    return this.#stream.output
  }

  get feed(): BodyFeed {
    return this.#stream.feed
  }

  get aborted(): boolean {
    return this.output.broken || this.input.broken
  }

  /** It may become busy. */
  protected rise(streams: Streams): void {
    if (this.#stream === streams.idle) this.#stream = streams.take(this.fd)
  }

  /** It idles, and what it has answered has left. */
  protected laze(streams: Streams): void {
    if (this.#stream !== streams.idle && streams.rest(this.#stream)) this.#stream = streams.idle
  }

  /**
   * It has ended. Others get its stream only if nothing is under way: who writes late must meet one that is broken.
   * @param busy a request is under way
   */
  protected part(streams: Streams, busy: boolean): void {
    if (this.#stream === streams.ended) return
    if (this.#stream === streams.idle || (!busy && streams.end(this.#stream))) this.#stream = streams.ended
    else this.input.broken = true
  }
}
