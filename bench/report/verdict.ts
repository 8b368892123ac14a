/* Targets held against medians. Pure: what was missed is decided here, and nowhere else. */
import type { Outcome } from '../contract.ts'
import { METRICS } from '../measure/metrics.ts'
import { ratio } from '../measure/stats.ts'
import type { Target } from '../targets.ts'

export interface Verdict {
  readonly target: Target
  /** A ratio, or a figure in the metric's unit. Undefined: one of the two was not measured. */
  readonly value: number | undefined
  readonly met: boolean
}

export function verdictOf(outcome: Outcome, target: Target): Verdict {
  const own = outcome.measured[0]?.median[target.metric]
  const other = outcome.measured.find(({ contender }) => contender === target.to)?.median[target.metric]
  const value = target.to === undefined ? own : ratio(own, other)
  return { target, value, met: value === undefined || value <= target.most }
}

export const verdictsOf = (outcomes: readonly Outcome[], targets: readonly Target[]): Verdict[] =>
  outcomes.flatMap((outcome) =>
    targets.filter(({ workload }) => workload === outcome.workload).map((target) => verdictOf(outcome, target)))

const shown = (value: number, { metric, to }: Target): string =>
  to === undefined ? `${value.toFixed(METRICS[metric].places)} ${METRICS[metric].unit}` : value.toFixed(2)

/** How a verdict reads in a table: `met`, or by how much it was missed. */
export function verdictText({ target, value, met }: Verdict): string {
  if (value === undefined) return 'not measured'
  return met ? 'met' : `missed by ${shown(value - target.most, target)}`
}

export const targetText = (target: Target): string => `<= ${shown(target.most, target)}`

export const valueText = ({ target, value }: Verdict): string => (value === undefined ? '-' : shown(value, target))

/** A verdict as a sentence: `small: CPU per request is 0.71 of nginx, at most 0.65 is wanted`. */
export function sentence({ target, value }: Verdict): string {
  const { workload, metric, to, most } = target
  const of = to === undefined ? '' : ` of that of ${to}`
  return `${workload}: ${METRICS[metric].says} is ${value === undefined ? 'unknown' : shown(value, target)}${of}, ` +
    `at most ${shown(most, target)} is wanted`
}
