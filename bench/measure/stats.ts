/* Medians and ratios. */
import type { Figures } from '../contract.ts'
import { metricNames } from './metrics.ts'

/** The middle value, or the mean of the two in the middle; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}

/** The median of each figure, over the rounds that have it. */
export function medians(rounds: readonly Figures[]): Figures {
  const entries = metricNames.map((name) =>
    [name, median(rounds.map((figures) => figures[name]).filter((value) => value !== undefined))] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

/** How many times the one is the other; undefined where there is no such thing. */
export const ratio = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined || other === 0 ? undefined : one / other
