import t from 'tap'
import fc from 'fast-check'
import { shapeFor } from '../../mpms/event/share.ts'
import { CrewQueue, NO_TICKET, type Job } from '../../mpms/shared/crew_queue.ts'

const THREADS = 3

function make(slots: number) {
  const shape = { slots, threads: THREADS }
  const memory = CrewQueue.memory(shape)
  let room = 0
  return {
    memory,
    queue: () => new CrewQueue(memory, shape),
    onRoom: () => void room++,
    get room() { return room },
  }
}

const job = (fd: number, text = ''): Job =>
  ({ fd, keepalives: fd * 2, peer: { address: '::1', port: 1000 + fd }, unread: Buffer.from(text) })
const fdOf = ({ fd }: Job): number => fd

/** Takes the oldest job; undefined: there is none. */
function take(queue: CrewQueue, thread: number, onRoom: () => void): number | undefined {
  const ticket = queue.reserve(thread)
  return ticket === NO_TICKET ? undefined : queue.read(thread, ticket, fdOf, onRoom)
}

t.test('requests come out in the order they went in, whole', (t) => {
  const made = make(4)
  const queue = made.queue()
  t.ok(queue.empty)
  t.equal(queue.reserve(0), NO_TICKET)
  t.ok(queue.offer(job(7, 'GET / HTTP/1.1\r\n\r\n')))
  t.ok(queue.offer(job(8)))
  t.equal(queue.length, 2)
  t.notOk(queue.empty)
  t.same(queue.read(1, queue.reserve(1), (job) => ({ ...job, unread: Buffer.from(job.unread).toString() }), made.onRoom),
    { fd: 7, keepalives: 14, peer: { address: '::1', port: 1007 }, unread: 'GET / HTTP/1.1\r\n\r\n' })
  t.equal(take(queue, 0, made.onRoom), 8)
  t.equal(take(queue, 0, made.onRoom), undefined)
  t.equal(made.room, 0)
  const introduced = { address: '203.0.113.5', port: 65535, introduced: true }
  t.ok(queue.offer({ ...job(9), peer: introduced }))
  t.same(queue.read(1, queue.reserve(1), ({ peer }) => peer, made.onRoom), introduced)
  t.end()
})

t.test('a full queue refuses, and tells once when half of it is free', (t) => {
  const made = make(4)
  const queue = made.queue()
  for (let n = 1; n <= 4; n++) t.ok(queue.offer(job(n)))
  t.notOk(queue.offer(job(5)))
  take(queue, 0, made.onRoom)
  t.equal(made.room, 0)
  take(queue, 0, made.onRoom)
  t.equal(made.room, 1)
  take(queue, 0, made.onRoom)
  t.equal(made.room, 1)
  t.ok(queue.offer(job(5)))
  t.end()
})

t.test('what is too large is known before', (t) => {
  t.ok(CrewQueue.fits(1024 * 1024))
  t.notOk(CrewQueue.fits(1024 * 1024 + 1))
  t.end()
})

t.test('finishing is seen by all who share the memory', (t) => {
  const made = make(2)
  const [one, other] = [made.queue(), made.queue()]
  t.notOk(other.finishing)
  one.finish()
  t.ok(other.finishing)
  t.end()
})

t.test('what a lost thread had taken and not read is found, and its slot is free again', (t) => {
  const made = make(2)
  const queue = made.queue()
  t.equal(queue.forget(0), NO_TICKET)
  queue.offer(job(5))
  queue.reserve(0)
  queue.offer(job(6))
  t.notOk(queue.offer(job(7)), 'full')
  t.equal(queue.reclaim(queue.forget(0)), 5)
  t.equal(queue.forget(0), NO_TICKET)
  t.ok(queue.offer(job(7)))
  t.equal(take(queue, 1, made.onRoom), 6)
  t.equal(take(queue, 1, made.onRoom), 7)
  t.equal(queue.forget(1), NO_TICKET, 'what was read is no more the queue\'s affair')
  t.end()
})

t.test('a job that another thread took in the lost one\'s place is left to that thread', (t) => {
  const made = make(2)
  const queue = made.queue()
  queue.offer(job(5))
  const ticket = queue.reserve(1)
  // Thread 0 said that it would take the same job, came too late, and died before it could say so.
  const words = new Int32Array(made.memory)
  const said = words.indexOf(ticket + 1, 16 + 1)
  words[said - 1] = ticket + 1
  t.equal(queue.forget(0), ticket)
  t.equal(queue.reclaim(ticket), 'later')
  // Another thread with the lost one's number has work of its own by now.
  queue.offer(job(6))
  const next = queue.reserve(0)
  t.equal(queue.reclaim(ticket), 'later')
  t.equal(queue.read(1, ticket, fdOf, made.onRoom), 5)
  t.equal(queue.reclaim(ticket), undefined)
  t.equal(queue.read(0, next, fdOf, made.onRoom), 6)
  t.end()
})

t.test('tickets begin anew without a gap', (t) => {
  const made = make(4)
  const words = new Int32Array(made.memory)
  // As after 2^30 - 3 jobs: all slots free for the tickets that come, TAIL and HEAD there.
  const last = 2 ** 30 - 3
  words[0] = words[1] = last
  for (let slot = 0; slot < 4; slot++) {
    const ticket = [...Array(4).keys()].map((n) => last + n).find((n) => n % 4 === slot)! % 2 ** 30
    words[16 + THREADS + slot * 8] = 2 * Math.floor(ticket / 4)
  }
  const queue = made.queue()
  for (let n = 1; n <= 20; n++) {
    t.ok(queue.offer(job(n)), `job ${n} goes in`)
    t.equal(take(queue, n % THREADS, made.onRoom), n)
  }
  t.end()
})

t.test('nothing is lost and nothing comes twice, with several takers', (t) => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (acts, slots) => {
    const made = make(slots)
    const producer = made.queue()
    const takers = Array.from({ length: THREADS }, () => made.queue())
    const expected: number[] = []
    const got: number[] = []
    acts.forEach((put, i) => {
      if (put) {
        if (producer.offer(job(i + 1))) expected.push(i + 1)
      } else {
        const fd = take(takers[i % THREADS]!, i % THREADS, made.onRoom)
        if (fd !== undefined) got.push(fd)
        else if (expected.length > got.length) throw new Error('a job that was queued is not found')
      }
    })
    return JSON.stringify(got) === JSON.stringify(expected.slice(0, got.length))
  }), { numRuns: 50 })
  t.end()
})

t.test('a child may have as many threads as ThreadLimit allows: the queue is there, and is full in the end', (t) => {
  t.same([1, 16, 100, 256, 100_000].map((threads) => shapeFor(threads).slots), [64, 64, 400, 1024, 1024])
  const shape = shapeFor(20_000)
  const queue = new CrewQueue(CrewQueue.memory(shape), shape)
  let queued = 0
  while (queued < 5000 && queue.offer(job(queued))) queued++
  t.equal(queued, shape.slots)
  const taken = Array.from({ length: queued }, () => take(queue, shape.threads - 1, () => undefined))
  t.same(taken, [...taken.keys()])
  t.ok(queue.empty)
  t.end()
})
