// htpasswd, and that it does what Debian's does where that is installed: exit code, messages, what is left in the file.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { verifyPassword } from '../../core/base/password.ts'
import { wantedBy } from '../../support/htpasswd/command_line.ts'
import { hashOf } from '../../support/htpasswd/hash.ts'
import { changed, hashIn } from '../../support/htpasswd/lines.ts'
import { variantDirectory } from '../support/variants.ts'

const OURS = join(variantDirectory('event'), 'dist/bin/htpasswd')
const APACHES = '/usr/bin/htpasswd'
const root = mkdtempSync(join(tmpdir(), 'httpd-htpasswd-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

interface Outcome { readonly status: number | null; readonly said: string; readonly users: readonly string[] | undefined }

/** What differs from run to run is taken out: salts and hashes; and how the program is used, which is in our own words. */
function outcome(program: string, words: readonly string[], text: string | undefined, input: string): Outcome {
  const file = join(root, 'users')
  rmSync(file, { force: true })
  if (text !== undefined) writeFileSync(file, text)
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: root, input, encoding: 'utf8' })
  const plain = (line: string): string => line.replace(/:\$(apr1|2y\$\d+|[56])\$.*/, ':$1').replace(/^(c\w*:)[./\w]{13}$/, '$1DES')
  const said = (stdout + stderr).replaceAll(`${program}: `, 'htpasswd: ').replace(/Usage:[^]*/, 'Usage').split('\n').map(plain).sort().join('\n')
  return { status, said, users: existsSync(file) ? readFileSync(file, 'utf8').split('\n').map(plain) : undefined }
}

const USERS = '# people\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n\n  eve:x:more\n'
const CASES: readonly (readonly [words: string, text?: string | undefined, input?: string])[] = [
  ['-nb u'], ['-z u'], ['-nbC x u p'], ['-cn users u'], ['-nb a:b p'],
  ['-nbB -C 4 u p'], ['-nbB -C 18 u p'], ['-nb2 u p'], ['-nbd c 123456789'], ['-nbp u p'], ['-nbC 5 u p'],
  ['-b5 -r 1000 users new p', USERS], [`-nb u ${'a'.repeat(257)}`], ['-nis u', undefined, 'secret'],
  ['-b users bob p', USERS], ['-b users u p'], ['-cb users u p', USERS], ['-cb nosuch/users u p'],
  ['-D users bob', USERS], ['-D users nobody', USERS],
  ['-vb users bob secret', USERS], ['-vb users bob wrong', USERS], ['-vb users nobody x', USERS],
  ['-b users bob p', 'no colon\n'],
]

t.test('htpasswd does as that of Apache', { skip: !existsSync(APACHES) }, (t) => {
  for (const [words, text, input = ''] of CASES) {
    const list = words.split(' ').filter((word) => word !== '')
    const [theirs, own] = [APACHES, OURS].map((program) => outcome(program, list, text, input))
    if (/^no colon/.test(text ?? '')) t.equal(own!.status, theirs!.status, words)
    else t.strictSame(own, theirs, words)
  }
  t.end()
})

t.test('a file keeps its rights and its place', (t) => {
  const [real, link] = [join(root, 'real'), join(root, 'link')]
  writeFileSync(real, 'bob:x\nbob:y\nlast:z')
  chmodSync(real, 0o640)
  symlinkSync(real, link)
  const { status, stderr } = spawnSync(OURS, ['-bs', link, 'bob', 'secret'], { encoding: 'utf8' })
  t.strictSame([status, stderr], [0, 'Updating password for user bob\n'])
  t.equal(readFileSync(real, 'utf8'), 'bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n'.repeat(2) + 'last:z\n')
  t.equal(statSync(real).mode & 0o777, 0o640)
  t.ok(lstatSync(link).isSymbolicLink())
  t.equal(spawnSync(OURS, ['-nb5', '-r', '10', 'u', 'p']).status, 3, 'no hash that nobody could have')
  t.end()
})

t.test('hashOf() makes hashes that verifyPassword() understands', (t) => {
  for (const algorithm of ['apr1', 'bcrypt', 'sha256', 'sha512', 'crypt', 'sha1'] as const) {
    const hash = hashOf(algorithm, 'secret', algorithm === 'bcrypt' ? 4 : algorithm.startsWith('sha2') ? 1000 : undefined)
    t.ok(verifyPassword('secret', hash), hash)
    t.notOk(verifyPassword('Secret', hash), hash)
  }
  t.match(hashOf('bcrypt', 'x', undefined, (count) => new Uint8Array(count)), /^\$2y\$05\$\.{21}/)
  t.throws(() => hashOf('bcrypt', 'x', 5, undefined, () => undefined), /no libcrypt/)
  t.end()
})

t.test('changed() changes the lines of one user and no others', (t) => {
  const user = fc.stringMatching(/^[a-z ]{1,4}$/).filter((name) => name.trim() === name && name !== '')
  const line = fc.oneof(user.map((name) => `${name}:hash`), fc.constantFrom('', '# comment', '  # more'))
  fc.assert(fc.property(fc.array(line), user, (lines, name) => {
    const text = lines.map((one) => `${one}\n`).join('')
    const others = lines.filter((one) => !one.startsWith(`${name}:`))
    const gone = changed(text, name, undefined)!
    const set = changed(text, name, `${name}:new`)!
    t.strictSame(gone, { text: others.map((one) => `${one}\n`).join(''), found: lines.length - others.length })
    t.equal(hashIn(set.text, name), 'new')
    t.equal(hashIn(gone.text, name), undefined)
    t.equal(changed(set.text, name, undefined)!.text, gone.text)
  }), { numRuns: 50 })
  t.equal(changed('x\n', 'x', undefined), undefined)
  t.equal(hashIn('x\n', 'x'), null)
  t.end()
})

t.test('wantedBy() takes what getopt takes', (t) => {
  const common = { action: 'print', algorithm: 'bcrypt', cost: 7, from: 'argument', file: '', user: 'u', password: '-p' }
  t.strictSame(wantedBy(['-nbB', '-C', '7', 'u', '-p']), common)
  t.strictSame(wantedBy(['-nB', '-bC7', '--', 'u', '-p']), common)
  t.equal(wantedBy(['-ib', 'f', 'u', 'p']).from, 'argument')
  t.end()
})

t.test('a file of somebody else in the place of the new one stays', (t) => {
  const file = join(root, 'theirs')
  writeFileSync(file, 'bob:x\n')
  // The shell has the number that the program takes over.
  const { stdout } = spawnSync('sh', ['-c', 'echo $$; echo other > "$0.$$"; exec "$1" -bs "$0" bob secret', file, OURS], { encoding: 'utf8' })
  t.equal(readFileSync(`${file}.${stdout.trim()}`, 'utf8'), 'other\n')
  t.equal(readFileSync(file, 'utf8'), 'bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n')
  t.end()
})

t.test('where there is no room for the new one the old one stays', (t) => {
  const file = join(root, 'full')
  const text = `bob:x\n${'# so many lines\n'.repeat(1000)}`
  writeFileSync(file, text)
  const { status, stderr } = spawnSync('sh', ['-c', 'ulimit -f 8; exec "$1" -bs "$0" ann secret', file, OURS], { encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, /^htpasswd: cannot modify file /m)
  t.equal(readFileSync(file, 'utf8'), text)
  t.strictSame(readdirSync(root).filter((name) => name.startsWith('full.')), [])
  t.end()
})
