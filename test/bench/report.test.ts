/* Verdicts, the tables that are printed, and the chart. */
import t from 'tap'
import type { Outcome } from '../../bench/contract.ts'
import { chart } from '../../bench/report/chart.ts'
import { element } from '../../bench/report/svg.ts'
import { aligned, figuresTable, verdictsTable } from '../../bench/report/table.ts'
import { sentence, verdictsOf } from '../../bench/report/verdict.ts'
import type { Target } from '../../bench/targets.ts'

const measured = (contender: string, cpu: number, rate: number) =>
  ({ contender, configuration: '', rounds: [], median: { cpu, rate } })

const small: Outcome = {
  workload: 'small', asks: '', notes: [],
  measured: [measured('switchyard', 10.04, 90_000), measured('nginx', 20, 50_000.4), measured('apache2', 40, 20_000)],
}
const start: Outcome = {
  workload: 'start', asks: '', notes: [],
  measured: [{ contender: 'switchyard', configuration: '', rounds: [], median: { first: 650.4 } }],
}

const targets: readonly Target[] = [
  { workload: 'small', metric: 'cpu', to: 'nginx', most: 0.65 },
  { workload: 'small', metric: 'cpu', to: 'apache2', most: 0.2 },
  { workload: 'small', metric: 'cpu', to: 'bare', most: 1.5 },
  { workload: 'start', metric: 'first', most: 600 },
  { workload: 'large', metric: 'cpu', to: 'nginx', most: 1 },
]

t.test('targets are held against the workloads that were run', (t) => {
  const verdicts = verdictsOf([small, start], targets)
  t.same(verdicts.map(({ met }) => met), [true, false, true, false])
  t.equal(verdicts[0]!.value, 0.502)
  t.equal(verdicts[2]!.value, undefined, 'bare was not there')
  t.equal(sentence(verdicts[1]!), 'small: CPU per request is 0.25 of that of apache2, at most 0.20 is wanted')
  t.equal(sentence(verdicts[3]!), 'start: first answer is 650 ms, at most 600 ms is wanted')
  t.end()
})

t.test('the edge of a target is within it', (t) => {
  const edge = { ...small, measured: [measured('switchyard', 13, 1), measured('nginx', 20, 1)] }
  t.same(verdictsOf([edge], targets.slice(0, 1)).map(({ met }) => met), [true])
  t.end()
})

t.test('tables', (t) => {
  t.equal(aligned([['a', 'b'], ['long', '1']], ['left', 'right']), 'a     b\nlong  1\n')
  t.equal(figuresTable([small, start]), [
    'workload  who         us CPU/req  req/s  to it',
    'small     switchyard        10.0  90000',
    '          nginx             20.0  50000   0.50',
    '          apache2           40.0  20000   0.25',
    '',
    'workload  who         first ms',
    'start     switchyard       650', '',
  ].join('\n'))
  t.equal(verdictsTable(verdictsOf([small, start], targets)), [
    'workload  what                             is     target  verdict',
    'small     CPU per request  to nginx      0.50    <= 0.65  met',
    'small     CPU per request  to apache2    0.25    <= 0.20  missed by 0.05',
    'small     CPU per request  to bare          -    <= 1.50  not measured',
    'start     first answer                 650 ms  <= 600 ms  missed by 50 ms', '',
  ].join('\n'))
  t.end()
})

const machine = {
  date: '2026-01-02T03:04:05Z', cpu: 'A & B <1>', cores: 2, kernel: '6', memoryMib: 1, node: '20', v8: '11', commit: 'c',
  servers: { switchyard: '1' }, drivers: {},
}

/** The names of open elements at the end of a text, and at the deepest; throws where one is closed that is not open. */
function walk(svg: string): { open: string[]; deepest: number } {
  const open: string[] = []
  let deepest = 0
  for (const [, closes, name, selfCloses] of svg.matchAll(/<(\/?)([a-z]+)(?: [a-zA-Z-]+="[^"<&]*(?:&[a-z]+;[^"<&]*)*")*(\/?)>/g)) {
    if (closes === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes another element`)
    } else if (selfCloses !== '/') deepest = Math.max(deepest, open.push(name!))
  }
  return { open, deepest }
}

t.test('the chart is well-formed, and shows each ratio', (t) => {
  const svg = chart(verdictsOf([small, start], targets), machine)!
  t.same(walk(svg), { open: [], deepest: 2 })
  t.equal([...svg.matchAll(/</g)].length, [...svg.matchAll(/<\/?[a-z]+[ />]/g)].length, 'no other < than those of elements')
  t.match(svg, 'A &amp; B &lt;1&gt;')
  t.match(svg, '>0.50</text>')
  t.match(svg, '>0.25</text>')
  t.notMatch(svg, /NaN|undefined|Infinity/)
  t.equal(chart(verdictsOf([start], targets), machine), undefined, 'there is nothing to show without ratios')
  t.end()
})

t.test('an element escapes its attributes', (t) => {
  t.equal(element('a', { b: '"<&>' }), '<a b="&quot;&lt;&amp;&gt;"/>')
  t.equal(element('a', { b: 1 }, 'c'), '<a b="1">c</a>')
  t.end()
})
