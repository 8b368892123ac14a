// Every text case of the configuration language.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { casesOf, outcomeOf } from './support.ts'

const FOLDER = 'test/cases/config'

for (const name of readdirSync(FOLDER).sort()) {
  t.test(name, (t) => {
    const cases = casesOf(readFileSync(join(FOLDER, name), 'latin1'))
    t.ok(cases.length > 0, 'has cases')
    for (const [index, each] of cases.entries()) {
      const outcome = outcomeOf(each, t.testdir({ [`case${index}`]: {} }) + `/case${index}`)
      t.equal(outcome.faults, each.parts.get('faults') ?? '', `${each.title}: faults`)
      t.equal(outcome.notes, each.parts.get('notes') ?? '', `${each.title}: notes`)
      for (const part of ['tree', 'answers'] as const) {
        const expected = each.parts.get(part)
        if (expected !== undefined) t.equal(outcome[part], expected, `${each.title}: ${part}`)
      }
    }
    t.end()
  })
}
