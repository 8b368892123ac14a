// Heads that modules have a part in: what is remembered of them is what they would be anew, and names have no case.
import fc from 'fast-check'
import t from 'tap'
import type { Own } from '../../core/server/head_lines.ts'
import { Headers } from '../../core/server/header_table.ts'
import { settle, settledOf } from '../../core/server/settled_fields.ts'
import { holds, same } from '../support/property.ts'

const some = (...values: string[]) => fc.constantFrom(...values)
const fields = fc.array(fc.tuple(some('ETag', 'Vary', 'vary', 'Cache-Control', 'Connection', 'X-A', 'x-a', 'Set-Cookie'), some('a', 'b', 'Accept', 'close', 'x, y')), { maxLength: 4 })
const own: fc.Arbitrary<Own> = fc.record({
  connection: some('', 'Connection: close\r\n', 'Keep-Alive: timeout=5, max=99\r\nConnection: Keep-Alive\r\n'),
  chunked: fc.boolean(), length: fc.constantFrom(undefined, 0, 12), contentType: fc.constantFrom(undefined, 'text/plain', 'text/html'),
  contentEncoding: fc.constantFrom(undefined, 'gzip'), contentLanguages: fc.constantFrom<readonly string[]>([], ['en'], ['en', 'de']),
})
const response = fc.record({ tables: fc.array(fields, { minLength: 1, maxLength: 2 }), own, withoutVary: fc.boolean() })

function tableOf(list: readonly (readonly [string, string])[]): Headers {
  const table = new Headers()
  for (const [name, value] of list) table.add(name, value)
  return table
}

t.test('a head that was made before is the head that would be made now', (t) => {
  holds(t, 'settledOf is settle', fc.array(response, { maxLength: 20 }), (responses) => {
    for (const { tables, own, withoutVary } of responses) {
      const made = tables.map(tableOf)
      const { headers, bytes } = settledOf(made, own, withoutVary)
      const wanted = settle(made, own, withoutVary).text()
      same(bytes.toString('latin1'), `${wanted}\r\n`)
      same(headers.text(), wanted)
      // What is remembered does not change with the table that it came from.
      made[0]!.set('X-Late', 'x')
      made[0]!.unset('Vary')
    }
  })
  t.end()
})

t.test('names compare without regard to case, other names of the same length do not count', (t) => {
  const table = tableOf([['Last-Modified', '1'], ['cache-control', '2'], ['Accept-Ranges', '3'], ['@ccept-ranges', '4']])
  t.equal(table.get('Cache-Control'), '2')
  t.equal(table.get('ACCEPT-RANGES'), '3')
  t.equal(table.get('last-modifieD'), '1')
  t.equal(table.get('`ccept-ranges'), undefined)
  table.unset('LAST-MODIFIED')
  t.equal(table.has('Last-Modified'), false)
  t.end()
})

t.test('a name that is none, and a value with control characters, are seen each time', (t) => {
  for (let n = 0; n < 2; n++) {
    t.equal(tableOf([['a b', 'c']]).bad, 'a b')
    t.equal(tableOf([['X-A', 'c\r\nd']]).bad, 'X-A')
    t.equal(tableOf([['X-A', 'c']]).bad, undefined)
    t.equal(tableOf([['VARY', 'c']]).unsettled, true)
    t.equal(tableOf([['X-Vary', 'c']]).unsettled, false)
  }
  t.end()
})
