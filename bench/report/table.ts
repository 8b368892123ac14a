/* The report that is printed: figures of each server, then targets. */
import type { Figures, Outcome } from '../contract.ts'
import { METRICS, metricNames, type Metric } from '../measure/metrics.ts'
import { ratio } from '../measure/stats.ts'
import { targetText, valueText, verdictText, type Verdict } from './verdict.ts'

type Side = 'left' | 'right'

/** Lines of cells in columns. A row that is empty is an empty line. */
export function aligned(rows: readonly (readonly string[])[], sides: readonly Side[]): string {
  const widths = sides.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)))
  const cell = (text: string, n: number): string =>
    sides[n] === 'left' ? text.padEnd(widths[n]!) : text.padStart(widths[n]!)
  return rows.map((row) => `${row.map(cell).join('  ').trimEnd()}\n`).join('')
}

/** Metrics that any of the outcomes have, in the order of their table. */
function metricsIn(outcomes: readonly Outcome[]): Metric[] {
  const all = outcomes.flatMap(({ measured }) => measured.map(({ median }) => median))
  return metricNames.filter((name) => all.some((figures) => figures[name] !== undefined))
}

const figure = (figures: Figures, metric: Metric): string => figures[metric]?.toFixed(METRICS[metric].places) ?? ''

/** What the first contender needs, as a share of another's. */
const shareOf = (first: Figures | undefined, other: Figures): string => ratio(first?.cpu, other.cpu)?.toFixed(2) ?? ''

function tableOf(outcomes: readonly Outcome[], metrics: readonly Metric[]): string {
  const shares = metrics.includes('cpu')
  const head = ['workload', 'who', ...metrics.map((name) => METRICS[name].title), ...(shares ? ['to it'] : [])]
  const rows = outcomes.flatMap(({ workload, measured }) => measured.map(({ contender, median }, n) => [
    n === 0 ? workload : '', contender, ...metrics.map((metric) => figure(median, metric)),
    ...(shares ? [n === 0 ? '' : shareOf(measured[0]?.median, median)] : []),
  ]))
  return aligned([head, ...rows], ['left', 'left', ...head.slice(2).map((): Side => 'right')])
}

/**
 * A line for each server of each workload: medians of all that was measured, and what the first needs of processor time
 * as a share of what this one needs. Workloads with other figures than those before begin another table.
 */
export function figuresTable(outcomes: readonly Outcome[]): string {
  const tables: { metrics: readonly Metric[]; outcomes: Outcome[] }[] = []
  for (const outcome of outcomes) {
    const [metrics, last] = [metricsIn([outcome]), tables.at(-1)]
    if (last?.metrics.join() === metrics.join()) last.outcomes.push(outcome)
    else tables.push({ metrics, outcomes: [outcome] })
  }
  return tables.map(({ outcomes, metrics }) => tableOf(outcomes, metrics)).join('\n')
}

/** A line for each target. */
export function verdictsTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((verdict) => {
    const { workload, metric, to } = verdict.target
    return [workload, METRICS[metric].says, to === undefined ? '' : `to ${to}`, valueText(verdict),
      targetText(verdict.target), verdictText(verdict)]
  })
  return aligned([['workload', 'what', '', 'is', 'target', 'verdict'], ...rows],
    ['left', 'left', 'left', 'right', 'right', 'left'])
}
