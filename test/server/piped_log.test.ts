// Where a program that takes a log says its own words; what becomes of the lines is in test/built/logs.test.ts.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { outputFor } from '../../core/server/piped_log.ts'

t.test('outputFor() gives no program a writer of the log that it reads', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'httpd-piped-'))
  const opened = ['one', 'two'].map((name) => {
    execFileSync('mkfifo', [join(root, name)])
    return openSync(join(root, name), constants.O_RDWR)
  })
  t.teardown(() => {
    for (const fd of opened) closeSync(fd)
    rmSync(root, { recursive: true })
  })
  const [one, two] = opened as [number, number]
  const other = openSync(join(root, 'one'), constants.O_WRONLY)
  opened.push(other)
  t.equal(outputFor(one, two), two)
  t.equal(outputFor(one, other), 'ignore', 'the same pipe')
  t.equal(outputFor(one, 9999), 'ignore', 'none')
  t.end()
})
