/**
 * A child's main thread: accepts, waits for all idle connections, answers what
 * cannot block, and lends the others to the crew.
 */
import { Next, Ready, SeatStatus, type Bell, type Fd, type Seat } from 'httpd'
import { Census } from '../shared/census.ts'
import { CrewQueue, NO_TICKET } from '../shared/crew_queue.ts'
import { IdleThreads } from '../shared/idle_threads.ts'
import { Loop, type Berth } from '../shared/loop.ts'
import { Admission } from './admission.ts'
import { AWAY, CLOSED, DISARMED, LentTable } from './lent_table.ts'
import { Pace } from './pace.ts'
import { Patrol, type Watched } from './patrol.ts'
import { commonTime, makeShare, toldBy, type CrewShare } from './share.ts'

/** How soon (ms) it is looked again at a lost thread's job that another thread may just be taking. */
const LOOK_AGAIN = 20

export class Listener {
  readonly #seat: Seat
  readonly #loop: Loop
  readonly #queue: CrewQueue
  readonly #idle: IdleThreads
  readonly #lent: LentTable
  readonly #share: CrewShare
  readonly #bells: readonly Bell[]
  readonly #news: Bell
  readonly #admission: Admission
  readonly #pace: Pace
  readonly #patrol: Patrol
  /** Requests that found the queue full, oldest first. */
  readonly #overflow: Berth[] = []

  constructor(seat: Seat) {
    this.#seat = seat
    this.#news = seat.bell()
    this.#bells = Array.from({ length: seat.population.threadsPerChild }, () => seat.bell())
    this.#share = makeShare(seat, this.#bells.map(({ fd }) => fd), this.#news.fd)
    this.#queue = new CrewQueue(this.#share.queue, this.#share.shape)
    this.#idle = new IdleThreads(this.#share.idle)
    this.#lent = new LentTable(this.#share.lent)
    this.#loop = new Loop(seat, {
      accepts: 'many',
      admits: (first) => this.#admission.admits(first),
      handover: (berth) => this.#handOver(berth),
      lent: (berth, ready) => this.#look(berth, ready),
      end: () => {
        this.#patrol.look()
        this.#admission.again()
      },
    })
    this.#pace = new Pace(this.#share.pace)
    this.#patrol = new Patrol(this.#crew(), () => seat.engine.now())
    this.#admission = new Admission(seat, this.#loop, this.#idle, new Int32Array(this.#share.stalled))
    this.#loop.also(this.#news.fd, () => this.#hear())
  }

  start(): void {
    const { population, worker } = this.#seat
    this.#seat.onFinish(() => this.#finish())
    this.#seat.onThreadLost((thread) => this.#lost(thread))
    for (let number = 0; number < population.threadsPerChild; number++) {
      // A thread that starts is as good as one that rests: it looks for work first of all.
      this.#idle.rest(number, false)
      this.#seat.startThread(number, this.#share)
    }
    worker.status = SeatStatus.ready
    this.#loop.start()
    this.#seat.ready()
  }

  #finish(): void {
    this.#queue.finish()
    this.#seat.worker.status = SeatStatus.graceful
    this.#admission.finish()
    // Whoever rests shows that it has been told.
    for (const bell of this.#bells) bell.ring(1)
    this.#loop.finish()
  }

  #handOver(berth: Berth): void {
    const { conn } = berth
    const { length } = conn.unread()
    if (!CrewQueue.fits(length) || !this.#lent.fits(conn.fd)) {
      this.#seat.log('error', `SY00011: a request of ${length} bytes from ${conn.peer.address} is too large for the crew's queue: closing`)
      this.#loop.drop(berth)
      return
    }
    if (berth.interest !== Ready.in) this.#loop.disarm(berth)
    this.#lent.lend(conn.fd, berth.interest !== 0)
    if (this.#overflow.length > 0 || !this.#offer(berth)) {
      conn.keep()
      this.#overflow.push(berth)
      this.#loop.stillLent(berth)
    }
  }

  #offer(berth: Berth): boolean {
    const { conn } = berth
    // Before a thread has it, which counts it from then on (and may show the counts).
    this.#loop.census.flush()
    if (!this.#queue.offer({ fd: conn.fd, keepalives: conn.keepalives, peer: conn.peer, unread: conn.unread() })) return false
    this.#loop.lend(berth)
    if (this.#pace.isShort && this.#idle.count < this.#bells.length) this.#patrol.begin()
    // One may be on its way, and leave the rest to others that nobody wakes.
    else if (!this.#ring(this.#idle.wake())) this.#patrol.begin()
    return true
  }

  #crew(): Watched {
    const queue = this.#queue
    const awake = (): number => this.#bells.length - this.#idle.count
    return {
      get waiting() { return queue.length },
      get progress() { return queue.taken },
      get awake() { return awake() },
      wake: () => this.#ring(this.#idle.claim()),
    }
  }

  #ring(thread: number): boolean {
    if (thread < 0) return false
    this.#bells[thread]!.ring(1)
    return true
  }

  #hear(): void {
    while (this.#news.take()) { /* however often it was rung */ }
    this.#drainOverflow()
  }

  #drainOverflow(): void {
    while (this.#overflow.length > 0 && this.#offer(this.#overflow[0]!)) this.#overflow.shift()
  }

  // A connection that was lent is ready, or was lent a while ago.
  #look(berth: Berth, ready: boolean): void {
    const { fd } = berth.conn
    const state = this.#lent.state(fd)
    if (state > AWAY) return this.#takeBack(berth, state, Ready.in)
    if (state === CLOSED) return this.#loop.gone(berth)
    if (!ready) {
      this.#loop.stillLent(berth)
      // The thread that is on its way may be held up by what a module does outside of requests.
      if (!this.#queue.empty) this.#ring(this.#idle.claim())
    } else if (state === AWAY) this.#disarm(berth)
  }

  // Something arrives that is the crew's affair.
  #disarm(berth: Berth): void {
    const { fd } = berth.conn
    this.#loop.disarm(berth)
    if (this.#lent.disarmed(fd)) return
    const state = this.#lent.state(fd)
    if (state === CLOSED) this.#loop.gone(berth)
    else this.#takeBack(berth, state, 0)
  }

  #takeBack(berth: Berth, keepalives: number, interest: number): void {
    const ago = (commonTime(this.#seat.engine.now()) - this.#lent.since(berth.conn.fd)) | 0
    this.#loop.takeBack(berth, keepalives, interest, Math.max(0, ago))
  }

  #lost(thread: number): void {
    this.#idle.forget(thread)
    Census.takeAway(this.#seat.process, toldBy(this.#share, thread))
    const ticket = this.#queue.forget(thread)
    if (ticket !== NO_TICKET) this.#reclaim(ticket)
    this.#dropLent((fd) => this.#lent.holder(fd) === thread)
    this.#drainOverflow()
    // Work that it was woken for is another one's now.
    while (!this.#queue.empty && this.#ring(this.#idle.claim())) { /* the next */ }
  }

  // Only for this job: when it is looked again, the lost thread's number is another thread's already.
  #reclaim(ticket: number): void {
    const fd = this.#queue.reclaim(ticket)
    if (fd === 'later') setTimeout(() => this.#reclaim(ticket), LOOK_AGAIN)
    else if (fd !== undefined) {
      this.#dropLent((its) => its === fd)
      this.#drainOverflow()
    }
  }

  #dropLent(which: (fd: Fd) => boolean): void {
    for (const berth of this.#loop.berths()) {
      const { conn: { fd }, next } = berth
      const state = next === Next.handover ? this.#lent.state(fd) : CLOSED
      if ((state === AWAY || state === DISARMED) && which(fd)) this.#loop.drop(berth)
    }
  }
}
