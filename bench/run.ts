/*
 * `make bench`: runs workloads on this server and on others that are installed, prints what they cost, and keeps the
 * figures in bench/results. It ends with an error if a target is missed or a workload could not be run.
 *
 *   WHAT="small log"   only these workloads       ROUNDS=5        of each workload
 *   SECONDS_EACH=2     of each measurement        DRIVER=h2load   instead of the best one
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measured, Outcome, Workload } from './contract.ts'
import { driverFor, installedDrivers, type Driving } from './drivers/all.ts'
import { openLab, type WholeLab } from './lab.ts'
import { runLoad } from './measure/rounds.ts'
import { medians } from './measure/stats.ts'
import { chart } from './report/chart.ts'
import { machineOf } from './report/machine.ts'
import { figuresTable, verdictsTable } from './report/table.ts'
import { sentence, verdictsOf, type Verdict } from './report/verdict.ts'
import { chosen, optionsOf, secondsOf, type Options } from './options.ts'
import { TARGETS } from './targets.ts'

const RESULTS = 'bench/results'
/** Rounds from which a median says something. */
const ENOUGH = 5

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Answers undefined if nobody can make the load, which is noted. */
function measuredBy(lab: WholeLab, workload: Workload, drivers: readonly Driving[]): Promise<readonly Measured[]> | undefined {
  if (workload.kind === 'trial') return workload.run(lab)
  const driver = driverFor(drivers, workload.job)
  if (driver === undefined) lab.note('no driver that can make this load is installed (wrk, h2load, ab)')
  return driver && runLoad(lab, workload, driver)
}

async function runOne(lab: WholeLab, workload: Workload, drivers: readonly Driving[]): Promise<Outcome> {
  const measured = await measuredBy(lab, workload, drivers) ?? []
  return {
    workload: workload.name, asks: workload.asks, notes: lab.takeNotes(),
    measured: measured.map((one) => ({ ...one, median: medians(one.rounds) })),
  }
}

interface Run { readonly outcomes: Outcome[]; readonly failures: string[] }

async function runAll(lab: WholeLab, workloads: readonly Workload[], drivers: readonly Driving[]): Promise<Run> {
  const run: Run = { outcomes: [], failures: [] }
  for (const workload of workloads) {
    say(`\n${workload.name}: ${workload.asks}`)
    try {
      const outcome = await runOne(lab, workload, drivers)
      run.outcomes.push(outcome)
      for (const note of outcome.notes) say(`note: ${note}`)
      if (outcome.measured.length > 0) say(figuresTable([outcome]).trimEnd())
    } catch (error) {
      run.failures.push(`${workload.name} could not be run: ${(error as Error).message}`)
      say(run.failures.at(-1)!)
      lab.takeNotes()
    } finally {
      await lab.endServers()
    }
  }
  return run
}

/** More names than these are not told by a file's name. */
const NAMED = 4

const nameOf = (what: readonly string[]): string =>
  what.length === 0 ? 'all' : what.length > NAMED ? 'some' : what.join('+')

/** Keeps the run: figures with all that is needed to judge them, and the chart. */
function keep(options: Options, lab: WholeLab, drivers: readonly Driving[], run: Run, verdicts: readonly Verdict[]): void {
  const machine = machineOf(lab.versions, drivers)
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '')
  const base = join(RESULTS, `${stamp}-${nameOf(options.what)}`)
  mkdirSync(RESULTS, { recursive: true })
  const { rounds, seconds } = options
  writeFileSync(`${base}.json`, `${JSON.stringify({ machine, rounds, seconds, ...run, verdicts }, undefined, 2)}\n`)
  const drawn = chart(verdicts, machine)
  if (drawn !== undefined) writeFileSync(`${base}.svg`, drawn)
  say(`\nkept in ${base}.json${drawn === undefined ? '' : ' and .svg'}`)
}

function report(run: Run, verdicts: readonly Verdict[]): boolean {
  const missed = verdicts.filter(({ met }) => !met)
  say('')
  if (run.outcomes.length > 1) say(`Medians:\n${figuresTable(run.outcomes)}`)
  if (verdicts.length > 0) say(`Targets:\n${verdictsTable(verdicts)}`)
  for (const failure of run.failures) say(failure)
  for (const verdict of missed) say(`missed: ${sentence(verdict)}`)
  return missed.length === 0 && run.failures.length === 0
}

async function main(): Promise<boolean> {
  if (!existsSync('/proc/self/smaps_rollup')) throw new Error('Cannot measure on this system: it has no /proc/PID/smaps_rollup')
  // Another user serves if root runs this: what is made here is for everybody to read.
  process.umask(0o022)
  const options = optionsOf(process.env)
  const workloads = chosen(options.what)
  const drivers = installedDrivers(process.env['DRIVER'])
  const lab = openLab(options)
  process.on('exit', () => lab.close())
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const)
    process.on(signal, () => process.exit(code))
  const { rounds, seconds } = options
  say(`${workloads.map(({ name }) => name).join(' ')}: about ${Math.ceil(secondsOf(workloads, options))} s ` +
    `(rounds: ${rounds}${rounds < ENOUGH ? ', too few for medians to be trusted' : ''}; seconds of each measurement: ${seconds})`)
  const run = await runAll(lab, workloads, drivers)
  const verdicts = verdictsOf(run.outcomes, TARGETS)
  const good = report(run, verdicts)
  keep(options, lab, drivers, run, verdicts)
  return good
}

main().then((good) => process.exit(good ? 0 : 1), (error: unknown) => {
  process.stderr.write(`bench: ${(error as Error).message}\n`)
  process.exit(1)
})
