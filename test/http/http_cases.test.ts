// The cases of test/cases/http, each in pieces of every size: what comes back depends on the bytes alone.

import { rmSync } from 'node:fs'
import t from 'tap'
import { makeRunner } from './case_runner.ts'
import { allCases } from './cases.ts'

const cases = allCases()
for (const file of new Set(cases.map((one) => one.file))) {
  t.test(file, async (t) => {
    const { ask, root } = await makeRunner()
    t.teardown(() => rmSync(root, { recursive: true }))
    for (const one of cases.filter((each) => each.file === file)) {
      t.equal(await ask(one, one.bytes.length), one.expected, one.title)
      for (let size = 1; size < one.bytes.length; size++) {
        const found = await ask(one, size)
        if (found !== one.expected) t.equal(found, one.expected, `${one.title}, in pieces of ${size}`)
      }
    }
  })
}
