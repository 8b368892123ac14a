import t from 'tap'
import fc from 'fast-check'
import { DECLINED, OK, Order, inOrder, runAll, runFirst, runVoid, type Link } from '../../core/hook/hook.ts'

t.test('runFirst stops at the first answer that is not DECLINED', (t) => {
  const hook = runFirst<string[]>('x')
  hook.add('a', (seen) => (seen.push('a'), DECLINED))
  hook.add('b', (seen) => (seen.push('b'), 404))
  hook.add('c', (seen) => (seen.push('c'), OK))
  const seen: string[] = []
  t.equal(hook.run(seen), 404)
  t.same(seen, ['a', 'b'])
  t.end()
})

t.test('runAll goes past OK and DECLINED and answers OK', (t) => {
  const hook = runAll<string[]>('x')
  hook.add('a', (seen) => (seen.push('a'), OK))
  hook.add('b', (seen) => (seen.push('b'), DECLINED))
  const seen: string[] = []
  t.equal(hook.run(seen), OK)
  hook.add('c', () => 500)
  t.equal(hook.run(seen), 500)
  t.end()
})

t.test('a walk waits for a promise and goes on behind it', async (t) => {
  const hook = runFirst<string[]>('x')
  hook.add('a', async (seen) => { await Promise.resolve(); seen.push('a'); return DECLINED })
  hook.add('b', (seen) => (seen.push('b'), 403))
  const seen: string[] = []
  const answer = hook.run(seen)
  t.ok(answer instanceof Promise)
  t.same(seen, [])
  t.equal(await answer, 403)
  t.same(seen, ['a', 'b'])
})

t.test('runVoid runs everything', (t) => {
  const hook = runVoid<string[]>('x')
  const seen: string[] = []
  hook.add('a', (list) => void list.push('a'), { order: Order.last })
  hook.add('b', (list) => void list.push('b'), { order: Order.first })
  hook.run(seen)
  t.same(seen, ['b', 'a'])
  t.end()
})

t.test('after and before win over numbers; a cycle names its members', (t) => {
  const hook = runFirst<null>('translate_name')
  const fn = () => OK
  hook.add('early', fn, { order: Order.first, after: ['late'] })
  hook.add('late', fn, { order: Order.last })
  hook.add('front', fn, { order: Order.reallyLast, before: ['late'] })
  t.same(hook.links().map((link) => link.owner), ['front', 'late', 'early'])
  hook.add('late', fn, { after: ['early'] })
  t.throws(() => hook.links(), /Cannot order hook "translate_name": its places form a cycle: .*early.*late/)
  t.end()
})

t.test('inOrder() keeps every link once and respects every wish that can be met', (t) => {
  const link = fc.record({ order: fc.integer({ min: -10, max: 30 }), after: fc.array(fc.nat(7), { maxLength: 2 }) })
  fc.assert(fc.property(fc.array(link, { maxLength: 8 }), (rows) => {
    // Only wishes for links with a smaller number: no cycle is possible.
    const links: Link<null, number>[] = rows.map(({ order, after }, i) => ({
      owner: `m${i}`, fn: () => OK, place: { order, after: after.filter((n) => n < i).map((n) => `m${n}`) },
    }))
    const names = inOrder('x', links).map((l) => l.owner)
    if (new Set(names).size !== links.length) return false
    return links.every((l) => (l.place.after ?? []).every((other) => names.indexOf(other) < names.indexOf(l.owner)))
  }))
  t.end()
})
