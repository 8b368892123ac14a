/* The report that is printed: figures of each server, then targets. */
import type { Figures, Outcome } from '../contract.ts'
import { METRICS, metricNames, type Metric } from '../measure/metrics.ts'
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

/** A line for each server of each workload: medians of all that was measured. */
export function figuresTable(outcomes: readonly Outcome[]): string {
  const metrics = metricsIn(outcomes)
  const head = ['workload', 'who', ...metrics.map((name) => METRICS[name].title)]
  const rows = outcomes.flatMap(({ workload, measured }) => measured.map(({ contender, median }, n) =>
    [n === 0 ? workload : '', contender, ...metrics.map((metric) => figure(median, metric))]))
  return aligned([head, ...rows], ['left', 'left', ...metrics.map((): Side => 'right')])
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
