import t from 'tap'
import fc from 'fast-check'
import { CrewQueue, type Job } from '../../mpms/shared/crew_queue.ts'

const bell = () => {
  let rung = 0
  return { fd: 0, ring: (n: number) => { rung += n }, take: () => rung-- > 0, close: () => undefined, get rung() { return rung } }
}
const job = (fd: number, text = ''): Job => ({ fd, keepalives: fd * 2, peer: { address: '::1', port: 1000 + fd }, unread: Buffer.from(text) })
const fdOf = ({ fd }: Job): number => fd

t.test('requests come out in the order they went in, whole', (t) => {
  const queue = new CrewQueue(CrewQueue.memory(4), 4)
  const [ring, room] = [bell(), bell()]
  t.ok(queue.offer(job(7, 'GET / HTTP/1.1\r\n\r\n'), ring))
  t.ok(queue.offer(job(8), ring))
  t.equal(ring.rung, 2)
  t.same(queue.take(room, (job) => ({ ...job, unread: Buffer.from(job.unread).toString() })),
    { fd: 7, keepalives: 14, peer: { address: '::1', port: 1007 }, unread: 'GET / HTTP/1.1\r\n\r\n' })
  t.equal(queue.take(room, fdOf), 8)
  t.equal(room.rung, 0)
  t.end()
})

t.test('a full queue refuses, and rings for room once a slot is free', (t) => {
  const queue = new CrewQueue(CrewQueue.memory(2), 2)
  const [ring, room] = [bell(), bell()]
  t.ok(queue.offer(job(1), ring))
  t.ok(queue.offer(job(2), ring))
  t.notOk(queue.offer(job(3), ring))
  queue.take(room, fdOf)
  t.equal(room.rung, 1)
  t.ok(queue.offer(job(3), ring))
  t.end()
})

t.test('what is too large is known before', (t) => {
  t.ok(CrewQueue.fits(1024 * 1024))
  t.notOk(CrewQueue.fits(1024 * 1024 + 1))
  t.end()
})

t.test('finishing is seen by all who share the memory', (t) => {
  const memory = CrewQueue.memory(2)
  const [one, other] = [new CrewQueue(memory, 2), new CrewQueue(memory, 2)]
  t.notOk(other.finishing)
  one.finish()
  t.ok(other.finishing)
  t.end()
})

t.test('nothing is lost and nothing comes twice, with several takers', (t) => {
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (acts, slots) => {
    const memory = CrewQueue.memory(slots)
    const producer = new CrewQueue(memory, slots)
    const takers = [new CrewQueue(memory, slots), new CrewQueue(memory, slots)]
    const [ring, room] = [bell(), bell()]
    const expected: number[] = []
    const got: number[] = []
    acts.forEach((put, i) => {
      if (put) {
        if (producer.offer(job(i + 1), ring)) expected.push(i + 1)
      } else if (expected.length > got.length) got.push(takers[i % 2]!.take(room, fdOf))
    })
    return JSON.stringify(got) === JSON.stringify(expected.slice(0, got.length))
  }), { numRuns: 50 })
  t.end()
})
