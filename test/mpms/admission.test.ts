import t from 'tap'
import fc from 'fast-check'
import { Scoreboard, Status } from '../../core/server/scoreboard.ts'
import { hasRoom, restsElsewhere, type Crowd } from '../../mpms/event/admission.ts'

const crowd = (but: Partial<Crowd>): Crowd =>
  ({ connections: 0, lingering: 0, idleThreads: 4, threads: 4, factor: 2, stopped: false, ...but })

t.test('AsyncRequestWorkerFactor, as documented: threads, and so many more for each of them', (t) => {
  const table: readonly (readonly [Partial<Crowd>, boolean])[] = [
    [{ connections: 11 }, true], [{ connections: 12 }, false],
    [{ connections: 14, lingering: 3 }, true], [{ connections: 14, lingering: 2 }, false],
    [{ connections: 8, threads: 3 }, true], [{ connections: 9, threads: 3 }, false],
    [{ connections: 3, factor: 0.9 }, true], [{ connections: 4, factor: 0.9 }, false],
    [{ connections: 11, factor: 2.9 }, true], [{ connections: 12, factor: 2.9 }, false],
    [{ connections: 9, stopped: true }, true], [{ connections: 10, stopped: true }, false],
    // The listener is never busy, so it does not matter how many others are.
    [{ connections: 11, idleThreads: 0 }, true], [{ connections: 12, idleThreads: 0 }, false],
    [{ connections: 1, threads: 1, factor: 1, stopped: true }, false],
    [{ connections: 1, lingering: 1, threads: 1, factor: 1, stopped: true }, true],
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

t.test('only a child that could accept the same connections counts as one with a thread that rests', (t) => {
  const rests = (generation: number, bucket: number, change?: (board: Scoreboard) => void): boolean => {
    const board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(3, 2)), 3, 2)
    board.slot(0).begin(100, 7, 1)
    board.slot(2).begin(102, generation, bucket)
    board.worker(0, 0).status = Status.ready
    board.worker(2, 0).status = Status.write
    board.worker(2, 1).status = Status.ready
    change?.(board)
    return restsElsewhere(board, 0, 2)
  }
  t.ok(rests(7, 1))
  t.notOk(rests(7, 0), 'other listening sockets')
  t.notOk(rests(6, 1), 'an older generation')
  t.notOk(rests(7, 1, (board) => board.process(2).set('notAccepting', 1)))
  t.notOk(rests(7, 1, (board) => board.process(2).set('quiescing', 1)))
  t.notOk(rests(7, 1, (board) => { board.worker(2, 1).status = Status.write }), 'all busy')
  t.end()
})
