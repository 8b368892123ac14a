/*
 * The chart of a run: for each workload a group of bars, this server's processor time per request (or latency) as a
 * share of each other server's. A mark on each bar's line is the target.
 */
import type { Machine } from './machine.ts'
import { document, element, label } from './svg.ts'
import type { Verdict } from './verdict.ts'

interface Bar { readonly to: string; readonly value: number; readonly most: number }
interface Group { readonly name: string; readonly bars: readonly Bar[] }

const COLOURS: Readonly<Record<string, string>> = { nginx: '#2a9d8f', apache2: '#e07a5f', bare: '#3d5a80' }
const OTHER = '#8d99ae'
const [MISSED, GRID, SOFT] = ['#c1121f', '#e5e5e5', '#666']

const LEFT = 110
const PLOT = 620
const WIDTH = LEFT + PLOT + 90
const TOP = 84
const BAR = 15
const GAP = 12

/** Ratios, by workload. Only those of a server to another have a place here. */
export function groupsOf(verdicts: readonly Verdict[]): Group[] {
  const groups = new Map<string, Bar[]>()
  for (const { target: { workload, metric, to, most }, value } of verdicts) {
    if (to === undefined || value === undefined) continue
    const name = metric === 'cpu' ? workload : `${workload} (${metric})`
    groups.set(name, [...(groups.get(name) ?? []), { to, value, most }])
  }
  return [...groups].map(([name, bars]) => ({ name, bars }))
}

const heightOf = ({ bars }: Group): number => bars.length * BAR + GAP

/** The end of the axis: the next quarter above all that is shown. */
function axisEnd(groups: readonly Group[]): number {
  const all = groups.flatMap(({ bars }) => bars.flatMap(({ value, most }) => [value, most]))
  return Math.max(1.25, Math.ceil(Math.max(...all) * 4) / 4)
}

function axis(end: number, bottom: number): string[] {
  const scale = PLOT / end
  const step = end > 3 ? 0.5 : 0.25
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, n) => {
    const [value, x] = [n * step, LEFT + n * step * scale]
    return element('line', { x1: x, x2: x, y1: TOP - 6, y2: bottom, stroke: value === 1 ? SOFT : GRID, 'stroke-width': 1 }) +
      label(x, bottom + 18, value.toFixed(2), { 'text-anchor': 'middle', fill: SOFT })
  })
}

function barOf({ to, value, most }: Bar, y: number, scale: number): string {
  const [length, mark] = [value * scale, LEFT + most * scale]
  const missed = value > most
  return [
    element('rect', { x: LEFT, y, width: length.toFixed(1), height: BAR - 3, fill: COLOURS[to] ?? OTHER, rx: 1.5 }),
    element('line', { x1: mark, x2: mark, y1: y - 1, y2: y + BAR - 2, stroke: '#111', 'stroke-width': 2 }),
    label(Math.max(LEFT + length, mark) + 6, y + BAR - 5, value.toFixed(2),
      { 'font-size': 11, fill: missed ? MISSED : SOFT, ...(missed && { 'font-weight': 'bold' }) }),
  ].join('')
}

function legend(groups: readonly Group[]): string {
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ to }) => (to in COLOURS ? to : 'itself'))))]
  const items = names.map((name, n) =>
    element('rect', { x: LEFT + n * 130, y: 56, width: 12, height: 12, fill: COLOURS[name] ?? OTHER }) +
    label(LEFT + 18 + n * 130, 66, `to ${name}`))
  const x = LEFT + names.length * 130
  return [...items, element('line', { x1: x, x2: x, y1: 55, y2: 69, stroke: '#111', 'stroke-width': 2 }),
    label(x + 8, 66, 'target')].join('')
}

/** The chart, or undefined if the run had no ratios. */
export function chart(verdicts: readonly Verdict[], machine: Machine): string | undefined {
  const groups = groupsOf(verdicts)
  if (groups.length === 0) return undefined
  const [end, bottom] = [axisEnd(groups), TOP + groups.reduce((sum, group) => sum + heightOf(group), 0)]
  const versions = Object.entries(machine.servers).map(([name, version]) => (name === 'bare' ? '' : `${name} ${version}`))
  const about = [machine.date.slice(0, 10), `${machine.cpu}, ${machine.cores} cores`, `Linux ${machine.kernel}`,
    `Node ${machine.node}`, ...versions.filter((text) => text !== ''), machine.commit]
  let y = TOP
  const bars = groups.flatMap((group) => {
    const at = y
    y += heightOf(group)
    return [
      label(LEFT - 10, at + (group.bars.length * BAR) / 2 + 3, group.name, { 'text-anchor': 'end' }),
      ...group.bars.map((bar, n) => barOf(bar, at + n * BAR, PLOT / end)),
    ]
  })
  return document(WIDTH, bottom + 60, 'Server CPU per request, to other servers', [
    element('rect', { width: WIDTH, height: bottom + 60, fill: '#fdfdfb' }),
    label(LEFT, 26, 'Server CPU per request as a share of what others need', { 'font-size': 17, 'font-weight': 'bold' }),
    label(LEFT, 44, 'medians; shorter is cheaper, 1.00 is equal', { fill: SOFT }),
    legend(groups), ...axis(end, bottom), ...bars,
    label(LEFT, bottom + 44, about.join(' · '), { 'font-size': 9.5, fill: SOFT }),
  ])
}
