import t from 'tap'
import fc from 'fast-check'
import type { ProcessRow } from '../../core/server/scoreboard.ts'
import { Next } from '../../core/server/mpm.ts'
import { Census, Kind, kindOf } from '../../mpms/shared/census.ts'

const FIELDS = ['connections', 'waitIo', 'writing', 'keepAlive', 'closing', 'suspended'] as const

function fakeRow() {
  const counts = new Map<string, number>()
  let told = 0
  const row = { add: (field: string, by: number) => (told++, counts.set(field, (counts.get(field) ?? 0) + by)) }
  return { row: row as unknown as ProcessRow, of: (kind: number) => counts.get(FIELDS[kind]!) ?? 0, get told() { return told } }
}

t.test('what a connection that waits counts as', (t) => {
  t.same([Next.read, Next.write, Next.suspend, Next.linger, Next.handover, Next.close].map((next) => kindOf(next, 3)),
    [Kind.waitIo, Kind.writing, Kind.suspended, Kind.closing, Kind.none, Kind.none])
  t.equal(kindOf(Next.idle, 1), Kind.keepAlive)
  t.equal(kindOf(Next.idle, 0), Kind.waitIo, 'its first request has not come')
  t.end()
})

t.test('whatever the connections of several threads do, the row says what a recount says', (t) => {
  const act = fc.record({ thread: fc.nat(2), which: fc.nat(4), kind: fc.integer({ min: 0, max: 5 }), flush: fc.boolean() })
  fc.assert(fc.property(fc.array(act, { maxLength: 80 }), fc.nat(2), (acts, lost) => {
    const made = fakeRow()
    const told = Array.from({ length: 3 }, () => new Int32Array(6))
    const threads = told.map((words) => new Census(made.row, words))
    const kinds = told.map(() => Array.from({ length: 5 }, () => Kind.none as Kind))
    for (const { thread, which, kind, flush } of acts) {
      threads[thread]!.move(kinds[thread]![which]!, kind as Kind)
      kinds[thread]![which] = kind as Kind
      if (flush) threads[thread]!.flush()
    }
    for (const thread of threads) thread.flush()
    const recount = (of: Kind[][]) => [1, 2, 3, 4, 5].map((kind) => of.flat().filter((its) => its === kind).length)
    const row = () => [1, 2, 3, 4, 5].map((kind) => made.of(kind))
    if (JSON.stringify(row()) !== JSON.stringify(recount(kinds))) return false
    // A thread that is no more takes what it had counted with it.
    Census.takeAway(made.row, told[lost]!)
    return JSON.stringify(row()) === JSON.stringify(recount(kinds.filter((_, n) => n !== lost)))
  }))
  t.end()
})

t.test('a connection that comes counted is counted once', (t) => {
  const made = fakeRow()
  const census = new Census(made.row)
  made.row.add('keepAlive', 1)
  census.inherit(Kind.keepAlive)
  census.flush()
  t.equal(made.of(Kind.keepAlive), 1)
  census.move(Kind.keepAlive, Kind.writing)
  census.flush()
  t.same([made.of(Kind.keepAlive), made.of(Kind.writing)], [0, 1])
  const { told } = made
  census.move(Kind.writing, Kind.keepAlive)
  census.move(Kind.keepAlive, Kind.writing)
  census.flush()
  t.equal(made.told, told, 'what has not changed is not told')
  t.end()
})
