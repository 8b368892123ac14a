import t from 'tap'
import fc from 'fast-check'
import { hasRoom, type Crowd } from '../../mpms/event/admission.ts'

const crowd = (but: Partial<Crowd>): Crowd =>
  ({ connections: 0, lingering: 0, idleThreads: 4, threads: 4, factor: 2, stopped: false, ...but })

t.test('AsyncRequestWorkerFactor, as documented: threads, and so many more for each that rests', (t) => {
  const table: readonly (readonly [Partial<Crowd>, boolean])[] = [
    [{ connections: 11 }, true], [{ connections: 12 }, false],
    [{ connections: 14, lingering: 3 }, true], [{ connections: 14, lingering: 2 }, false],
    [{ connections: 9, idleThreads: 3 }, true], [{ connections: 10, idleThreads: 3 }, false],
    [{ connections: 3, factor: 0.9 }, true], [{ connections: 4, factor: 0.9 }, false],
    [{ connections: 11, factor: 2.9 }, true], [{ connections: 12, factor: 2.9 }, false],
    [{ connections: 9, stopped: true }, true], [{ connections: 10, stopped: true }, false],
    // The listener is a worker that rests where no other does.
    [{ connections: 5, idleThreads: 0 }, true], [{ connections: 6, idleThreads: 0 }, false],
    [{ connections: 4, idleThreads: 0, stopped: true }, false], [{ connections: 3, idleThreads: 0, stopped: true }, true],
    [{ connections: 5, lingering: 5, idleThreads: 0 }, true],
  ]
  for (const [but, room] of table) t.equal(hasRoom(crowd(but)), room, JSON.stringify(but))
  t.end()
})

t.test('stopping needs no less than going on: no flapping', (t) => {
  const any = fc.record({
    connections: fc.nat(100), lingering: fc.nat(20), idleThreads: fc.nat(8), threads: fc.constant(8),
    factor: fc.double({ min: 0.1, max: 9, noNaN: true }),
  })
  fc.assert(fc.property(any, (some) => hasRoom({ ...some, stopped: false }) || !hasRoom({ ...some, stopped: true })))
  t.end()
})
