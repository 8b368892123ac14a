/* The limits of the MPMs: what is said of numbers that cannot be served, and what they become. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import fc from 'fast-check'
import * as face from '../../core/api.ts'
import { core } from '../../core/server/core_module.ts'
import { parseHosts } from '../../core/server/hosts_file.ts'
import { so } from '../../core/server/so_module.ts'
import { prepare, type Prepared } from '../../core/server/startup.ts'
import { mpms as catalog } from '../../mpms/catalog.ts'
import { mpm as event } from '../../mpms/event.ts'
import { mpm as prefork } from '../../mpms/prefork.ts'
import { mpm as worker } from '../../mpms/worker.ts'
import type { Machine } from '../../core/port/machine.ts'
import { autoText, autoWorkers } from '../../mpms/shared/auto_workers.ts'
import { forkedDefaults } from '../../mpms/shared/forked.ts'
import { threadedDefaults } from '../../mpms/shared/threaded.ts'
import { casesOf } from '../config/support.ts'

const MPMS: Readonly<Record<string, face.Mpm>> = { event, worker, prefork }

interface Read { readonly prepared: Prepared; readonly notes: readonly face.Note[] }

/** Reads a configuration as the program does; the lines are those of -C, there is no file. */
async function read(mpm: face.Mpm, conf: string, fixed?: face.FixedLimits): Promise<Read> {
  const prepared = await prepare({
    program: 'httpd', serverRoot: '/nowhere', configFile: 'none', configFileIsDefault: true, post: [], defines: [],
    env: {}, face, pre: ['ServerName x', ...conf.split(/[;\n]/)],
    checkDirectories: true, checking: true, testing: false, restart: fixed !== undefined, fixed,
    hosts: parseHosts('127.0.0.1 localhost'), hostname: 'localhost',
    prelinked: [core, so, mpm].map((module: face.Module) => ({ symbol: module.name, file: module.file, module })),
  })
  if (prepared.kind === 'refused') throw new Error(prepared.texts.join('\n'))
  return { prepared, notes: prepared.notes.filter(({ level }) => level === 'warn') }
}

const populationOf = ({ prepared: { mpm, servers } }: Read, fixed?: face.FixedLimits): face.Population =>
  mpm.population(servers[0]!, fixed)

const textOf = (p: face.Population): string =>
  `${p.startServers} to ${p.maxServers} processes of ${p.threadsPerChild}, spare ${p.minSpare} to ${p.maxSpare}, ` +
  `limits ${p.serverLimit} x ${p.threadLimit}${p.buckets === 1 ? '' : `, ${p.buckets} buckets`}\n`

const linesOf = (notes: readonly face.Note[]): string => notes.map(({ text }) => `${text}\n`).join('')

t.test('limits.txt', async (t) => {
  const cases = casesOf(readFileSync('test/cases/mpms/limits.txt', 'utf8'))
  t.ok(cases.length > 20, 'has cases')
  for (const { title, parts } of cases) {
    const name = [...parts.keys()].find((part) => part in MPMS)!
    const mpm = MPMS[name]!
    const conf = parts.get(name)!
    const first = await read(mpm, conf)
    const part = (wanted: string) => (parts.get(wanted) ?? '').trimEnd()
    if (parts.has('start') || parts.has('population'))
      t.equal(linesOf(first.notes).trimEnd(), part('start'), `${name}: ${title}: start`)
    t.ok(first.notes.every(({ module }) => module === `mpm_${name}`), 'logged by the MPM')
    if (parts.has('population'))
      t.equal(textOf(populationOf(first)).trimEnd(), part('population'), `${name}: ${title}: population`)
    const restart = [...parts.keys()].find((key) => key.startsWith('restart '))
    if (restart === undefined) continue
    const [serverLimit, threadLimit] = restart.split(' ').slice(1).map(Number) as [number, number]
    const fixed = { serverLimit, threadLimit, buckets: 1 }
    const again = await read(mpm, conf, fixed)
    t.equal(linesOf(again.notes).trimEnd(), part(restart), `${name}: ${title}: restart`)
    if (parts.has('restarted population'))
      t.equal(textOf(populationOf(again, fixed)).trimEnd(), part('restarted population'), `${name}: ${title}: new`)
  }
})

t.test('auto says what came out, as information', async (t) => {
  for (const [name, mpm] of Object.entries(MPMS)) {
    const reading = await read(mpm, 'MaxRequestWorkers AUTO')
    const { notes } = reading.prepared
    const note = notes.find(({ text }) => text.startsWith('SY00080: '))
    t.match(note, { level: 'info', module: `mpm_${name}` })
    t.match(note?.text, /^SY00080: MaxRequestWorkers auto: \d+ for \S+ processors? and /)
    const { maxServers, threadsPerChild } = populationOf(reading)
    const workers = Number(/auto: (\d+)/.exec(note!.text)![1])
    t.equal(maxServers * threadsPerChild, workers, 'ServerLimit gives way if it was not said')
    const limited = await read(mpm, 'MaxRequestWorkers auto; ServerLimit 2')
    t.equal(populationOf(limited).maxServers, 2)
    t.match(limited.prepared.notes.map(({ text }) => text).join('\n'), `${2 * threadsPerChild} within the other limits`)
    const fixed = { serverLimit: 3, threadLimit: 64, buckets: 1 }
    const again = await read(mpm, 'MaxRequestWorkers auto', fixed)
    t.same(again.notes, [], 'a restart is not told of a ServerLimit that nobody has written')
    t.equal(populationOf(again, fixed).maxServers, 3)
  }
})

t.test('autoWorkers()', (t) => {
  const MIB = 1024 * 1024
  const machine = (processors: number, memory: number): Machine =>
    ({ cores: Math.ceil(processors), processors, memory: memory * MIB, memoryLimited: false, longestBacklog: 4096 })
  const workers = (processors: number, memory: number, async: boolean, threadsPerChild: number) =>
    autoWorkers({ machine: machine(processors, memory), async, threadsPerChild })
  t.equal(workers(2, 24_000, true, 4), 32, 'event: 16 for each processor')
  t.equal(workers(2, 24_000, false, 4), 64, 'worker: 32')
  t.equal(workers(2, 24_000, false, 0), 64, 'prefork: 32')
  t.equal(workers(0.5, 24_000, true, 4), 8, 'a quota')
  t.equal(workers(64, 1024, true, 4), 12, 'memory: (512 - 54) / (16 + 4 * 15 + 5 * 10) = 3 processes')
  t.equal(workers(64, 1024, false, 0), 17, 'memory: (512 - 54) / 26 processes')
  t.equal(workers(2, 24_000, true, 25), 25, 'whole processes only')
  t.equal(workers(0.1, 64, true, 64), 64, 'at least one process')
  const text = 'SY00080: MaxRequestWorkers auto: 1 for'
  t.equal(autoText(1, 1, machine(1.5, 512)), `${text} 1.5 processors and 512 MiB of memory`)
  t.equal(autoText(1, 1, machine(1, 512)), `${text} 1 processor and 512 MiB of memory`)
  const some = fc.double({ min: 0.01, max: 512, noNaN: true })
  fc.assert(fc.property(some, fc.integer({ min: 16, max: 1 << 21 }), fc.boolean(), fc.nat(64),
    (processors, memory, async, threads) => {
      const found = workers(processors, memory, async, threads)
      const more = workers(processors * 2, memory * 2, async, threads)
      return found >= 1 && found % Math.max(1, threads) === 0 && more >= found
    }))
  t.end()
})

t.test('whatever the numbers, the population can be served, and what was changed is told of', async (t) => {
  const number = fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) }, { weight: 3, arbitrary: fc.constantFrom(4, 8, 16, 64) },
    { weight: 2, arbitrary: fc.integer({ min: -3, max: 70 }) }, fc.integer({ min: -3, max: 250_000 }))
  const conf = fc.record({
    ServerLimit: number, ThreadLimit: number, ThreadsPerChild: number, MaxRequestWorkers: number, StartServers: number,
    MinSpareThreads: number, MaxSpareThreads: number, MinSpareServers: number, MaxSpareServers: number,
    ListenCoresBucketsRatio: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  })
  const limit = fc.integer({ min: 1, max: 200 })
  const fixed = fc.option(fc.record({ serverLimit: limit, threadLimit: limit, buckets: fc.integer({ min: 1, max: 3 }) })
    .filter(({ serverLimit, buckets }) => buckets <= serverLimit), { nil: undefined, freq: 1 })
  for (const [name, mpm] of Object.entries(MPMS)) {
    const own = [...mpm.directives!.map((row) => row.name), 'ListenCoresBucketsRatio']
    let corrected = 0
    await fc.assert(fc.asyncProperty(conf, fixed, async (all, limits) => {
      const lines = Object.entries(all).filter(([key, value]) => value !== undefined && own.includes(key))
      const before = limits === undefined || name !== 'prefork' ? limits : { ...limits, threadLimit: 1 }
      const reading = await read(mpm, lines.map((line) => line.join(' ')).join('\n'), before)
      const p = populationOf(reading, before)
      const defaults = Object.entries(name === 'prefork' ? forkedDefaults : threadedDefaults)
      const asked = new Map([...defaults, ...lines.map(settingOf)])
      const changed = changedIn(asked, p)
      if (changed) corrected++
      return isSound(p, name) && (before === undefined || isWithin(p, before)) && changed === reading.notes.length > 0
    }), { numRuns: 150 })
    t.ok(corrected > 0 && corrected < 150, `${name}: both happened (${corrected} of 150 corrected)`)
  }
})

function isSound(p: face.Population, name: string): boolean {
  const threads = name === 'prefork' ? 1 : p.threadsPerChild
  const room = name === 'prefork' ? p.buckets : (threads + 1) * p.buckets
  return p.threadsPerChild >= 1 && p.threadsPerChild <= p.threadLimit && Number.isInteger(p.maxServers)
    && p.buckets >= 1 && p.startServers >= p.buckets && p.startServers <= p.maxServers && p.maxServers <= p.serverLimit
    && p.minSpare >= p.buckets && p.minSpare >= threads * (p.buckets - 1) + 1 && p.maxSpare >= p.minSpare + room
}

const isWithin = (p: face.Population, fixed: face.FixedLimits): boolean =>
  p.serverLimit === fixed.serverLimit && p.threadLimit === fixed.threadLimit && p.buckets === fixed.buckets

/** StartServers is the setting startServers. */
const settingOf = ([name, value]: [string, number | undefined]): [string, number] =>
  [name[0]!.toLowerCase() + name.slice(1), value!]

/** True if a number that was asked for, or its default, does not hold. Listener buckets raise some without a word. */
function changedIn(asked: ReadonlyMap<string, number>, p: face.Population): boolean {
  const { threadsPerChild, maxServers, buckets } = p
  const workers = asked.get('maxRequestWorkers')!
  const raised = maxServers === buckets && workers < maxServers * threadsPerChild && workers >= threadsPerChild
    && workers % threadsPerChild === 0
  const exact = ['serverLimit', 'threadLimit', 'threadsPerChild'] as const
  return exact.some((name) => (asked.get(name) ?? p[name]) !== p[name])
    || (workers !== maxServers * threadsPerChild && !raised)
    || ['startServers', 'minSpareThreads', 'minSpareServers'].some((name) => (asked.get(name) ?? 1) < 1)
}

t.test('a directive of another MPM is unknown, and the catalog knows whose it is', (t) => {
  for (const [name, { directives }] of Object.entries(MPMS)) {
    const row = catalog.find((each) => each.name === name)!
    t.same([...row.directives].sort(), directives!.map((directive) => directive.name).sort(), name)
    t.ok(directives!.every(({ where }) => where.globalOnly), 'outside of sections only')
  }
  t.end()
})
