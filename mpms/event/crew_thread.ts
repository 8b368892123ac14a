/**
 * A thread of the crew: takes requests off the queue, and their connections no
 * further than to the next idle moment. A connection that waits for something
 * else (room in its socket, a promise, more of a body) stays with the thread,
 * which takes other work meanwhile.
 */
import { Ready, SeatStatus, type Bell, type Fd, type PollSet, type Seat } from 'httpd'
import { CrewQueue, NO_TICKET, type Job } from '../shared/crew_queue.ts'
import { IdleThreads } from '../shared/idle_threads.ts'
import { Loop, type Berth } from '../shared/loop.ts'
import { LentTable } from './lent_table.ts'
import { Pace } from './pace.ts'
import { commonTime, toldBy, type CrewShare } from './share.ts'

/** Requests answered in one go, before connections that wait have their turn. */
const AT_ONCE = 32

export class CrewThread {
  readonly #seat: Seat
  readonly #number: number
  readonly #loop: Loop
  readonly #queue: CrewQueue
  readonly #idle: IdleThreads
  readonly #lent: LentTable
  readonly #listener: PollSet
  readonly #bell: Bell
  readonly #share: CrewShare
  /** Of the other threads, by number; attached when first rung. */
  readonly #bells: (Bell | undefined)[] = []
  readonly #news: Bell
  readonly #stalled: Int32Array
  readonly #pace: Pace
  /** When the last job was over. */
  #jobBegan = 0
  /** The listener has said so of a thread that starts. */
  #resting = true
  /** As it was said to IdleThreads. */
  #holding = false
  readonly #arm = (fd: Fd): void => void this.#listener.add(fd, Ready.in)
  readonly #tell = (): void => this.#news.ring(1)
  readonly #connect = (job: Job) => {
    this.#lent.taken(job.fd, this.#number)
    return this.#seat.engine.connect(job.fd, job.peer, undefined, this.#loop, job)
  }

  constructor(seat: Seat) {
    const share = seat.data as CrewShare
    this.#seat = seat
    this.#share = share
    this.#number = seat.thread
    this.#queue = new CrewQueue(share.queue, share.shape)
    this.#idle = new IdleThreads(share.idle)
    this.#lent = new LentTable(share.lent)
    this.#listener = seat.poll.attach(share.poller)
    this.#bell = seat.attachBell(share.bells[seat.thread]!)
    this.#news = seat.attachBell(share.news)
    this.#stalled = new Int32Array(share.stalled)
    this.#pace = new Pace(share.pace)
    this.#loop = new Loop(seat, {
      accepts: 'none',
      idle: (berth) => this.#giveBack(berth),
      closing: (fd) => this.#lent.close(fd),
      begin: () => this.#rise(),
      end: () => this.#work(),
    }, toldBy(share, seat.thread))
  }

  start(): void {
    this.#loop.also(this.#bell.fd, () => void this.#bell.take())
    this.#loop.start()
    this.#seat.ready()
    // Work may have come before this thread was there.
    this.#bell.ring(1)
  }

  #rise(): void {
    if (!this.#resting) return
    this.#resting = false
    this.#idle.rise(this.#number, this.#holding)
  }

  // Takes requests until there are none, or until others have waited long enough.
  #work(): void {
    // Connections that wait here end sooner, also where no more work comes.
    this.#seat.engine.finishing = this.#queue.finishing
    this.#jobBegan = performance.now()
    for (let n = 0; n < AT_ONCE; n++) {
      if (!this.#takeOne() && this.#rest()) return
      // A connection that waits here has its turn between any two requests.
      if (this.#loop.count > 0 && !this.#queue.empty) break
    }
    this.#bell.ring(1)
  }

  #takeOne(): boolean {
    const ticket = this.#queue.reserve(this.#number)
    if (ticket === NO_TICKET) return false
    const { engine, worker } = this.#seat
    worker.status = SeatStatus.write
    engine.finishing = this.#queue.finishing
    const conn = this.#queue.read(this.#number, ticket, this.#connect, this.#tell)
    // This one may take long: the next is another's.
    if (!this.#pace.isShort && !this.#queue.empty) this.#wakeNext()
    this.#loop.adopt(conn)
    const now = performance.now()
    this.#pace.took(now - this.#jobBegan)
    this.#jobBegan = now
    return true
  }

  #wakeNext(): void {
    const thread = this.#idle.wake()
    if (thread < 0) return
    const bell = (this.#bells[thread] ??= this.#seat.attachBell(this.#share.bells[thread]!))
    bell.ring(1)
  }

  // False: something has come meanwhile.
  #rest(): boolean {
    this.#holding = this.#loop.count > 0
    this.#idle.rest(this.#number, this.#holding)
    this.#resting = true
    if (!this.#queue.empty) {
      this.#rise()
      return false
    }
    this.#seat.worker.status = this.#queue.finishing ? SeatStatus.graceful : SeatStatus.ready
    if (Atomics.load(this.#stalled, 0) === 1) this.#tell()
    return true
  }

  #giveBack(berth: Berth): boolean {
    const { conn } = berth
    this.#loop.release(berth)
    this.#seat.process.add('keepAlive', 1)
    this.#lent.giveBack(conn.fd, conn.keepalives, commonTime(this.#seat.engine.now()), this.#arm)
    return true
  }
}
