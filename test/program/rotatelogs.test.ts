// rotatelogs, and that it does what Debian's does where that is installed: exit code, messages, what is in which file.
import { spawn } from 'node:child_process'
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { wantedBy, type Wanted } from '../../support/rotatelogs/command_line.ts'
import { aheadOfUtc, beginning, nameOf, timeLeft } from '../../support/rotatelogs/schedule.ts'
import { until } from '../support/processes.ts'
import { variantDirectory } from '../support/variants.ts'

const OURS = join(variantDirectory('event'), 'dist/bin/rotatelogs')
const APACHES = '/usr/bin/rotatelogs'
const root = mkdtempSync(join(tmpdir(), 'httpd-rotatelogs-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
let directories = 0

/** Names of files with what is in them; the second in which one begins is NUM. */
function filesOf(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => lstatSync(join(directory, name)).isFile())
  return names.map((name) => `${name.replace(/\d{10}$/, 'NUM')}: ${readFileSync(join(directory, name), 'utf8')}`).sort()
}

interface Run {
  readonly directory: string
  write(text: string): void
  /** Closes its input and waits for its end. */
  end(): Promise<{ code: number | null; said: string[]; files: string[] }>
}

function start(program: string, words: readonly string[], files: Readonly<Record<string, string>> = {}): Run {
  const directory = mkdtempSync(join(root, `${directories++}-`))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const child = spawn('env', ['-u', 'NODE_OPTIONS', 'TZ=Asia/Kolkata', program, ...words], { cwd: directory })
  let said = ''
  child.stdout.on('data', (text) => (said += text))
  child.stderr.on('data', (text) => (said += text))
  child.stdin.on('error', () => undefined)
  const ended = new Promise<number | null>((done) => child.on('close', done))
  return {
    directory,
    write: (text) => void child.stdin.write(text),
    async end() {
      child.stdin.end()
      const code = await ended
      // How the program is used is in our own words.
      const lines = said.replace(/^(Usage)[^]*/m, '$1').replace(/\d{10}/g, 'NUM').split('\n').filter((line) => line !== '').sort()
      return { code, said: lines, files: filesOf(directory) }
    },
  }
}

const CASES: readonly (readonly [words: string, files?: Readonly<Record<string, string>>])[] = [
  ['a 5K 5K'], ['-n 0 a 5'], ['-x'], ['-v a 10K 60'], ['-l a.%z.%Y 86400'], ['-vfeD -n 2 x/y/a.%z 86400 120'],
  ['-vfeD -n 2 x/y/a 86400'], ['-t a 1M', { a: 'before\n' }], ['-v -L link -T -n 2 a 1M', { link: 'before\n', a: 'before\n' }],
  ['-L none/link a 5'], ['none/a 5'], ['-vp /none a 5M'],
]

t.test('rotatelogs does as that of Apache', { skip: !existsSync(APACHES) }, async (t) => {
  await Promise.all(CASES.map(async ([words, files]) => {
    const [own, theirs] = await Promise.all([OURS, APACHES].map((program) => {
      const run = start(program, words.split(' '), files)
      run.write('one\ntwo\n')
      return run.end()
    }))
    t.strictSame(own, theirs, words)
  }))
})

t.test('a file that is large enough is followed by the next, and no line is cut', async (t) => {
  const run = start(OURS, ['-n', '2', '-p', '/bin/echo', 'a', '4B'])
  const wait = (name: string, text: string) => until(`${text} in ${name}`, () =>
    existsSync(join(run.directory, name)) && readFileSync(join(run.directory, name), 'utf8').endsWith(text))
  run.write('first and ')
  await wait('a', 'first and ')
  run.write('its end\nsecond\n')
  await wait('a.1', 'second\n')
  run.write('third\n')
  await wait('a', 'third\n')
  const { code, said, files } = await run.end()
  t.strictSame([code, said, files], [0, ['a', 'a a.1', 'a.1 a'], ['a.1: second\n', 'a: third\n']])
})

t.test('-c makes a file although nothing is read', async (t) => {
  const run = start(OURS, ['-c', 'a', '1'])
  await until('a file', () => filesOf(run.directory).length > 0)
  t.match(await run.end(), { code: 0, said: [] })
})

t.test('what cannot be said does not end it', async (t) => {
  const directory = mkdtempSync(join(root, 'unheard-'))
  const child = spawn('/bin/sh', ['-c', '"$0" -v a 5M 2>/dev/full', OURS], { cwd: directory, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.on('error', () => undefined)
  child.stdin.end('one\n')
  t.equal(await new Promise((done) => child.on('close', done)), 0)
  t.match(filesOf(directory), [/^a\.NUM: one\n$/])
})

const wanted = (words: string): Wanted => wantedBy(words.split(' '))

t.test('beginning() is a multiple of the period by its clock, and the time left ends with it', (t) => {
  const period = fc.integer({ min: 1, max: 1_000_000 })
  const offset = fc.integer({ min: -720, max: 720 })
  fc.assert(fc.property(period, offset, fc.integer({ min: 0, max: 4e12 }), (period, offset, now) => {
    const log = wanted(`a ${period} ${offset}`)
    const begun = beginning(log, now)
    const left = timeLeft(log, begun, now)
    const end = (now + left) / 1000 + aheadOfUtc(log, now)
    return begun % period === 0 && left > 0 && left <= period * 1000 && end === begun + period
  }))
  t.equal(timeLeft(wanted('a 5M'), 7, 8), Infinity)
  t.end()
})

t.test('wantedBy() understands sizes, times and offsets, and says what is wrong with others', (t) => {
  t.match(wanted('-lfDtTvec -Llink -p prog -n 3 a 10M'), {
    name: 'a', size: 10 * 1024 * 1024, period: 0, local: true, open: true, directories: true, truncate: true, truncateNext: true,
    verbose: true, echo: true, empty: true, link: 'link', program: 'prog', files: 3,
  })
  t.match(wanted('a 10K 60'), { size: 10_240, period: 0, offset: 3600 })
  t.match(wanted('a 60 10K'), { size: 10_240, period: 60, offset: 0 })
  t.match(wanted('a 10K 3600 -90'), { size: 10_240, period: 3600, offset: -5400 })
  for (const [words, fault] of [
    ['a', 'Incorrect number of arguments'], ['a 1 2 3 4', 'Incorrect number of arguments'], ['a x', 'Invalid rotation time parameter'],
    ['a -5', 'Invalid rotation time parameter'], ['a 99999999999', 'Invalid rotation time parameter'], ['a 0B', 'Invalid rotation size parameter'],
    ['a xK', 'Invalid rotation size parameter'], ['a 5 6 7', 'Rotation time parameter allowed only once'],
    ['-l a 5 60', 'UTC offset parameter is not valid with -l'], ['-n 2 a%d 5', 'Cannot use -n with % in filename'],
    ['-L', 'option requires an argument -- L'],
  ] as const) t.throws(() => wanted(words), { message: fault }, words)
  t.end()
})

t.test('nameOf()', (t) => {
  const now = Date.UTC(2026, 10, 21, 18, 30, 5)
  const name = (words: string, turn = 0): string => nameOf(wanted(words), beginning(wanted(words), now), now, turn)
  t.equal(name('a 3600'), `a.${Date.UTC(2026, 10, 21, 18) / 1000}`)
  t.equal(name('a 10M 60'), `a.${now / 1000 + 3600}`)
  t.strictSame([0, 1, 2, 3, 4].map((turn) => name('-n 3 a 5', turn)), ['a', 'a.1', 'a.2', 'a', 'a.1'])
  t.equal(name('-t a 3600'), 'a')
  t.end()
})
