/*
 * What is to be reached. `most` is a ratio of medians where `to` names another contender of the same workload, else a
 * figure in the metric's unit. `of` is the workload's first contender where it is not said.
 */
import type { Metric } from './measure/metrics.ts'

export interface Target {
  readonly workload: string
  readonly metric: Metric
  readonly to?: string
  readonly most: number
}

const ratios = (workload: string, nginx: number, apache2: number): Target[] => [
  { workload, metric: 'cpu', to: 'nginx', most: nginx },
  { workload, metric: 'cpu', to: 'apache2', most: apache2 },
]

const MIB_OF_DEFAULT_SERVER = 150

export const TARGETS: readonly Target[] = [
  ...ratios('small', 0.65, 0.2),
  { workload: 'small', metric: 'cpu', to: 'bare', most: 1.5 },
  { workload: 'one', metric: 'p50', to: 'nginx', most: 1 },
  ...ratios('many', 0.75, 0.25),
  ...ratios('notmod', 0.75, 0.25),
  ...ratios('missing', 0.75, 0.25),
  ...ratios('log', 0.8, 0.25),
  ...ratios('tree', 0.9, 0.35),
  ...ratios('medium', 1, 0.75),
  ...ratios('large', 1, 0.75),
  ...ratios('new', 1, 0.25),
  { workload: 'tree100', metric: 'cpu', to: '100 files', most: 1.1 },
  { workload: 'connections', metric: 'cpu', to: '64 connections', most: 1.1 },
  { workload: 'crew', metric: 'cpu', to: 'small', most: 2 },
  { workload: 'idle', metric: 'connection', most: 1024 },
  { workload: 'start', metric: 'first', most: 600 },
  { workload: 'start', metric: 'replaced', most: 200 },
  { workload: 'default', metric: 'alone', most: MIB_OF_DEFAULT_SERVER },
  { workload: 'build', metric: 'total', most: 5 },
]
