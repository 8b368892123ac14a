/*
 * The differential test: the same configuration, files and bytes for a built server and for Debian's apache2. Whatever
 * differs and stands neither in wanted.md nor in pending.md is a failure. See README.md beside this file.
 *
 *   node test/run.mjs differential
 *   DIFFERENTIAL=alias,ranges …            only the cases of these files
 *   DIFFERENTIAL_REPORT=FILE …             all differences at full length go there, too
 *   DIFFERENTIAL_PENDING=write …           pending.md is written anew: all that differs now and is not wanted
 */
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { STATIC, type StaticVariant } from '../support/variants.ts'
import { PROBE, readCases, type Case, type CaseFile, type Exchange } from './cases.ts'
import { differences, logDifferences, maskText, masked, shown } from './compare.ts'
import { Dialogue } from './dialogue.ts'
import { converse, takeApart, type Answers } from './exchange.ts'
import { isCovered, pendingRow, readRules, type Difference, type Rule } from './rules.ts'
import { hasApache, keepsPermissions, plantAll, start, type Running, type Side } from './sides.ts'

const HERE = resolve('test/differential')
/** All of the cases go to this MPM; those of these files to the others, too. */
const MAIN: StaticVariant = 'event'
const SAMPLE = ['framing', 'connections', 'ranges']
const AT_ONCE = 4
/** Lines of pending.md before its rows. */
const PENDING_HEAD = 7
const REPORT = process.env['DIFFERENTIAL_REPORT']
const WRITES_PENDING = process.env['DIFFERENTIAL_PENDING'] === 'write'

/** What a server answered to each exchange of a case, and what it wrote into its logs about it. */
interface Record { readonly answers: readonly Answers[]; readonly access: readonly string[]; readonly error: readonly string[] }
type Records = Map<Case, Record>

function temporaryRoot(t: Test): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'httpd-differential-')))
  t.teardown(() => rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
  chmodSync(root, 0o755)
  return root
}

async function exchange(
  { port }: Running, address: string, { bytes, methods, probed }: Exchange, dialogue: Dialogue,
): Promise<Answers> {
  const text = `${dialogue.filled(bytes).replaceAll('PORT', String(port))}${probed ? PROBE : ''}`
  const { came, end } = await converse(address, port, text)
  const answers = takeApart(came, end, methods)
  dialogue.remember(answers)
  return masked(answers, port)
}

/** Waits until nothing is added to the logs: a client may see the end of its connection before the line is written. */
async function quiet({ log }: Running): Promise<void> {
  let before = -1
  for (let now = 0; now !== before; now = log('access').length + log('error').length) {
    before = now
    await sleep(50)
  }
}

/** All exchanges of all cases: those of one case one after the other, so that the lines of logs have an order. */
async function record(server: Running, cases: readonly Case[]): Promise<Records> {
  const answers = new Map<Case, Answers[]>()
  const queue = [...cases]
  const work = async (): Promise<void> => {
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
      const mine: Answers[] = []
      const dialogue = new Dialogue()
      for (const each of one.exchanges) mine.push(await exchange(server, one.address, each, dialogue))
      answers.set(one, mine)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await quiet(server)
  await server.stop()
  const access = server.log('access').filter((line) => !line.includes('"GET /next-request HTTP/1.1"'))
  const error = server.log('error').filter((line) => !line.includes('next-request'))
  const about = (lines: readonly string[], address: string): string[] =>
    lines.filter((line) => line.startsWith(`${address} `) || line.startsWith(`${address}:`))
      .map((line) => maskText(line.replace(/^\S+ /, ''), server.port))
  return new Map(cases.map((one) => [one,
    { answers: answers.get(one)!, access: about(access, one.address), error: about(error, one.address) }]))
}

async function recordFiles(t: Test, root: string, side: Side, files: readonly CaseFile[]): Promise<Records> {
  const shared = files.filter((file) => !file.ownServers).flatMap((file) => file.cases)
  const all: Records = new Map()
  const keep = (records: Records): void => records.forEach((value, one) => all.set(one, value))
  if (shared.length > 0) keep(await record(await start(t, root, side, shared), shared))
  for (const one of files.filter((file) => file.ownServers).flatMap((file) => file.cases))
    keep(await record(await start(t, root, side, [one], true), [one]))
  return all
}

/** What differs and is covered by no rule, by place. */
const rows = new Map<string, readonly Difference[]>()

/** All differences of a case, those that a rule covers taken out; `covered` is told of these. */
function judge(one: Case, apache: Record, ours: Record, rules: readonly Rule[], covered: () => void): string[] {
  const failures: string[] = []
  const report = (line: number, label: string, all: readonly Difference[]): void => {
    const place = `${one.file}: ${one.title}: ${label}`
    const open = all.filter((difference) => {
      const hidden = isCovered(rules, place, difference)
      if (hidden) covered()
      return !hidden
    })
    if (open.length > 0) rows.set(place, [...(rows.get(place) ?? []), ...open])
    if (open.length > 0) failures.push(`${one.file}.md:${line}: ${label}\n${open.map(shown).join('\n')}`)
  }
  one.exchanges.forEach(({ line, label, probed }, i) =>
    report(line, label, differences(apache.answers[i]!, ours.answers[i]!, probed)))
  report(one.line, 'logs', [...logDifferences('access', apache.access, ours.access),
    ...logDifferences('error', apache.error, ours.error)])
  return failures
}

const wanted = readRules(join(HERE, 'wanted.md'))
const pending = WRITES_PENDING ? [] : readRules(join(HERE, 'pending.md'))
const chosen = process.env['DIFFERENTIAL'] ? process.env['DIFFERENTIAL'].split(',') : undefined
// Where requests are served by root, files that may not be read show nothing.
const without = keepsPermissions(MAIN) ? [] : ['permissions']
const files = readCases(join(HERE, 'cases'))
  .filter(({ name }) => !without.includes(name) && (chosen === undefined || chosen.includes(name)))
const requests = files.flatMap((file) => file.cases).flatMap((one) => one.exchanges).length

function writePending(): void {
  const path = join(HERE, 'pending.md')
  const head = readFileSync(path, 'latin1').split('\n').slice(0, PENDING_HEAD).join('\n')
  const lines = [...rows].map(([place, differences]) => pendingRow(place, differences))
  writeFileSync(path, `${head}\n${lines.join('')}`, 'latin1')
}

t.test('answers as apache2 does', { skip: hasApache() ? false : 'apache2 is not installed here' }, async (t) => {
  const root = temporaryRoot(t)
  plantAll(root, files.flatMap((file) => file.cases))
  const apache = recordFiles(t, root, 'apache', files)
  let hidden = 0
  for (const variant of STATIC) {
    const some = variant === MAIN ? files : files.filter(({ name }) => SAMPLE.includes(name))
    if (some.length === 0) continue
    const ours = await recordFiles(t, root, variant, some)
    const theirs = await apache
    t.test(variant, (t) => {
      for (const file of some) {
        const failures = file.cases.flatMap((one) =>
          judge(one, theirs.get(one)!, ours.get(one)!, [...wanted, ...pending], () => hidden++))
        if (REPORT !== undefined) appendFileSync(REPORT, failures.map((failure) => `${variant} ${failure}\n`).join(''))
        if (failures.length > 0) t.fail(`${file.name}: ${failures.length} of its requests differ`, { diff: `\n${failures.join('\n\n')}\n` })
        else t.pass(file.name)
      }
      t.end()
    })
  }
  if (WRITES_PENDING) writePending()
  t.comment(`${requests} exchanges; ${hidden} differences are wanted or pending`)
  if (chosen !== undefined) return
  for (const { table, line, reason } of pending.filter((rule) => !rule.used)) t.comment(`${table}:${line} is done: ${reason}`)
  const unused = wanted.filter((rule) => !rule.used).map(({ table, line, reason }) => `${table}:${line}: ${reason}`)
  t.strictSame(unused, [], 'each wanted difference is needed by a request')
})
