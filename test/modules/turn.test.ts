import { setImmediate as immediate } from 'node:timers/promises'
import t from 'tap'
import { atTurnEnd, endTurn } from '../../core/base/turn.ts'

t.test('atTurnEnd() runs work once, at the end of the turn', (t) => {
  const done: string[] = []
  endTurn()
  atTurnEnd(() => done.push('first'))
  atTurnEnd(() => {
    done.push('second')
    atTurnEnd(() => done.push('next turn'))
  })
  t.strictSame(done, [])
  endTurn()
  t.strictSame(done, ['first', 'second'])
  endTurn()
  t.strictSame(done, ['first', 'second', 'next turn'])
  endTurn()
  t.equal(done.length, 3)
  t.end()
})

t.test('atTurnEnd() does not depend on somebody who calls endTurn()', async (t) => {
  let done = 0
  atTurnEnd(() => done++)
  await immediate()
  await immediate()
  t.equal(done, 1)
})
