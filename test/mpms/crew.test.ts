// event's listener and a thread of its crew, each on a seat made by hand: no descriptors, no other threads.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Next, type Conn, type Seat } from '../../core/server/mpm.ts'
import { Scoreboard } from '../../core/server/scoreboard.ts'
import { CrewThread } from '../../mpms/event/crew_thread.ts'
import { LentTable } from '../../mpms/event/lent_table.ts'
import { Pace } from '../../mpms/event/pace.ts'
import { Listener } from '../../mpms/event/listener.ts'
import { shapeFor, toldBy, type CrewShare } from '../../mpms/event/share.ts'
import { Census, Kind } from '../../mpms/shared/census.ts'
import { CrewQueue } from '../../mpms/shared/crew_queue.ts'
import { IdleThreads } from '../../mpms/shared/idle_threads.ts'

const THREADS = 2
const LISTENER = 5
/** Where the words of the threads begin in the queue's memory. */
const THREAD_WORDS = 16

function makeSeat(thread: number, more: Partial<Seat>) {
  const board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(1, THREADS)), 1, THREADS)
  const closed: number[] = []
  let ready: () => void = () => undefined
  let batch: number[] = []
  let [backlog, next] = [0, 100]
  const connect = (fd: number): Conn => ({
    fd, patience: 1000, keepalives: 1, peer: { address: '::1', port: 1 },
    advance: () => Next.handover, timedOut: () => Next.close, unread: () => Buffer.from('GET'), keep: () => undefined,
    close: () => void closed.push(fd), release: () => undefined, lend: () => undefined, takeBack: () => undefined,
  })
  const poller = {
    handle: 1, fds: new Int32Array(16), add: () => 0, change: () => 0, remove: () => 0,
    watch: (act: () => void) => { ready = act },
    take: () => { poller.fds.set(batch); return batch.splice(0).length },
  }
  const bell = () => ({ fd: 7, ring: () => undefined, take: () => false, close: () => undefined })
  const engine = {
    connect, accept: () => (backlog-- > 0 ? next++ : -11), peer: () => ({ address: '::1', port: 1 }), finishing: false,
    now: () => performance.now(), beginTurn: () => undefined, endTurn: () => undefined,
  }
  const seat = {
    slot: 0, thread, listeners: [LISTENER], connectionsPerChild: 0, population: { threadsPerChild: THREADS },
    server: { get: () => ({ asyncRequestWorkerFactor: 2 }) }, process: board.process(0), worker: board.worker(0, 0),
    engine, poller, poll: { attach: () => poller }, bell, attachBell: bell, localEnd: () => undefined,
    ready: () => undefined, log: () => undefined, finished: () => undefined, onFinish: () => undefined,
    ...more,
  } as unknown as Seat
  return {
    seat, closed,
    deliver(waiting: number, fds: number[]) {
      backlog = waiting
      batch = fds
      ready()
    },
  }
}

t.test('a lost thread\'s job that is settled later costs nothing of the thread that has its number by then', async (t) => {
  let share: CrewShare | undefined
  let lose: (thread: number) => void = () => undefined
  const { seat, closed, deliver } = makeSeat(-1, {
    startThread: (_, data) => { share = data as CrewShare },
    onThreadLost: (act) => { lose = act },
  })
  new Listener(seat).start()
  deliver(2, [LISTENER])
  const queue = new CrewQueue(share!.queue, share!.shape)
  const lent = new LentTable(share!.lent)
  const words = new Int32Array(share!.queue)
  // What is left of them is forgotten, or the listener's clock would go on.
  t.teardown(() => { for (const fd of [100, 101]) lent.close(fd) })
  t.equal(queue.length, 2)
  // Thread 0 takes the first job and is lost, just when thread 1 has seen the same job and was too late for it.
  const ticket = queue.reserve(0)
  words[THREAD_WORDS + 1] = ticket + 1
  lose(0)
  t.same(closed, [], 'whose it is will show')
  // Another thread 0 takes the second.
  queue.read(0, queue.reserve(0), ({ fd }) => lent.taken(fd, 0), () => undefined)
  const census = new Census(seat.process, toldBy(share!, 0))
  census.move(Kind.none, Kind.suspended)
  census.flush()
  words[THREAD_WORDS + 1] = 0
  for (let i = 0; i < 50 && closed.length === 0; i++) await sleep(10)
  t.same(closed, [100], 'the connection of the lost job')
  t.equal(seat.process.get('suspended'), 1, 'the new thread\'s is counted')
  lose(0)
  t.same(closed, [100, 101])
  t.equal(seat.process.get('suspended'), 0)
})

t.test('a thread of the crew that has no work knows that the child is to finish', (t) => {
  const shape = shapeFor(THREADS)
  const share: CrewShare = {
    queue: CrewQueue.memory(shape), shape, idle: IdleThreads.memory(THREADS), lent: LentTable.memory(1024),
    told: new SharedArrayBuffer(THREADS * Census.bytes), stalled: new SharedArrayBuffer(4), pace: Pace.memory(),
    bells: [7, 7], news: 8, poller: 1,
  }
  const { seat, deliver } = makeSeat(0, { data: share })
  new CrewThread(seat).start()
  deliver(0, [7])
  t.notOk(seat.engine.finishing)
  new CrewQueue(share.queue, shape).finish()
  deliver(0, [7])
  t.ok(seat.engine.finishing)
  t.end()
})
