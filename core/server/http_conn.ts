/**
 * One HTTP/1.1 connection: a machine that `advance` drives as far as it goes
 * without waiting. Which process or thread waits is the MPM's affair.
 *
 *   head ──► handling ──► flushing ──► discarding ──► head …
 *     │      (a promise)      │                        or
 *     └─ handover             └──────────────────► lingering ──► over
 *        (leaving, if a promise came first)
 */
import { faultText } from '../base/fault_text.ts'
import { HANDOVER, type Answer, type Status } from '../hook/hook.ts'
import type { Connection } from '../hook/types.ts'
import type { HttpFault } from '../http/fault.ts'
import { parseHead } from '../http/head_parser.ts'
import { RequestHead } from '../http/request_head.ts'
import type { Endpoint, Fd } from '../port/port.ts'
import { BodyTimeout, ClientGone } from './body_reader.ts'
import { ConnectionStream } from './connection_stream.ts'
import { isLingeringOver, LINGER_PIECE } from './lingering.ts'
import { logRequest } from './log_request.ts'
import { Next, type Conn, type ConnOwner } from './mpm.ts'
import { failRequest, giveUp, processRequest, refuseRequest } from './pipeline.ts'
import { ReadPace } from './read_pace.ts'
import { RequestRec } from './request_rec.ts'
import { Status as Seen } from './scoreboard.ts'
import type { Posted } from './send_batch.ts'
import type { Served, ThreadEngine } from './thread_engine.ts'
import type { Candidates } from './vhost_table.ts'

const Phase = { head: 0, handling: 1, flushing: 2, discarding: 3, lingering: 4, over: 5, leaving: 6 } as const
type Phase = (typeof Phase)[keyof typeof Phase]

/** Answers of one step that do not leave `advance`. */
const GO_ON = -1

const requestOver = (): Error => new Error('Cannot read the body: the request is over')
const timeout = (): Error => new BodyTimeout()
const gone = (): Error => new ClientGone()

export class HttpConn extends ConnectionStream implements Conn, Connection, Posted {
  readonly engine: ThreadEngine
  readonly id: number
  keepalives: number
  patience = 0
  request: RequestRec | undefined
  closed = false
  /** Requests answered on it, and bytes of their bodies. */
  answered = 0
  bytesAnswered = 0
  bytesIn = 0
  bytesOut = 0
  readonly #owner: ConnOwner
  #phase: Phase = Phase.head
  #candidates: Candidates | undefined
  /** It goes on as soon as the turn of another connection is over. */
  #putOff = false
  #lingerSince = 0
  /** Its last request could not be understood: all that came is its. */
  #unparsed = false
  /** How far an incomplete head has been looked at. */
  #scanned = 0
  /** Made where requests have to come at some rate. */
  #pace: ReadPace | undefined
  #wantsRoom: (() => void)[] | undefined
  /** Counts requests that were given up: what becomes of their handlers is of no interest. */
  #attempt = 0

  constructor(engine: ThreadEngine, id: number, fd: Fd, peer: Endpoint, local: Endpoint | undefined, owner: ConnOwner,
              resumed?: { keepalives: number; unread: Uint8Array }) {
    super(engine.port.net, engine.streams, fd, peer, local, resumed?.unread)
    this.engine = engine
    this.id = id
    this.#owner = owner
    this.keepalives = resumed?.keepalives ?? 0
    if (resumed === undefined) this.input.preface = engine.prefaceFor(this)
  }

  /** The servers that this connection's local address may mean. */
  get candidates(): Candidates {
    return (this.#candidates ??= this.engine.vhosts.candidates(this.localIp, this.localPort))
  }

  /** The server whose limits hold until the Host is known. */
  get served(): Served {
    return this.engine.only ?? this.engine.served(this.candidates.first)
  }

  unread(): Uint8Array {
    return this.input.unread()
  }

  keep(): void {
    this.input.settle()
  }

  advance(): Next {
    if (this.closed) return Next.close
    this.rise(this.engine.streams)
    this.engine.turn = this
    let next: Next
    try {
      next = this.#run()
    } catch (error) {
      this.#report(error)
      this.output.breakOff()
      next = Next.close
    }
    this.engine.turn = undefined
    // Both buffers are the thread's: nothing of this connection may be in them when the next one's turn comes.
    this.output.flush()
    if (next !== Next.handover) this.input.settle()
    if (next === Next.idle) this.engine.rests(this)
    return next
  }

  timedOut(): Next {
    this.rise(this.engine.streams)
    switch (this.#phase) {
      case Phase.head:
        // It does not take the answers that it has asked for.
        if (this.output.blocked) return Next.close
        // A thread that was kept from looking must not take what came in time for nothing.
        if (this.input.fill()) return this.advance()
        return this.input.ended || this.input.broken || this.#lateHead() === Next.close ? Next.close : this.advance()
      case Phase.handling:
        if (this.request!.isOverdue) return this.#giveUp()
        if (this.output.blocked) this.#breakOff()
        else this.feed.feed(this.request?.body)
        this.#failBody()
        return this.advance()
      case Phase.flushing:
        this.#breakOff()
        return this.advance()
      default:
        return Next.close
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.part(this.engine.streams, this.request !== undefined)
    this.#breakOff()
    this.engine.port.net.close(this.fd)
    this.feed.fail(gone)
    if ((this.#phase === Phase.flushing || this.#phase === Phase.discarding) && this.request !== undefined) this.#log(this.request)
  }

  release(): void {
    this.closed = true
    this.part(this.engine.streams, this.request !== undefined)
    this.#breakOff()
  }

  /** The turn in which it has become idle is over. */
  rest(): void {
    if (this.#phase === Phase.head && !this.closed) this.laze(this.engine.streams)
  }

  lend(): void {
    this.input.clear()
    this.#scanned = 0
    this.#phase = Phase.head
    this.rest()
  }

  takeBack(keepalives: number): void {
    this.keepalives = keepalives
  }

  #giveUp(): Next {
    this.#attempt++
    this.feed.fail(timeout)
    giveUp(this.request!)
    this.#phase = Phase.flushing
    return this.advance()
  }

  // What a request asks of its connection.

  /** After output was added outside of `advance`: sends it, and tells the MPM if the socket is full. */
  pushed(): void {
    if (this.engine.turn === this || this.closed) return
    this.output.flush()
    if (this.output.blocked) this.goOn()
  }

  fellShort(took: number, offset: number, length: number): void {
    this.output.fellShort(took, offset, length)
  }

  /** Outside of its own turn. While it is another's, both shared buffers are in use. */
  goOn(): void {
    if (this.engine.turn === undefined) return this.#owner.resume(this)
    if (this.#putOff) return
    this.#putOff = true
    queueMicrotask(() => {
      this.#putOff = false
      if (!this.closed) this.#owner.resume(this)
    })
  }

  /** Resolves once the client has taken what was written. */
  room(): Promise<void> | undefined {
    if (!this.output.blocked || this.output.broken) return undefined
    return new Promise((resolve) => (this.#wantsRoom ??= []).push(resolve))
  }

  /** The next piece of the request's body. */
  readBody(r: RequestRec): Promise<Uint8Array | null> {
    const piece = this.feed.next()
    if (!r.continued && r.head.expectContinue) {
      this.output.text('HTTP/1.1 100 Continue\r\n\r\n')
      this.pushed()
    }
    r.continued = true
    this.feed.feed(this.request?.body, this.engine.turn === undefined)
    if (this.feed.wanted && this.engine.turn !== this) this.goOn()
    return piece
  }

  // The machine.

  #run(): Next {
    if (this.output.blocked && !this.output.drain()) return this.#wait(Next.write)
    this.#wakeWriters()
    for (;;) {
      const next = this.#step()
      if (next !== GO_ON) return next
    }
  }

  #step(): Next | typeof GO_ON {
    switch (this.#phase) {
      case Phase.head: return this.#readHead()
      case Phase.handling: return this.#attend()
      case Phase.flushing: return this.#flush()
      case Phase.discarding: return this.#discard()
      // Reads on for a while: closing at once would send a reset that can destroy the answer on its way.
      case Phase.lingering:
        return isLingeringOver(this.engine, this.fd, this.#lingerSince) ? Next.close : this.#wait(Next.linger)
      case Phase.leaving: return this.#leave()
      default: return Next.close
    }
  }

  #readHead(): Next | typeof GO_ON {
    const { input, output, engine } = this
    for (;;) {
      if (!input.empty) {
        const used = parseHead(engine.head, input.bytes, input.start, input.end, this.served.limits, this.#scanned)
        this.#scanned = used === 0 ? engine.head.scanned : 0
        if (used > 0) return this.#begin(used)
        if (used < 0) return this.#refuse(engine.head.fault!)
      }
      output.flush()
      if (output.blocked) return this.#wait(Next.write)
      const began = input.empty
      if (output.broken || !input.fill()) break
      // It may have been asked for after its client had the answer before it: what was seen of files is too old for it.
      if (engine.answered === this) engine.beginTurn()
      if (began) this.#owner.status(this, Seen.read)
    }
    if (input.ended || input.broken || output.broken) return Next.close
    if (this.#left() <= 0) return this.#lateHead()
    return this.#wait(input.empty ? Next.idle : Next.read)
  }

  #begin(used: number): Next | typeof GO_ON {
    const { input, engine } = this
    const start = input.start
    input.start += used
    engine.answered = this
    const r = this.#newRequest(engine.head)
    this.#owner.status(this, Seen.write)
    const answer = processRequest(r)
    const again = !engine.mayBlock && answer instanceof Promise ? Buffer.from(input.bytes.subarray(start, input.start)) : undefined
    if (answer === HANDOVER) input.start = start
    return this.#goOnWith(r, answer, again)
  }

  #goOnWith(r: RequestRec, answer: Answer<Status>, again: Uint8Array | undefined): Next | typeof GO_ON {
    if (answer instanceof Promise) this.#follow(r, answer, again)
    else if (answer !== HANDOVER) this.#phase = Phase.flushing
    else {
      this.#forget()
      return this.#leave()
    }
    return GO_ON
  }

  // The request begins anew on another thread.
  #forget(): void {
    this.keepalives--
    this.request?.forget()
    this.request = undefined
  }

  // Answers to requests before this one leave first: what follows them is another thread's.
  #leave(): Next {
    this.output.flush()
    this.output.settle()
    return this.output.blocked ? this.#wait(Next.write) : Next.handover
  }

  /** What came before the first request does not count for its pace. */
  restartPace(): void {
    this.#pace?.restart()
  }

  #newRequest(head: RequestHead): RequestRec {
    this.#pace?.restart()
    this.keepalives++
    const r = new RequestRec(this, head, this.served)
    this.request = r
    return r
  }

  // The next head has not come in time.
  #lateHead(): Next | typeof GO_ON {
    this.#tellLate('header')
    if (this.input.empty) return this.keepalives === 0 || this.engine.finishing ? Next.close : this.#end(true)
    const { input: { bytes, start, end }, engine: { head } } = this
    // What there is of it: the thread's head has seen those of others meanwhile.
    parseHead(head, bytes, start, end, this.served.limits)
    if (head.requestLineEnd === head.requestLineStart) return this.#leaveUnanswered()
    head.forgetFields()
    return this.#refuse({ status: 408, message: '', aplogno: '', level: 'debug', note: '' })
  }

  // Not as much as a line has come in time: as with Apache there is nothing to answer, and a line in the log.
  #leaveUnanswered(): Next | typeof GO_ON {
    const r = this.#newRequest(new RequestHead())
    r.status = 408
    r.conclude()
    this.#unparsed = true
    return this.#endUnread(r)
  }

  /** Ms that the client has for what it is to send; Infinity where that is the affair of Timeout. */
  #left(): number {
    const limit = (this.request?.served ?? this.served).reads?.[this.#phase === Phase.head ? 'header' : 'body']
    // Between two requests KeepAliveTimeout counts.
    if (limit === undefined || (this.#phase === Phase.head && this.input.empty && this.keepalives > 0)) return Infinity
    return (this.#pace ??= new ReadPace()).left(limit, this.engine.now(), this.input.received)
  }

  #tellLate(part: 'header' | 'body'): void {
    if (this.#pace === undefined || this.#left() > 0) return
    this.engine.log('info', (this.request?.served ?? this.served).reads!.module, `AH01382: Request ${part} read timeout`, { connection: this })
  }

  // A request that cannot be understood: answered, logged, and the connection ends.
  #refuse(fault: HttpFault): Next | typeof GO_ON {
    const r = this.#newRequest(this.engine.head)
    r.framingInDoubt = true
    this.#unparsed = true
    // The bytes that came too late would not be too late on another thread.
    r.refused = fault.status === 408 && !this.engine.mayBlock
    // Nothing of its bytes was used.
    return this.#goOnWith(r, refuseRequest(r, fault), this.engine.mayBlock ? undefined : Buffer.alloc(0))
  }

  /** @param head the bytes of the request's head, where it may have to begin anew elsewhere */
  #follow(r: RequestRec, answer: Promise<Status>, head: Uint8Array | undefined): void {
    r.detach()
    this.#phase = Phase.handling
    const attempt = this.#attempt
    const goOn = (status: Status): void => {
      if (attempt !== this.#attempt) return
      if (this.closed) return this.#log(r)
      this.#phase = Phase.flushing
      if (status === HANDOVER && head !== undefined) {
        this.#phase = Phase.leaving
        this.input.putBack(head)
        this.#forget()
      }
      this.#owner.resume(this)
    }
    void answer.catch((error: unknown) => failRequest(r, error)).then(goOn)
  }

  #attend(): Next {
    this.output.flush()
    this.feed.feed(this.request?.body)
    if (this.output.blocked) return this.#wait(Next.write)
    if (this.feed.wanted && this.#left() <= 0) this.#failBody()
    return this.#wait(this.feed.wanted ? Next.read : Next.suspend)
  }

  #failBody(): void {
    if (this.feed.wanted) this.#tellLate('body')
    this.feed.fail(timeout)
  }

  #flush(): Next | typeof GO_ON {
    const r = this.request!
    const pipelined = r.keepAlive && r.body === undefined && !this.input.empty && !this.output.blocked &&
      this.output.mayWait(r.served.settings)
    if (!pipelined) {
      if (r.keepAlive && r.body === undefined && this.input.empty) this.output.post(this)
      else this.output.flush()
      if (this.output.blocked) return this.#wait(Next.write)
    }
    this.#owner.status(this, Seen.log)
    // Whoever did not wait for a piece of this body must not get one of the next.
    this.feed.fail(requestOver)
    if (!this.output.broken && r.body !== undefined && !r.body.done) return this.#leaveBody(r)
    this.#log(r)
    if (this.output.broken) return Next.close
    // A client that did not ask for the end may be sending its next request: a reset would take this answer from it.
    if (!r.keepAlive) return this.#end(r.framingInDoubt || !this.input.empty || !r.head.expectsEnd())
    this.#phase = Phase.head
    if (!this.input.empty) {
      this.#owner.status(this, Seen.read)
      return GO_ON
    }
    // What the client sends next makes the descriptor ready: no need to look now.
    return this.#wait(Next.idle)
  }

  #leaveBody(r: RequestRec): typeof GO_ON | Next {
    const promised = r.head.expectContinue && !r.continued
    if (!r.keepAlive || promised || r.body!.fault !== undefined) return this.#endUnread(r)
    this.#phase = Phase.discarding
    return GO_ON
  }

  #discard(): Next | typeof GO_ON {
    const r = this.request!
    const body = r.body!
    for (;;) {
      while (body.next(this.input) !== undefined) { /* thrown away */ }
      if (body.fault !== undefined) return this.#endUnread(r)
      if (body.done) break
      if (!this.input.empty) continue
      r.detach()
      if (!this.input.fill()) return this.input.ended || this.input.broken || this.#left() <= 0 ? Next.close : this.#wait(Next.read)
    }
    this.#log(r)
    this.#phase = Phase.head
    return GO_ON
  }

  // Its line counts the whole body, also where nobody wanted it.
  #log(r: RequestRec): void {
    this.bytesIn = this.input.takeCount(this.#unparsed)
    this.bytesOut = this.output.takeCount()
    logRequest(r)
    this.request = undefined
  }

  #endUnread(r: RequestRec): Next | typeof GO_ON {
    this.#log(r)
    return this.#end(true)
  }

  #end(linger: boolean): Next | typeof GO_ON {
    this.#phase = linger ? Phase.lingering : Phase.over
    if (!linger) return Next.close
    this.#owner.status(this, Seen.closing)
    this.output.settle()
    this.engine.port.net.shutdown(this.fd)
    this.#lingerSince = this.engine.now()
    return GO_ON
  }

  #wait(next: Next): Next {
    // Until its turn comes again, the thread's buffer and head are for others; its log line is still to be made.
    this.request?.detach()
    const { settings } = this.request?.served ?? this.served
    if (next === Next.suspend) this.patience = 0
    else if (next === Next.linger) this.patience = LINGER_PIECE
    // To an MPM 0 is no limit; as in Apache, a time-out of 0 is over at once, and one below 0 never.
    else this.patience = (next === Next.idle && this.keepalives > 0 ? settings.keepAliveTimeout : settings.timeout) || 1
    const deadline = this.#phase === Phase.handling ? this.request!.deadline : 0
    const most = Math.min(deadline > 0 ? deadline - this.engine.now() : Infinity, next <= Next.idle ? this.#left() : Infinity)
    if (most < Infinity) this.patience = Math.min(this.patience > 0 ? this.patience : Infinity, Math.max(1, most))
    return next
  }

  #wakeWriters(): void {
    const waiting = this.#wantsRoom
    this.#wantsRoom = undefined
    if (waiting !== undefined) for (const resolve of waiting) resolve()
  }

  #breakOff(): void {
    this.output.breakOff()
    this.request?.drop()
    this.#wakeWriters()
  }

  #report(error: unknown): void {
    const text = faultText(error)
    this.engine.log('error', 'core', `SY00001: fault while serving a connection: ${text}`, { connection: this })
  }
}
