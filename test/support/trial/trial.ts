/*
 * What all trials have in common: their length, the site they run on, and where their figures go. A trial is one
 * test file of test/long; `make test` runs a short form of it, `make test-long` the whole.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { HANDLERS, TEST_MODULE } from '../handlers.ts'
import { until } from '../processes.ts'
import { Server } from '../server.ts'
import { parseAuto } from '../monitoring.ts'
import type { SiteOptions } from '../site.ts'
import { STATIC, type StaticVariant, type Variant } from '../variants.ts'
import { descriptorsOf, sharedMaps } from './proc.ts'

/** Where a trial's figures are kept for `make test-long` to show. */
export const FIGURES = 'build/trials'

/** The part of a trial's full length that is run: 1 is all of it. */
const SCALE = Number(process.env['TRIAL_SCALE'] ?? 0.02)

/** True where all of a trial is run. */
export const isFull = SCALE >= 1

/** A number of the full trial, made smaller for the short form, but not below `least`. */
export const scaled = (full: number, least: number): number => Math.max(least, Math.round(full * SCALE))

/** The servers that a trial is made with: all of them, or the one of its short form. */
export const variants = (short: StaticVariant): readonly StaticVariant[] => (isFull ? STATIC : [short])

const MODULE = 'test/support/modules/mod_trial.ts'
const LOCATIONS = ['memory', 'where'].map((name) => `<Location /${name}>\nSetHandler trial-${name}\n</Location>\n`).join('')

const STATUS = '<Location /status>\nSetHandler server-status\n</Location>\n'

/** Starts a server with mod_test's handlers (at /thread …), the trials' own (/memory, /where) and /status. */
export function startServer(test: Test, options: SiteOptions & { readonly conf?: string }): Promise<Server> {
  return Server.start(test, {
    ...options,
    modules: [TEST_MODULE, MODULE],
    conf: `LogLevel info\nMaxKeepAliveRequests 0\n${HANDLERS}${LOCATIONS}${STATUS}${options.conf ?? ''}`,
  })
}

/** What a server's population is to be, children and threads of each. */
export interface Wanted {
  readonly variant: Variant
  readonly children: number
  readonly threads: number
}

// Every thread that serves maps the scoreboard; with threads, so does the main thread.
const isUp = (pid: number, { variant, threads }: Wanted): boolean =>
  sharedMaps(pid) === (variant === 'prefork' ? 1 : threads + 1)

/** True if all children are there and all of their threads serve (or are about to). */
export function isWhole(server: Server, wanted: Wanted): boolean {
  try {
    const children = server.children()
    return children.length === wanted.children && children.every((pid) => isUp(pid, wanted))
  } catch {
    // One has just ended.
    return false
  }
}

/** Waits until all children are there and their descriptors do not change any more: they have begun to serve. */
export async function untilWhole(server: Server, wanted: Wanted, limit = 30_000): Promise<void> {
  let last = ''
  await until(`${wanted.children} children with ${wanted.threads} threads`, async () => {
    if (!isWhole(server, wanted)) return false
    const now = JSON.stringify(server.children().map(descriptorsOf))
    const same = now === last
    last = now
    await sleep(100)
    return same
  }, limit)
}

/** What the scoreboard says: rows of processes that are gone would be counted, or show a letter. */
export interface Shown {
  readonly workers: number
  /** Undefined where the MPM does not tell. */
  readonly processes: number | undefined
  /** States that nobody is in who serves for good. */
  readonly odd: string
}

export async function scoreboardOf(server: Server): Promise<Shown> {
  const { text } = await server.get('/status?auto')
  const auto = parseAuto(text)
  return {
    workers: auto.number('BusyWorkers') + auto.number('IdleWorkers') + auto.number('GracefulWorkers'),
    processes: auto.values.has('Processes') ? auto.number('Processes') : undefined,
    odd: auto.scoreboard.replace(/[_RWKLC.]/g, ''),
  }
}

/** What it has to say when nobody is missing and nobody is left over. */
export const wholeScoreboard = ({ variant, children, threads }: Wanted): Shown => ({
  workers: children * threads, processes: variant === 'event' ? children : undefined, odd: '',
})

/** Notes a figure: in the test's output, and for the report of `make test-long`. */
export function figure(test: Test, trial: string, text: string): void {
  test.comment(text)
  mkdirSync(FIGURES, { recursive: true })
  appendFileSync(`${FIGURES}/${trial}.txt`, `${text}\n`)
}

/** The value below which a share of all values lies. @param share 0.5: the median @returns NaN of nothing */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
