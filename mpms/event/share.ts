/** What the listener and its crew share: handed to each thread when it starts. */
import { uptime, type Fd, type Seat } from 'httpd'
import { Census } from '../shared/census.ts'
import { CrewQueue, type QueueShape } from '../shared/crew_queue.ts'
import { IdleThreads } from '../shared/idle_threads.ts'
import { LentTable } from './lent_table.ts'
import { Pace } from './pace.ts'

export interface CrewShare {
  readonly queue: SharedArrayBuffer
  readonly shape: QueueShape
  readonly idle: SharedArrayBuffer
  readonly lent: SharedArrayBuffer
  /** What each thread has told the process row, see Census. */
  readonly told: SharedArrayBuffer
  /** One word; 1: the listener accepts nothing, and wants to hear of each thread that rests and connection that ends. */
  readonly stalled: SharedArrayBuffer
  /** See Pace. */
  readonly pace: SharedArrayBuffer
  /** A bell for each thread of the crew: there is work. */
  readonly bells: readonly Fd[]
  /** Rung by the crew: there is room in the queue, or the listener might accept again. */
  readonly news: Fd
  /** The listener's poller: a thread gives a connection back by adding it there. */
  readonly poller: Fd
}

/** Requests that may wait for a thread in shared memory, for each thread; more wait with the listener. */
const SLOTS_PER_THREAD = 4
const MIN_SLOTS = 64
/** A slot has room for a head as large as the limits allow, and all of them must stay well below 4 GiB. */
const MAX_SLOTS = 1024

/** The queue for so many threads. */
export const shapeFor = (threads: number): QueueShape =>
  ({ slots: Math.min(MAX_SLOTS, Math.max(MIN_SLOTS, SLOTS_PER_THREAD * threads)), threads })

export function makeShare(seat: Seat, bells: readonly Fd[], news: Fd): CrewShare {
  const threads = seat.population.threadsPerChild
  const shape = shapeFor(threads)
  return {
    queue: CrewQueue.memory(shape), shape, idle: IdleThreads.memory(threads), lent: LentTable.memory(),
    told: new SharedArrayBuffer(threads * Census.bytes), stalled: new SharedArrayBuffer(4),
    pace: Pace.memory(), bells, news, poller: seat.poller.handle,
  }
}

/** The words of one thread's census. */
export const toldBy = (share: CrewShare, thread: number): Int32Array =>
  new Int32Array(share.told, thread * Census.bytes, Census.bytes / 4)

/** Of this thread's `performance.now()`. Not `timeOrigin`: that of a thread which began after the clock was set is another. */
const origin = uptime() - performance.now()

/** A time that listener and crew understand alike: the low 32 bits of milliseconds. @param now performance.now() */
export const commonTime = (now: number): number => Math.floor(origin + now) | 0
