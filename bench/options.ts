/* What a run is told by the environment. */
import type { Workload } from './contract.ts'
import { warmUpOf } from './measure/rounds.ts'
import { WORKLOADS } from './workloads/all.ts'

export interface Options {
  readonly what: readonly string[]
  readonly rounds: number
  /** Of each measurement. */
  readonly seconds: number
}

function count(env: Readonly<Record<string, string | undefined>>, name: string, standard: number, most: number): number {
  const text = env[name] ?? ''
  if (text === '') return standard
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value
  throw new Error(`Cannot use ${name} "${text}": it is a whole number from 1 to ${most}`)
}

/** @throws Error for a number that is none */
export const optionsOf = (env: Readonly<Record<string, string | undefined>>): Options => ({
  what: (env['WHAT'] ?? '').split(/[\s,]+/).filter((word) => word !== ''),
  rounds: count(env, 'ROUNDS', 5, 100),
  seconds: count(env, 'SECONDS_EACH', 2, 60),
})

/** The workloads of that name, in the order of their table; all of them if none is named. @throws Error for others */
export function chosen(what: readonly string[]): readonly Workload[] {
  const unknown = what.find((name) => !WORKLOADS.some((workload) => workload.name === name))
  if (unknown !== undefined)
    throw new Error(`Cannot run "${unknown}": workloads are ${WORKLOADS.map(({ name }) => name).join(', ')}`)
  return what.length === 0 ? WORKLOADS : WORKLOADS.filter(({ name }) => what.includes(name))
}

/** Seconds besides measuring: starting and ending servers, looking at /proc. */
const OTHERS = { workload: 2, measurement: 0.15 }

function secondsOfOne(workload: Workload, { rounds, seconds }: Pick<Options, 'rounds' | 'seconds'>): number {
  if (workload.kind === 'trial') return workload.takes
  const measuring = rounds * (seconds + OTHERS.measurement)
  return workload.contenders.reduce((sum, contender) => sum + warmUpOf(workload, contender) + measuring, 0)
}

/** Seconds that a run takes, about. */
export const secondsOf = (workloads: readonly Workload[], options: Pick<Options, 'rounds' | 'seconds'>): number =>
  workloads.reduce((sum, workload) => sum + OTHERS.workload + secondsOfOne(workload, options), 0)
