// Where a program that takes a log says its own words; what becomes of the lines is in test/built/logs.test.ts.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { argv, outputFor } from '../../core/server/piped_log.ts'

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

t.test('argv()', (t) => {
  const is = (command: string, ...words: string[]) => t.strictSame(argv(command).flat(), words, command)
  is('|/bin/x  a\tb ', '/bin/x', 'a', 'b')
  is('||"/bin/my x" \'c d\' "" e"f', '/bin/my x', 'c d', '', 'e"f')
  is('|/bin/my\\ x a\\\\b "c\\"d" \'e\\\'f\' g\\h', '/bin/my x', 'a\\b', 'c"d', "e'f", 'gh')
  is('|/bin/x "open', '/bin/x', 'open')
  is('|$ x "a b" | y', '/bin/sh', '-c', 'x "a b" | y')
  is('|/bin/\xc3\xa4', '/bin/\xe4')
  t.end()
})
