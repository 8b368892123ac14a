/* The pages on the MPMs' directives say what the program has. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Mpm } from '../../core/server/mpm.ts'
import { globalCore } from '../../core/server/core_settings.ts'
import { COSTS, memoryFor } from '../../core/server/costs.ts'
import { listenDirectives } from '../../core/server/listen_directives.ts'
import { mpm as event } from '../../mpms/event.ts'
import { mpm as prefork } from '../../mpms/prefork.ts'
import { mpm as worker } from '../../mpms/worker.ts'
import { WORKERS_PER_PROCESSOR } from '../../mpms/shared/auto_workers.ts'
import { forkedDefaults } from '../../mpms/shared/forked.ts'
import { mpmSettings } from '../../mpms/shared/settings.ts'
import { threadedDefaults } from '../../mpms/shared/threaded.ts'

const MPMS: Readonly<Record<string, Mpm>> = { prefork, worker, event }

/** Cells of the rows of a page's tables whose heading begins with this word. */
function rowsOf(page: string, columns: number): string[][] {
  const lines = readFileSync(page, 'utf8').split('\n').filter((line) => line.startsWith('| '))
  const rows = lines.map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
  return rows.filter((row) => row.length === columns && /^[A-Z]\w+$/.test(row[0]!))
}

const settingOf = (directive: string): string => directive[0]!.toLowerCase() + directive.slice(1)

t.test('docs/defaults.md', (t) => {
  const said = rowsOf('docs/defaults.md', 5).flatMap(([directive = '', mpms = '', here = '']) =>
    mpms.split(', ').map((mpm) => [`${mpm} ${directive}`, Number(here)] as const))
  const tables = [['prefork', forkedDefaults], ['worker', threadedDefaults], ['event', threadedDefaults]] as const
  const defaults = tables.flatMap(([mpm, table]) => Object.entries(table).map(([name, value]) => [`${mpm} ${name}`, value] as const))
  const others = [['event asyncRequestWorkerFactor', mpmSettings.defaults.asyncRequestWorkerFactor],
    ['all maxMemFree', globalCore.defaults.maxMemFree / 1024]] as const
  const sorted = (rows: readonly (readonly [string, number])[]) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
  t.same(sorted(said.map(([name, value]) => [name.replace(/ ./, (text) => text.toLowerCase()), value])),
    sorted([...defaults, ...others]))

  const text = readFileSync('docs/defaults.md', 'utf8')
  const MIB = 1024 * 1024
  for (const [what, cost] of [['node and its libraries, once', COSTS.shared], ['the control process', COSTS.process],
    ['a child process', COSTS.process], ['a thread of the crew', COSTS.thread]] as const)
    t.ok(text.includes(`| ${what} | ${cost / MIB} MiB |`), what)
  const { async, sync } = WORKERS_PER_PROCESSOR
  t.ok(text.includes(`× ${async} (event) or × ${sync} (worker, prefork,`), 'the formula')
  const idle = (processes: number, threads: number) => memoryFor({ processes, threads, mainServes: true }).idle / MIB
  t.ok(text.includes(`event and worker ${idle(1, 4)} MiB, prefork ${idle(4, 0)} MiB`), 'what a default server holds')
  t.ok(idle(1, 4) < 150 && idle(4, 0) < 150, 'and that is not much')
  t.end()
})

t.test('docs/directives-mpm.md', (t) => {
  const rows = rowsOf('docs/directives-mpm.md', 3)
  for (const [name, { directives = [] }] of Object.entries(MPMS)) {
    const listed = rows.filter(([, mpms = '']) => mpms.split(', ').includes(name)).map(([directive]) => directive)
    t.same(listed.sort(), directives.map((row) => row.name).sort(), name)
  }
  const common = rowsOf('docs/directives-mpm.md', 2).map(([directive]) => directive!)
  t.same(common.sort(), listenDirectives.map(({ name }) => name).sort(), 'those of all MPMs')
  t.same(listenDirectives.filter(({ where }) => where.globalOnly !== true).map(({ name }) => name), [], 'for the whole server')
  for (const { directives = [] } of Object.values(MPMS)) {
    for (const { name } of directives) {
      const setting = name === 'MaxClients' ? 'maxRequestWorkers' : settingOf(name)
      t.ok(setting in mpmSettings.defaults, `${name} is a setting`)
    }
  }
  t.end()
})
