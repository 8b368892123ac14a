// htdbm, and that it does what Debian's does where that is installed: exit code, messages, what is left in the database.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { dbmKind } from '../../core/port/dbm/dbm.ts'
import { wantedBy } from '../../support/htdbm/command_line.ts'
import { variantDirectory } from '../support/variants.ts'

Object.assign(globalThis, { require: createRequire(join(process.cwd(), 'package.json')) })

const OURS = join(variantDirectory('event'), 'dist/bin/htdbm')
const APACHES = '/usr/bin/htdbm'
const root = mkdtempSync(join(tmpdir(), 'httpd-htdbm-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))

const run = (program: string, words: string, input = '') =>
  spawnSync(program, words.split(' '), { cwd: root, input, encoding: 'utf8' })

/** Salts are taken out, and how the program is used, which is in our own words. */
const plain = (text: string): string => text.replace(/\$(apr1|2y\$\d+)\$.*/g, '$1').replace(/Usage:[^]*/, 'Usage')

/** What is said to the person and what is in the database in the end. */
function outcome(program: string, lines: readonly (readonly [words: string, input?: string])[]): unknown[] {
  for (const name of readdirSync(root)) rmSync(join(root, name))
  const said = lines.map(([words, input]) => {
    const { status, stdout, stderr } = run(program, words, input)
    const text = plain(stderr + stdout).replaceAll(`${program}: `, 'htdbm: ').replace(/^htdbm -- .*\n\n/m, '')
    return [words, status, text.split('\n').sort().join('\n').trim()]
  })
  if (!existsSync(join(root, 'db.pag'))) return said
  const dbm = dbmKind('SDBM', join(root, 'db')).read(join(root, 'db'))
  const all = [...dbm.entries()].map(([key, value]) => `${key.toString('latin1')}:${plain(value.toString('latin1'))}`)
  dbm.close()
  return [...said, all.sort()]
}

t.test('as Debian\'s', { skip: existsSync(APACHES) ? false : 'no apache2-utils' }, (t) => {
  const cases: readonly (readonly (readonly [words: string, input?: string])[])[] = [
    [
      ['-TSDBM -cbs db bob secret'], ['-T SDBM -bt db kim pw comment'], ['-TSDBM -bs db bob new'],
      ['-TSDBM -vb db bob new'], ['-TSDBM -vb db bob no'], ['-TSDBM -vb db nobody no'],
      ['-TSDBM -x db nobody'], ['-TSDBM -l db'], ['-TSDBM -x db bob'], ['-TSDBM -is db ann', 'word\n'],
    ],
    [['-TSDBM -bs none a b'], ['-TSDBM -l none'], ['-nbs a:b c'], ['-nbst kim pw comment']],
  ]
  for (const lines of cases) t.same(outcome(OURS, lines), outcome(APACHES, lines))
  t.end()
})

t.test('LMDB: a server sees the old database or the new one', (t) => {
  const file = join(root, 'users')
  t.equal(run(OURS, '-cbs users bob secret').status, 0)
  const before = statSync(file).ino
  const reader = dbmKind('default', file).read(file)
  t.equal(run(OURS, '-bst users jim pw cmt').stderr.includes('Database users updated.'), true)
  t.not(statSync(file).ino, before)
  t.equal(reader.get(Buffer.from('jim')), undefined)
  reader.close()
  t.match(run(OURS, '-l users').stdout, / bob *\n *jim +cmt\nTotal #records : 2\n/)
  const kept = statSync(file).ino
  const gone = run(OURS, '-x users nobody')
  t.same([gone.status, gone.stderr], [6, "Cannot find user 'nobody' in database\n"])
  t.equal(statSync(file).ino, kept)
  t.equal(run(OURS, '-TDB -l users').stderr,
    'Error opening database users\nthere is no library for files of type DB: there are LMDB, SDBM, default\n')
  t.same(readdirSync(root).filter((name) => name.startsWith('users')), ['users'])
  t.end()
})

t.test('the command line', (t) => {
  t.match(wantedBy(['-TSDBM', '-bB', '-C', '7', 'db', 'u', 'p']), { type: 'SDBM', algorithm: 'bcrypt', cost: 7, file: 'db', user: 'u', password: 'p' })
  t.match(wantedBy(['-ts', 'db', 'u', 'words']), { comment: 'words', password: undefined })
  for (const words of [['-z'], ['-T'], ['-cn', 'db', 'u'], ['-l'], ['-C0', 'db', 'u'], []]) t.throws(() => wantedBy(words))
  t.end()
})

t.test('LMDB: who changes it at the same time takes nothing away', async (t) => {
  const path = join(root, 'many')
  run(OURS, `-cb -TLMDB ${path} ann x`)
  const names = Array.from({ length: 8 }, (_, i) => `user${i}`)
  await Promise.all(names.map((name) => new Promise((done) => {
    spawn(OURS, ['-b', '-TLMDB', path, name, 'x'], { stdio: 'ignore' }).on('exit', done)
  })))
  const dbm = dbmKind('LMDB', path).read(path)
  t.same([...dbm.entries()].map(([key]) => String(key)).sort(), ['ann', ...names])
  dbm.close()
})
