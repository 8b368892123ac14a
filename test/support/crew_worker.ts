/* A thread for test/mpms/crew_protocol.test.ts: the crew's side of the queue, sleeping on a word of shared memory. */
import { workerData } from 'node:worker_threads'
import { CrewQueue, NO_TICKET, type QueueShape } from '../../mpms/shared/crew_queue.ts'
import { IdleThreads } from '../../mpms/shared/idle_threads.ts'

interface Shared {
  readonly shape: QueueShape
  readonly queue: SharedArrayBuffer
  readonly idle: SharedArrayBuffer
  readonly bells: SharedArrayBuffer
  /** How often each job was taken. */
  readonly taken: SharedArrayBuffer
  /** Jobs taken, jobs out of order, 1 when it is over. */
  readonly counts: SharedArrayBuffer
  readonly number: number
}

const shared = workerData as Shared
const { number } = shared
const queue = new CrewQueue(shared.queue, shared.shape)
const idle = new IdleThreads(shared.idle)
const [bells, taken, counts] = [new Int32Array(shared.bells), new Int32Array(shared.taken), new Int32Array(shared.counts)]

function wakeNext(): void {
  const thread = idle.wake()
  if (thread < 0) return
  Atomics.add(bells, thread, 1)
  Atomics.notify(bells, thread)
}

let heard = 0
while (Atomics.load(counts, 2) === 0) {
  const ticket = queue.reserve(number)
  if (ticket !== NO_TICKET) {
    const fd = queue.read(number, ticket, (job) => job.fd, () => undefined)
    if (!queue.empty) wakeNext()
    if (fd !== ticket) Atomics.add(counts, 1, 1)
    Atomics.add(taken, fd, 1)
    Atomics.add(counts, 0, 1)
    continue
  }
  idle.rest(number, false)
  if (queue.empty) {
    Atomics.wait(bells, number, heard)
    heard = Atomics.load(bells, number)
  }
  idle.rise(number, false)
}
