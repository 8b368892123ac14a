import t from 'tap'
import fc from 'fast-check'
import { AWAY, CLOSED, DISARMED, LentTable } from '../../mpms/event/lent_table.ts'

const FD = 3
const make = () => new LentTable(LentTable.memory(8))

t.test('a connection goes, is taken, and comes back', (t) => {
  const table = make()
  table.lend(FD, true)
  t.equal(table.state(FD), AWAY)
  t.equal(table.holder(FD), -1)
  table.taken(FD, 2)
  t.equal(table.holder(FD), 2)
  const armed: number[] = []
  table.giveBack(FD, 5, 1234, (fd) => armed.push(fd))
  t.equal(table.state(FD), 5)
  t.equal(table.since(FD), 1234)
  t.same(armed, [], 'it was in the poller all the time')
  t.notOk(table.disarmed(FD), 'it is not away any more')
  t.ok(table.fits(7))
  t.notOk(table.fits(8))
  t.end()
})

t.test('what the listener took out of the poller is put in again, before it is said to be back', (t) => {
  for (const armed of [true, false]) {
    const table = make()
    table.lend(FD, armed)
    if (armed) t.ok(table.disarmed(FD))
    t.equal(table.state(FD), DISARMED)
    const seen: number[] = []
    table.giveBack(FD, 1, 0, (fd) => seen.push(table.state(fd)))
    t.same(seen, [DISARMED])
    t.equal(table.state(FD), 1)
  }
  t.end()
})

t.test('in whatever order listener and crew act, a connection that is back is in the poller exactly if it should be', (t) => {
  // The listener's steps when something arrives, and the thread's when it gives back, cut where they can be cut.
  fc.assert(fc.property(fc.array(fc.boolean(), { maxLength: 6 }), fc.boolean(), (order, closes) => {
    const table = make()
    table.lend(FD, true)
    const is = { inPoller: true, noticed: false, goesOn: true }
    const listener = [
      () => { if (table.state(FD) === AWAY) is.inPoller = false; else is.goesOn = false },
      () => { if (is.goesOn && !table.disarmed(FD)) is.noticed = true },
    ]
    const crew = [() => (closes ? table.close(FD) : table.giveBack(FD, 1, 0, () => { is.inPoller = true }))]
    for (const first of order) (first ? listener : crew).shift()?.()
    for (const rest of [...listener, ...crew]) rest()
    if (closes) return table.state(FD) === CLOSED
    // If the listener has noticed that it is back, it arms it itself.
    return table.state(FD) === 1 && is.inPoller !== is.noticed
  }))
  t.end()
})
