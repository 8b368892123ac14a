// htdigest, and that it does what Debian's does where that is installed: exit code, messages, what is left in the file.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { changed, has, lineOf } from '../../support/htdigest/lines.ts'
import { variantDirectory } from '../support/variants.ts'

const OURS = join(variantDirectory('event'), 'dist/bin/htdigest')
const APACHES = '/usr/bin/htdigest'
const root = mkdtempSync(join(tmpdir(), 'httpd-htdigest-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

function outcome(program: string, words: readonly string[], text: string | undefined, input: string) {
  const file = join(root, 'users')
  rmSync(file, { force: true })
  if (text !== undefined) writeFileSync(file, text)
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: root, input, encoding: 'utf8' })
  // Where prompts go, and whether a line feed follows the last message, is their own affair.
  return { status, stdout, stderr: stderr.trimEnd(), users: existsSync(file) ? readFileSync(file, 'utf8') : undefined }
}

const USERS = '# people\n\nbob:R:x:more\nbob:Q:x\nbob:R:y\n'
const CASES: readonly (readonly [words: string, text?: string | undefined, input?: string])[] = [
  ['-c users R'], ['-x users R bob'], ['users R bob'], ['-c nosuch/users R bob'],
  ['-c users R bob', undefined, 'secret\nsecret\n'], ['users R bob', USERS, 'secret\nsecret\n'], ['users R eve', USERS, 'secret\nsecret\n'],
  ['users Q bob', USERS, 'secret\nother\n'], ['users R bob', USERS, `${'a'.repeat(300)}\n`],
]

t.test('htdigest does as that of Apache', { skip: !existsSync(APACHES) }, (t) => {
  for (const [words, text, input = ''] of CASES) {
    const list = words.split(' ').filter((word) => word !== '')
    t.strictSame(outcome(OURS, list, text, input), outcome(APACHES, list, text, input), words)
  }
  t.end()
})

t.test('and better', (t) => {
  t.match(outcome(OURS, ['users', 'R', 'a:b'], USERS, 'x\nx\n'), { status: 1, stderr: /colon/, users: USERS })
  t.match(outcome(OURS, ['-c', 'users', 'R', 'bob'], USERS, 'x\nx\n'), { status: 0, users: `${lineOf('bob', 'R', 'x')}\n` })
  t.match(outcome(OURS, ['-c', 'users', 'R', 'bob'], USERS, 'x\ny\n'), { status: 1, users: USERS })
  t.match(outcome(OURS, ['users', 'R', 'bob'], 'last:R:x', 'x\nx\n'), { status: 0, users: `last:R:x\n${lineOf('bob', 'R', 'x')}\n` })
  t.end()
})

t.test('changed() changes one line and no other', (t) => {
  const name = fc.stringMatching(/^[a-z#]{0,3}$/)
  const line = fc.tuple(name, name).map(([user, realm]) => `${user}:${realm}:x`)
  fc.assert(fc.property(fc.array(line), name, name, (lines, user, realm) => {
    const text = lines.map((one) => `${one}\n`).join('')
    const after = changed(text, user, realm, 'NEW').split('\n').slice(0, -1)
    const rest = after.filter((one) => one !== 'NEW')
    return after.filter((one) => one === 'NEW').length === 1 &&
      rest.length === lines.length - (has(text, user, realm) ? 1 : 0) && rest.every((one) => lines.includes(one))
  }))
  t.end()
})
