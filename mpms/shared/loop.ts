/**
 * Waiting for connections, in one thread. What all MPMs share: a poller watched
 * by the event loop, one berth per connection, deadlines. Where MPMs differ is
 * the policy: how many connections at once, and what becomes of one that idles
 * or that needs a thread which may block.
 */
import { Errno, Next, Ready, SeatStatus, type Conn, type ConnOwner, type Fd, type Seat } from 'httpd'
import { Deadlines, type Waiting } from './deadlines.ts'
import { waitOf, Waits } from './waits.ts'

/** One connection and what it waits for. */
export interface Berth extends Waiting {
  readonly conn: Conn
  next: Next
  /** What the poller watches for: bits of Ready. */
  interest: number
  /** As Waits has it. */
  wait: number
}

export interface Policy {
  /** Connections held at once: a worker takes one, a listener any number. */
  readonly accepts: 'none' | 'one' | 'many'
  /** A connection waits for its next request. True: it was given away. */
  idle?(berth: Berth): boolean
  /** A request needs a thread that may block. */
  handover?(berth: Berth): void
  /** A connection's descriptor is about to be closed. */
  closing?(fd: Fd): void
  /** A connection is gone. */
  gone?(berth: Berth): void
  /** A descriptor is ready that this loop does not know. False: not the policy's either. */
  stranger?(fd: Fd): void
  /** A connection was accepted. */
  accepted?(fd: Fd): void
  /** Is anything else under way when the last connection has gone and the child is to finish? */
  busy?(): boolean
}

/** Connections taken off a listening socket in one go. */
const ACCEPT_BATCH = 32
/** Batches of readiness handled before Node's event loop has its turn. */
const ROUNDS = 8
/**
 * How long (ms) the thread waits for the next batch by itself before it goes back to Node's event loop. Going back
 * and being called again costs as much as a small request; under load the next batch is there sooner.
 */
const SHORT_WAIT = 1
/** Pause (ms) after the process ran out of descriptors. */
const OUT_OF_DESCRIPTORS_PAUSE = 100
/**
 * When the child is to finish, a connection that idles gets this long (ms) to send a request, which is then
 * answered with `Connection: close`: one that is on its way already is not lost.
 */
const LAST_CALL = 1000

export class Loop implements ConnOwner {
  readonly seat: Seat
  readonly #policy: Policy
  readonly #berths: (Berth | undefined)[] = []
  readonly #others: ((() => void) | undefined)[] = []
  readonly #deadlines: Deadlines<Berth>
  readonly #oneAtATime: boolean
  readonly #waits: Waits
  #count = 0
  /** Connections that wait for a promise: Node's event loop must run for them. */
  #suspended = 0
  #listening = false
  #finishing = false
  #done = false

  constructor(seat: Seat, policy: Policy) {
    this.seat = seat
    this.#policy = policy
    this.#oneAtATime = policy.accepts === 'one'
    this.#waits = new Waits(seat.process)
    this.#deadlines = new Deadlines<Berth>(() => performance.now(), (berth) => this.#late(berth))
  }

  get count(): number {
    return this.#count
  }

  get finishing(): boolean {
    return this.#finishing
  }

  start(): void {
    this.seat.poller.watch(() => this.#turn())
    this.listen()
  }

  /** Calls back when a descriptor that is no connection can be read. */
  also(fd: Fd, act: () => void): void {
    this.#others[fd] = act
    this.seat.poller.add(fd, Ready.in | Ready.exclusive)
  }

  listen(): void {
    if (this.#listening || this.#finishing || this.#policy.accepts === 'none') return
    this.#listening = true
    for (const fd of this.seat.listeners) this.seat.poller.add(fd, Ready.in | Ready.exclusive)
  }

  unlisten(): void {
    if (!this.#listening) return
    this.#listening = false
    for (const fd of this.seat.listeners) this.seat.poller.remove(fd, Ready.in)
  }

  /**
   * Takes a connection in and serves it as far as it goes.
   * @param interest what the poller watches its descriptor for already
   */
  adopt(conn: Conn, interest = 0): void {
    const berth: Berth = {
      conn, next: Next.read, interest, wait: 0, deadline: 0, slot: -1, before: undefined, after: undefined,
    }
    this.#berths[conn.fd] = berth
    this.#count++
    this.seat.process.add('connections', 1)
    this.#settle(berth, conn.advance())
  }

  /** Stops watching a connection, for now. */
  pause(berth: Berth): void {
    if (berth.interest !== 0) this.seat.poller.remove(berth.conn.fd, berth.interest)
    berth.interest = 0
    this.#deadlines.clear(berth)
  }

  /** Lets a connection go without closing it: somebody else has its descriptor now. */
  release(berth: Berth): void {
    this.#forget(berth)
    berth.conn.release()
  }

  // ConnOwner

  resume(conn: Conn): void {
    const berth = this.#berths[conn.fd]
    this.seat.engine.beginTurn()
    if (berth?.conn === conn) this.#settle(berth, conn.advance())
    this.tell()
  }

  /** Shows what connections wait for, after changes outside of a turn. */
  tell(): void {
    if (!this.#oneAtATime) this.#waits.tell()
  }

  status(_conn: Conn, status: number): void {
    if (this.#policy.accepts !== 'many') this.seat.worker.status = status
  }

  /** Ends when what is under way is answered. */
  finish(): void {
    if (this.#finishing) return
    this.#finishing = true
    this.seat.engine.beginTurn()
    this.seat.engine.finishing = true
    this.unlisten()
    for (const berth of this.#berths) if (berth?.next === Next.idle) this.#settle(berth, berth.conn.advance())
    this.tell()
    this.ifDone()
  }

  #turn(): void {
    const { poller, engine } = this.seat
    const { fds } = poller
    for (let round = 0; round < ROUNDS; round++) {
      const count = poller.take(round > 0 && this.#suspended === 0 ? SHORT_WAIT : 0)
      if (count === 0) break
      engine.beginTurn()
      for (let i = 0; i < count; i++) {
        const fd = fds[i]!
        const berth = this.#berths[fd]
        if (berth !== undefined) this.#settle(berth, berth.conn.advance())
        else this.#other(fd)
      }
      engine.endTurn()
    }
    this.tell()
  }

  #other(fd: Fd): void {
    const act = this.#others[fd]
    if (act !== undefined) act()
    else if (this.seat.listeners.includes(fd)) this.#accept(fd)
    else this.#policy.stranger?.(fd)
  }

  #accept(listener: Fd): void {
    if (!this.#listening) return
    const { engine } = this.seat
    for (let i = 0; i < ACCEPT_BATCH; i++) {
      const fd = engine.accept(listener)
      if (fd < 0) {
        if (fd !== -Errno.again) this.#acceptFailed(fd)
        return
      }
      this.#policy.accepted?.(fd)
      const last = this.#isLast()
      if (this.#oneAtATime) this.unlisten()
      this.adopt(engine.connect(fd, engine.peer(), this.seat.localEnd(listener), this))
      if (last) this.seat.retire()
      if (this.#oneAtATime || last) return
    }
  }

  // MaxConnectionsPerChild counts what all threads of the process have accepted.
  #isLast(): boolean {
    const { connectionsPerChild, process } = this.seat
    return connectionsPerChild > 0 && process.add('accepted', 1) >= connectionsPerChild
  }

  #acceptFailed(result: number): void {
    if (result !== -Errno.mfile && result !== -Errno.nfile) return
    this.seat.log('error', `SY00010: (${-result}) accept: out of descriptors; accepting again in ${OUT_OF_DESCRIPTORS_PAUSE} ms`)
    this.unlisten()
    setTimeout(() => this.listen(), OUT_OF_DESCRIPTORS_PAUSE)
  }

  #settle(berth: Berth, next: Next): void {
    if (berth.next === Next.suspend) this.#suspended--
    if (next === Next.suspend) this.#suspended++
    berth.next = next
    this.#waitsFor(berth, waitOf(berth.conn, next))
    switch (next) {
      case Next.idle:
        if (this.#policy.idle?.(berth)) return
        this.status(berth.conn, berth.conn.keepalives > 0 ? SeatStatus.keepalive : SeatStatus.read)
        return this.#wait(berth, Ready.in)
      case Next.read:
      case Next.linger:
        return this.#wait(berth, Ready.in)
      case Next.write:
        return this.#wait(berth, Ready.out)
      case Next.suspend:
        return this.#wait(berth, 0)
      case Next.handover:
        return this.#policy.handover!(berth)
      default:
        return this.drop(berth)
    }
  }

  #waitsFor(berth: Berth, wait: number): void {
    if (berth.wait === wait) return
    this.#waits.change(berth.wait, wait)
    berth.wait = wait
  }

  #wait(berth: Berth, interest: number): void {
    const { fd, patience } = berth.conn
    if (berth.interest !== interest) {
      const { poller } = this.seat
      if (berth.interest === 0) poller.add(fd, interest)
      else if (interest === 0) poller.remove(fd, berth.interest)
      else poller.change(fd, interest, berth.interest)
      berth.interest = interest
    }
    const limit = this.#finishing && berth.next === Next.idle ? Math.min(patience, LAST_CALL) : patience
    if (limit > 0) this.#deadlines.set(berth, this.seat.engine.now() + limit)
    else this.#deadlines.clear(berth)
  }

  #late(berth: Berth): void {
    const { engine } = this.seat
    engine.beginTurn()
    if (this.#berths[berth.conn.fd] === berth) this.#settle(berth, berth.conn.timedOut())
    engine.endTurn()
    this.tell()
  }

  /** Closes a connection. */
  drop(berth: Berth): void {
    // Closing the descriptor takes it out of the poller as well.
    this.#forget(berth, true)
    this.#policy.closing?.(berth.conn.fd)
    berth.conn.close()
    this.#policy.gone?.(berth)
    if (this.#oneAtATime && !this.#finishing) {
      this.seat.worker.status = SeatStatus.ready
      this.listen()
    }
    this.ifDone()
  }

  #forget(berth: Berth, closing = false): void {
    this.#deadlines.clear(berth)
    this.#waitsFor(berth, 0)
    if (berth.next === Next.suspend) {
      this.#suspended--
      berth.next = Next.close
    }
    if (berth.interest !== 0 && !closing) this.seat.poller.remove(berth.conn.fd, berth.interest)
    berth.interest = 0
    this.#berths[berth.conn.fd] = undefined
    this.#count--
    this.seat.process.add('connections', -1)
  }

  /** Tells the seat, once, that nothing is left to do. */
  ifDone(): void {
    if (this.#done || !this.#finishing || this.#count > 0 || this.#policy.busy?.() === true) return
    this.#done = true
    this.seat.finished()
  }
}
