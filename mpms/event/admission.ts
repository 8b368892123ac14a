/**
 * How many connections a child takes (AsyncRequestWorkerFactor): those that
 * its crew can serve, and some more for each of its threads. Connections
 * that linger do not count. See docs/adr/0007 for what differs from Apache.
 */
import { running, SeatStatus, type Scoreboard, type Seat } from 'httpd'
import { Kind } from '../shared/census.ts'
import type { IdleThreads } from '../shared/idle_threads.ts'
import type { Loop } from '../shared/loop.ts'
import { mpmSettings } from '../shared/settings.ts'

/** How often (ms) a child that accepts nothing looks whether it may, if nothing tells it before. */
const LOOK_AGAIN = 100
/** How long (ms) it is believed that no other child has an idle thread. */
const BELIEF = 50

/** The state that decides; counts of one child. */
export interface Crowd {
  readonly connections: number
  readonly lingering: number
  readonly idleThreads: number
  readonly threads: number
  /** AsyncRequestWorkerFactor. */
  readonly factor: number
  /** Nothing is accepted at present: going on wants a little more room than stopping. */
  readonly stopped: boolean
}

/**
 * For how many more there is room. Apache's rule with all workers idle: as documented, (factor + 1) for each of them. How
 * many rest at the moment does not count, since the listener, which has the connections, never does anything else.
 */
export function roomOf({ connections, lingering, threads, factor, stopped }: Omit<Crowd, 'idleThreads'>): number {
  const limit = threads + (threads - (stopped ? 1 : 0)) * Math.floor(factor)
  const room = limit - (connections - lingering)
  return connections <= lingering ? Math.max(1, room) : room
}

export const hasRoom = (crowd: Omit<Crowd, 'idleThreads'>): boolean => roomOf(crowd) > 0

export class Admission {
  readonly #seat: Seat
  readonly #loop: Loop
  readonly #idle: IdleThreads
  readonly #stalled: Int32Array
  readonly #factor: number
  #timer: NodeJS.Timeout | undefined
  /** There was no room, but connections that idle, when the timer looked before. */
  #wasShort = false
  #othersIdle = false
  /** As it was when somebody was first found to wait, less those that were admitted since. */
  #room = 0
  #lookedAt = -Infinity

  /** @param stalled one shared word: the crew is to tell the listener of each thread that rests and connection that ends */
  constructor(seat: Seat, loop: Loop, idle: IdleThreads, stalled: Int32Array) {
    this.#seat = seat
    this.#loop = loop
    this.#idle = idle
    this.#stalled = stalled
    this.#factor = seat.server.get(mpmSettings).asyncRequestWorkerFactor
  }

  /** May one more be accepted? If not, the child stops listening. @param first somebody waits to be accepted */
  admits(first: boolean): boolean {
    // Those that wait together are not counted anew one by one.
    if (!first && --this.#room > 0) return true
    const crowd = this.#crowd()
    const busy = crowd.idleThreads === 0
    if (busy && this.#anotherIsIdle()) return this.#stop('All workers busy, not accepting new conns in this process')
    this.#room = roomOf(crowd)
    if (this.#room > 0) {
      this.#wasShort = false
      return true
    }
    // Room has been short for a while, and somebody waits: the connection that has idled longest makes way.
    if (this.#wasShort && this.#loop.census.of(Kind.keepAlive) > 0) {
      if (!first) return false
      if (this.#loop.closeIdlest()) return true
    }
    return this.#stop(`Too many open connections (${crowd.connections - crowd.lingering}), not accepting new conns in this process`)
  }

  /** Something may have changed. @param timed some time has passed */
  again(timed = false): void {
    if (this.#timer === undefined) return
    const crowd = this.#crowd()
    const busy = crowd.idleThreads === 0
    if (busy && this.#anotherIsIdle()) return
    if (!hasRoom(crowd)) {
      const short = this.#loop.census.of(Kind.keepAlive) > 0
      const still = short && this.#wasShort
      if (timed) this.#wasShort = short
      if (!still) return
    }
    this.finish()
    const suspended = this.#seat.process.get('suspended')
    this.#seat.log('debug', `AH00457: Accepting new connections again: ${crowd.connections - crowd.lingering} active conns (${crowd.lingering} lingering/0 clogged/${suspended} suspended), ${crowd.idleThreads} idle workers`)
    this.#loop.listen()
  }

  /** It is over with accepting, or with not accepting. */
  finish(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    Atomics.store(this.#stalled, 0, 0)
    this.#seat.process.set('notAccepting', 0)
  }

  #stop(why: string): false {
    this.#loop.unlisten()
    this.#seat.process.set('notAccepting', 1)
    Atomics.store(this.#stalled, 0, 1)
    this.#seat.log('debug', why)
    this.#timer ??= setInterval(() => this.again(true), LOOK_AGAIN)
    return false
  }

  #crowd(): Crowd {
    const { process, population } = this.#seat
    this.#loop.census.flush()
    return {
      connections: process.get('connections'), lingering: process.get('closing'), idleThreads: this.#idle.count,
      threads: population.threadsPerChild, factor: this.#factor, stopped: this.#timer !== undefined,
    }
  }

  /** Another child that accepts has a thread that rests: what comes is better served there. */
  #anotherIsIdle(): boolean {
    const now = this.#seat.engine.now()
    if (now - this.#lookedAt >= BELIEF) {
      const { slot, population } = this.#seat
      this.#lookedAt = now
      this.#othersIdle = restsElsewhere(running().board, slot, population.threadsPerChild)
    }
    return this.#othersIdle
  }
}

/**
 * Has another child a thread that rests and could serve what comes to this one? It must accept, of the same
 * generation, from the same listening sockets (ListenCoresBucketsRatio).
 * @param mine slot of the child that asks
 */
export function restsElsewhere(board: Scoreboard, mine: number, threadsPerChild: number): boolean {
  const { generation, bucket } = board.slot(mine)
  for (let slot = 0; slot < board.slots; slot++) {
    const other = board.slot(slot)
    if (slot === mine || other.pid === 0 || other.generation !== generation || other.bucket !== bucket) continue
    const child = board.process(slot)
    if (child.get('quiescing') !== 0 || child.get('notAccepting') !== 0) continue
    for (let thread = 0; thread < threadsPerChild; thread++)
      if (board.worker(slot, thread).status === SeatStatus.ready) return true
  }
  return false
}
