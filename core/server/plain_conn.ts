/**
 * A connection on which a module speaks in the place of HTTP: bytes go to it, and what it answers goes out. It waits
 * where others wait, and like theirs its bytes stand in the thread's buffers only while it has its turn.
 */
import { faultText } from '../base/fault_text.ts'
import type { Connection, Talk } from '../hook/types.ts'
import type { Endpoint, Fd } from '../port/port.ts'
import { ConnectionStream } from './connection_stream.ts'
import { Next, type Conn, type ConnOwner } from './mpm.ts'
import { Status as Seen } from './scoreboard.ts'
import type { ThreadEngine } from './thread_engine.ts'

/** Pieces that one client is heard of before others have their turn. */
const PIECES = 16

export class PlainConn extends ConnectionStream implements Conn, Connection {
  readonly id: number
  /** Nothing here counts as a request. */
  readonly keepalives = 0
  readonly bytesIn = 0
  readonly bytesOut = 0
  patience = 0
  readonly #engine: ThreadEngine
  readonly #owner: ConnOwner
  readonly #talk: Talk
  /** Time that the client has to take or to send something, in ms. */
  readonly #timeout: number
  #closed = false

  constructor(engine: ThreadEngine, id: number, fd: Fd, peer: Endpoint, local: Endpoint | undefined, owner: ConnOwner,
              speaks: { readonly protocol: (connection: Connection) => Talk; readonly timeout: number }) {
    super(engine.port.net, engine.streams, fd, peer, local)
    this.id = id
    this.#engine = engine
    this.#owner = owner
    this.#timeout = speaks.timeout
    this.#talk = speaks.protocol(this)
  }

  advance(): Next {
    if (this.#closed) return Next.close
    // A request of another connection that it has to do with must wait: what was received stands in the thread's buffer.
    this.#engine.turn = this
    let next: Next
    try {
      next = this.#run()
    } catch (error) {
      this.#engine.log('error', 'core', `SY00161: fault in a module while it spoke on a connection: ${faultText(error)}`, { connection: this })
      this.output.breakOff()
      next = Next.close
    }
    this.output.flush()
    this.input.settle()
    this.#engine.turn = undefined
    // To an MPM 0 is no limit.
    this.patience = this.#timeout || 1
    return next
  }

  #run(): Next {
    const { input, output } = this
    if (output.blocked && !output.drain()) return Next.write
    for (let pieces = 0; pieces < PIECES; pieces++) {
      const came = input.fill()
      if (input.broken || output.broken) return Next.close
      if (!came && !input.ended) return this.#pause()
      this.#owner.status(this, Seen.write)
      if (!this.#hear()) input.ended = true
      output.flush()
      if (output.blocked) return Next.write
      if (input.ended) return Next.close
    }
    return Next.read
  }

  /** @returns false: the module has nothing more to say */
  #hear(): boolean {
    const { input, output } = this
    const said = this.#talk.hear(input.unread(), input.ended)
    if (said === undefined) return false
    if (said.answer !== undefined) output.bytes(said.answer)
    input.start += said.used
    return true
  }

  // Where nothing is under way the thread, or the child, may end.
  #pause(): Next {
    if (!this.input.empty) return Next.read
    return this.#engine.finishing ? Next.close : Next.idle
  }

  timedOut(): Next {
    return Next.close
  }

  close(): void {
    if (this.#closed) return
    this.release()
    this.#engine.port.net.close(this.fd)
  }

  release(): void {
    this.#closed = true
    this.output.breakOff()
    this.part(this.#engine.streams, false)
  }

  unread(): Uint8Array {
    return this.input.unread()
  }

  // It is never lent: all of it is done where it was accepted.

  keep(): void {
    this.input.settle()
  }

  lend(): void {
    throw new Error('Cannot lend a connection that speaks no HTTP')
  }

  takeBack(): void {
    throw new Error('Cannot take back a connection that speaks no HTTP')
  }
}
