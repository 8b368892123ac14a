/**
 * Waiting for connections, in one thread. What all MPMs share: a poller watched
 * by the event loop, one berth per connection, deadlines. Where MPMs differ is
 * the policy: how many connections at once, and what becomes of one that idles
 * or that needs a thread which may block.
 */
import { Errno, Next, Ready, SeatStatus, type Conn, type ConnOwner, type Fd, type Seat } from 'httpd'
import { Census, Kind, kindOf } from './census.ts'
import { Deadlines, type Waiting } from './deadlines.ts'

/** One connection and what it waits for. */
export interface Berth extends Waiting {
  readonly conn: Conn
  next: Next
  /** What the poller watches for: bits of Ready. */
  interest: number
  /** What it counts as in the scoreboard. */
  kind: Kind
}

export interface Policy {
  /** Connections held at once: a worker takes one, a listener any number. */
  readonly accepts: 'none' | 'one' | 'many'
  /**
   * False: no more connections, for now; the policy says `listen` again.
   * @param first somebody waits to be accepted; else somebody may
   */
  admits?(first: boolean): boolean
  /** A connection waits for its next request. True: it was given away. */
  idle?(berth: Berth): boolean
  /** A request needs a thread that may block. */
  handover?(berth: Berth): void
  /** A connection that was lent to another thread is ready, or (ready false) it is time to look after it. */
  lent?(berth: Berth, ready: boolean): void
  /** A connection was taken in; its descriptor is about to be closed. */
  holds?(fd: Fd): void
  closing?(fd: Fd): void
  /** A batch of what is ready begins, and has ended. */
  begin?(): void
  end?(): void
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
/** What is wanting when accept fails so: trying again at once would fail again, and again. */
const WANTING: Readonly<Record<number, string>> = {
  [Errno.mfile]: 'descriptors', [Errno.nfile]: 'descriptors', [Errno.nomem]: 'memory', [Errno.nobufs]: 'memory',
}
/** Pause (ms) after that, and how often (ms) it is said at most. */
const OUT_OF_PAUSE = 100
const OUT_OF_SAID = 1000
/**
 * When the child is to finish, a connection that idles gets this long (ms) to send a request, which is then
 * answered with `Connection: close`: one that is on its way already is not lost.
 */
const LAST_CALL = 1000
/** How often (ms) it is looked whether another thread has given a connection back; while finishing, too. */
const LENT_LOOK = 250
const LENT_LOOK_FINISHING = 50

export class Loop implements ConnOwner {
  readonly seat: Seat
  readonly census: Census
  readonly #policy: Policy
  readonly #berths: (Berth | undefined)[] = []
  readonly #others: ((() => void) | undefined)[] = []
  readonly #deadlines: Deadlines<Berth>
  readonly #oneAtATime: boolean
  readonly #showsStatus: boolean
  /** Where no connection waits without a worker the workers' rows say it all. */
  readonly #showsCensus: boolean
  #count = 0
  #listening = false
  #finishing = false
  #done = false
  /** A batch is being handled; a handler that writes to another connection may call back meanwhile. */
  #inTurn = false
  /** When it was last said that accept lacks something. */
  #outOfSaid = -Infinity

  /** @param told see Census */
  constructor(seat: Seat, policy: Policy, told?: Int32Array) {
    this.seat = seat
    this.#policy = policy
    this.#oneAtATime = policy.accepts === 'one'
    this.#showsStatus = policy.accepts !== 'many'
    this.#showsCensus = !this.#oneAtATime
    this.census = new Census(seat.process, told)
    this.#deadlines = new Deadlines<Berth>(() => performance.now(), (berth) => this.#late(berth))
  }

  /** Connections here, those that were lent included. */
  get count(): number {
    return this.#count
  }

  start(): void {
    // A thread of the crew may be ended in the middle of a handler.
    this.seat.poller.watch(() => this.#turn(), this.seat.thread >= 0)
    this.listen()
  }

  /** Calls back when a descriptor that is no connection can be read. */
  also(fd: Fd, act: () => void): void {
    this.#others[fd] = act
    this.seat.poller.add(fd, Ready.in)
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

  /** Takes a connection in and serves it as far as it goes. */
  adopt(conn: Conn): void {
    // It may have been asked for later than this turn has looked at files, and between two turns the clock may be old.
    this.seat.engine.beginTurn()
    const berth: Berth = {
      conn, next: Next.read, interest: 0, kind: Kind.none, deadline: 0, slot: -1, before: undefined, after: undefined,
    }
    this.#berths[conn.fd] = berth
    this.#count++
    this.#policy.holds?.(conn.fd)
    this.#settle(berth, conn.advance())
  }

  /** All connections. */
  *berths(): Iterable<Berth> {
    for (const berth of this.#berths) if (berth !== undefined) yield berth
  }

  /** Another thread gets a connection. It stays in the poller, and comes to `lent` when it is ready or after a while. */
  lend(berth: Berth): void {
    berth.conn.lend()
    this.#lookLater(berth)
  }

  /** A connection that is lent is not back yet. */
  stillLent(berth: Berth): void {
    if (berth.deadline === 0) this.#lookLater(berth)
  }

  /** Takes a connection out of the poller. */
  disarm(berth: Berth): void {
    if (berth.interest !== 0) this.seat.poller.remove(berth.conn.fd, berth.interest)
    berth.interest = 0
  }

  /**
   * A connection that was lent is back, idle.
   * @param interest what the poller watches its descriptor for
   * @param ago milliseconds since it idles
   */
  takeBack(berth: Berth, keepalives: number, interest: number, ago: number): void {
    const { conn } = berth
    conn.takeBack(keepalives)
    berth.interest = interest
    berth.kind = Kind.keepAlive
    this.census.inherit(Kind.keepAlive)
    berth.next = Next.idle
    const next = conn.advance()
    this.#settle(berth, next)
    // Its time runs from the moment when the other thread had done with it.
    if (next === Next.idle && berth.deadline > 0) this.#deadlines.set(berth, Math.max(1, berth.deadline - ago))
  }

  /** Lets a connection go without closing it: another thread has its descriptor. */
  release(berth: Berth): void {
    this.disarm(berth)
    this.gone(berth)
  }

  /** Another thread has closed a connection that was lent to it. */
  gone(berth: Berth): void {
    this.#forget(berth)
    berth.conn.release()
    this.ifDone()
  }

  // ConnOwner

  resume(conn: Conn): void {
    const berth = this.#berths[conn.fd]
    const within = this.#inTurn
    if (!within) this.#begin()
    if (berth?.conn === conn) this.#settle(berth, conn.advance())
    if (!within) this.#end()
  }

  status(_conn: Conn, status: number): void {
    if (this.#showsStatus) this.seat.worker.status = status
  }

  /** Ends when what is under way is answered. */
  finish(): void {
    if (this.#finishing) return
    this.#finishing = true
    this.seat.engine.finishing = true
    this.#begin()
    this.unlisten()
    for (const berth of this.#berths) {
      if (berth?.next === Next.idle) this.#settle(berth, berth.conn.advance())
      else if (berth?.next === Next.handover) {
        this.#policy.lent!(berth, false)
        if (berth.next === Next.handover) this.#lookLater(berth)
      }
    }
    this.#end()
  }

  #begin(): void {
    this.#inTurn = true
    this.seat.engine.beginTurn()
    this.#policy.begin?.()
  }

  #end(): void {
    this.#policy.end?.()
    this.#inTurn = false
    if (this.#showsCensus) this.census.flush()
    this.seat.engine.endTurn()
    // Not before the log lines of the last request are written: the process may end here.
    this.ifDone()
  }

  #turn(): void {
    const { poller } = this.seat
    const { fds } = poller
    for (let round = 0; round < ROUNDS; round++) {
      // Node's event loop must run for connections that wait for a promise.
      if (round > 0 && this.census.of(Kind.suspended) > 0) break
      const count = poller.take(round > 0 ? SHORT_WAIT : 0)
      if (count === 0) break
      this.#begin()
      for (let i = 0; i < count; i++) {
        const fd = fds[i]!
        const berth = this.#berths[fd]
        if (berth === undefined) this.#other(fd)
        else if (berth.next === Next.handover) this.#policy.lent!(berth, true)
        else this.#settle(berth, berth.conn.advance())
      }
      this.#end()
    }
  }

  #other(fd: Fd): void {
    const act = this.#others[fd]
    if (act !== undefined) act()
    else if (this.seat.listeners.includes(fd)) this.#accept(fd)
  }

  #accept(listener: Fd): void {
    const { engine, process } = this.seat
    for (let i = 0; i < ACCEPT_BATCH; i++) {
      if (!this.#listening || this.#policy.admits?.(i === 0) === false) return
      const fd = engine.accept(listener)
      if (fd < 0) {
        if (fd !== -Errno.again) this.#acceptFailed(fd)
        return
      }
      // Another thread has closed the connection that had this descriptor.
      const gone = this.#berths[fd]
      if (gone !== undefined) this.gone(gone)
      process.add('connections', 1)
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
    const wanting = WANTING[-result]
    if (wanting === undefined) return
    const now = this.seat.engine.now()
    if (now - this.#outOfSaid >= OUT_OF_SAID) {
      this.#outOfSaid = now
      this.seat.log('error', `SY00010: (${-result}) accept: out of ${wanting}; trying again every ${OUT_OF_PAUSE} ms`)
    }
    this.unlisten()
    setTimeout(() => this.listen(), OUT_OF_PAUSE)
  }

  #settle(berth: Berth, next: Next): void {
    berth.next = next
    const kind = kindOf(next, berth.conn.keepalives)
    if (kind !== berth.kind) {
      this.census.move(berth.kind, kind)
      berth.kind = kind
    }
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
    if (limit > 0) this.#deadlines.set(berth, Math.ceil(this.seat.engine.now() + limit))
    else this.#deadlines.clear(berth)
  }

  #lookLater(berth: Berth): void {
    this.#deadlines.set(berth, Math.ceil(this.seat.engine.now()) + (this.#finishing ? LENT_LOOK_FINISHING : LENT_LOOK))
  }

  #late(berth: Berth): void {
    this.#begin()
    if (this.#berths[berth.conn.fd] === berth) {
      if (berth.next === Next.handover) this.#policy.lent!(berth, false)
      else this.#settle(berth, this.#tooLate(berth))
    }
    this.#end()
  }

  // A request may have come while the thread was busy with others.
  #tooLate({ conn, next }: Berth): Next {
    const { keepalives } = conn
    const now = next === Next.idle ? conn.advance() : next
    return now === next && conn.keepalives === keepalives ? conn.timedOut() : now
  }

  /**
   * Closes the connection that has idled longest, unless a request has come on it meanwhile.
   * @returns false if none idles
   */
  closeIdlest(): boolean {
    if (this.census.of(Kind.keepAlive) <= 0) return false
    let idlest: Berth | undefined
    for (const berth of this.#berths)
      if (berth?.kind === Kind.keepAlive && (idlest === undefined || berth.deadline < idlest.deadline)) idlest = berth
    if (idlest === undefined) return false
    this.#settle(idlest, this.#tooLate(idlest))
    return true
  }

  /** Closes a connection. */
  drop(berth: Berth): void {
    // Closing the descriptor takes it out of the poller as well.
    this.#forget(berth)
    this.#policy.closing?.(berth.conn.fd)
    berth.conn.close()
    this.seat.process.add('connections', -1)
    if (this.#oneAtATime && !this.#finishing) {
      this.seat.worker.status = SeatStatus.ready
      this.listen()
    }
    this.ifDone()
  }

  #forget(berth: Berth): void {
    this.#deadlines.clear(berth)
    if (berth.kind !== Kind.none) this.census.move(berth.kind, Kind.none)
    berth.kind = Kind.none
    berth.next = Next.close
    berth.interest = 0
    this.#berths[berth.conn.fd] = undefined
    this.#count--
  }

  /** Tells the seat, once, that nothing is left to do. */
  ifDone(): void {
    if (this.#done || !this.#finishing || this.#count > 0 || this.#inTurn) return
    this.#done = true
    this.seat.finished()
  }
}
