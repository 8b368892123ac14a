// RecycleChild: what its words mean, and when a child is due.
import t from 'tap'
import fc from 'fast-check'
import { dueFor, ownLimits, recycling } from '../../core/server/recycle.ts'

t.test('the words of RecycleChild', (t) => {
  t.same(recycling(['requests=1000', 'memory=512M', 'age=24h', 'jitter=10%']),
    { requests: 1000, memory: 512 * 2 ** 20, age: 86_400_000, jitter: 0.1 })
  t.same(recycling(['Age=90']), { requests: 0, memory: 0, age: 90_000, jitter: 0.2 })
  t.same(recycling(['memory=2GB']), { requests: 0, memory: 2 ** 31, age: 0, jitter: 0.2 })
  for (const words of [['requests=0'], ['requests=x'], ['memory='], ['memory=1T'], ['age=soon'], ['age=0'], ['1000'], ['jitter=100%', 'age=1']])
    t.throws(() => recycling(words), { message: new RegExp(`not "${words[0]}"`) }, words.join(' '))
  t.throws(() => recycling(['jitter=5%']), { message: /at least one limit is needed/ })
  t.end()
})

t.test('a child is due for the first limit that it has reached', (t) => {
  const limits = { requests: 10, memory: 100, age: 0 }
  t.equal(dueFor(limits, { requests: 9, memory: 99, age: 1e9 }), undefined)
  t.equal(dueFor(limits, { requests: 10, memory: 0, age: 0 }), 'requests answered')
  t.equal(dueFor(limits, { requests: 0, memory: 100, age: 0 }), 'memory in use')
  t.equal(dueFor({ requests: 0, memory: 0, age: 5 }, { requests: 9, memory: 9, age: 5 }), 'age')
  t.end()
})

t.test('chance takes off no more than the jitter, and never all of it', (t) => {
  const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
  fc.assert(fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 0, max: 99 }), chance, (requests, percent, drawn) => {
    const own = ownLimits({ requests, memory: 0, age: requests, jitter: percent / 100 }, drawn)
    return own.requests >= 1 && own.requests <= requests && own.requests >= Math.floor(requests * (1 - percent / 100))
      && own.age > 0 && own.memory === 0
  }))
  t.end()
})
