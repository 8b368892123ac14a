/*
 * The state of the server for Prometheus and what reads the same: text exposition format 0.0.4. One row per metric;
 * docs/monitoring.md lists them.
 */
import { FINISH_REASONS, registeredMetrics } from 'httpd'
import { hundredths, LETTER_TEXTS, type ChildView, type Letter, type Snapshot } from './snapshot.ts'

type Labels = Readonly<Record<string, string | number>>
type Sample = readonly [labels: Labels, value: number]

export interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  /** Nothing: this server does not know, and the metric is left out. */
  samples(snapshot: Snapshot): readonly Sample[]
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const NONE: Labels = {}
const MS = 1000

const kind = (type: Metric['type']) => (name: string, help: string, samples: Metric['samples']): Metric =>
  ({ name, type, help, samples })
const gauge = kind('gauge')
const counter = kind('counter')
const one = (value: (snapshot: Snapshot) => number) =>
  (snapshot: Snapshot): readonly Sample[] => [[NONE, value(snapshot)]]

/** Samples of each child. */
const perChild = (samples: (child: ChildView) => readonly Sample[]) => (snapshot: Snapshot): readonly Sample[] =>
  snapshot.children.flatMap((child) =>
    samples(child).map(([labels, value]) => [{ slot: child.slot, ...labels }, value] as const))

/** Words for the letters of the scoreboard. */
const STATE_WORDS: Readonly<Record<Letter, string>> = {
  '_': 'waiting', 'S': 'starting', 'R': 'reading', 'W': 'sending', 'K': 'keepalive', 'D': 'dns', 'C': 'closing',
  'L': 'logging', 'G': 'graceful', 'I': 'idle_cleanup', '.': 'open',
}

function byState({ slots, maxServers, threadsPerChild }: Snapshot): readonly Sample[] {
  const counts = new Map<Letter, number>((Object.keys(LETTER_TEXTS) as Letter[]).map((letter) => [letter, 0]))
  let present = 0
  for (const { workers } of slots) {
    for (const { letter } of workers) {
      if (letter === '.') continue
      present++
      counts.set(letter, counts.get(letter)! + 1)
    }
  }
  counts.set('.', Math.max(0, maxServers * threadsPerChild - present))
  return [...counts].map(([letter, count]) => [{ state: STATE_WORDS[letter] }, count])
}

const connectionStates = ({ connections }: Pick<ChildView, 'connections'>): readonly Sample[] => {
  const { total, waitIo, writing, keepAlive, closing, suspended } = connections
  const processing = Math.max(0, total - waitIo - writing - keepAlive - closing - suspended)
  return Object.entries({ processing, wait_io: waitIo, writing, keepalive: keepAlive, closing, suspended })
    .map(([state, count]) => [{ state }, count])
}

const workerStates = ({ threads }: Pick<ChildView, 'threads'>): readonly Sample[] =>
  Object.entries(threads).map(([state, count]) => [{ state }, count])

/** Age of the oldest child, and number of children, by generation; the current one is always there. */
function byGeneration({ children, generation }: Snapshot): ReadonlyMap<number, readonly ChildView[]> {
  const all = new Map<number, ChildView[]>([[generation, []]])
  for (const child of children) {
    const those = all.get(child.generation)
    if (those === undefined) all.set(child.generation, [child])
    else those.push(child)
  }
  return all
}

function generationAges(snapshot: Snapshot): readonly Sample[] {
  const since = (generation: number, children: readonly ChildView[]) => generation === snapshot.generation
    ? snapshot.restartTime : Math.min(...children.map(({ startTime }) => startTime))
  return [...byGeneration(snapshot)].filter(([, children]) => children.length > 0).map(([generation, children]) =>
    [{ generation }, Math.max(0, snapshot.now - since(generation, children)) / MS])
}

function finishing({ children }: Snapshot): readonly Sample[] {
  const counts = new Map<string, number>(FINISH_REASONS.filter((reason) => reason !== 'none').map((reason) => [reason, 0]))
  for (const { stopping, reason } of children) if (stopping) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => [{ reason }, count])
}

const cpuTotals = ({ cpu }: Snapshot): readonly Sample[] => [
  [{ mode: 'user' }, hundredths(cpu.user + cpu.childrenUser)],
  [{ mode: 'system' }, hundredths(cpu.system + cpu.childrenSystem)],
]

const memoryOf = (kind: 'resident' | 'proportional') => ({ control, children }: Snapshot): readonly Sample[] =>
  [{ slot: 'control', memory: control.memory }, ...children].flatMap(({ slot, memory }) => {
    const bytes = memory?.[kind]
    return bytes === undefined ? [] : [[{ slot }, bytes] as const]
  })

export const METRICS: readonly Metric[] = [
  gauge('httpd_build_info', 'Always 1; what is running, in its labels.', ({ description, mpm, built }) =>
    [[{ version: description, mpm, built }, 1]]),
  gauge('httpd_start_time_seconds',
    'When the server was started, seconds since the epoch.', one(({ startTime }) => startTime / MS)),
  gauge('httpd_config_time_seconds', 'When the configuration in use was read, seconds since the epoch.',
    one(({ restartTime }) => restartTime / MS)),
  gauge('httpd_uptime_seconds', 'Seconds since the server was started; restarts do not count.',
    one(({ now, startTime }) => Math.max(0, now - startTime) / MS)),
  counter('httpd_restarts_total', 'Restarts since the server was started.', ({ restarts, gracefulRestarts }) =>
    [[{ kind: 'graceful' }, gracefulRestarts], [{ kind: 'hard' }, restarts]]),
  counter('httpd_child_crashes_total',
    'Children that ended by a signal or with a fault, not because they were told to.',
    one(({ crashes }) => crashes)),

  counter('httpd_requests_total', 'Requests answered.', one(({ totals }) => totals.accesses)),
  counter('httpd_response_bytes_total', 'Bytes of response bodies sent.', one(({ totals }) => totals.bytes)),
  counter('httpd_request_duration_seconds_total',
    'Time from request line to log line, all requests added up; needs ExtendedStatus On.',
    (snapshot) => snapshot.extended ? [[NONE, snapshot.totals.duration / MS]] : []),

  gauge('httpd_workers_max', 'Workers there can be: MaxRequestWorkers.',
    one(({ maxServers, threadsPerChild }) => maxServers * threadsPerChild)),
  gauge('httpd_workers',
    'Workers: busy, idle, starting, or busy for the last time in a child that is to finish (graceful).',
    workerStates),
  gauge('httpd_workers_by_state', 'Workers by what they do: the letters of the scoreboard.', byState),
  gauge('httpd_process_workers', 'Workers of each child.', perChild(workerStates)),

  gauge('httpd_connections',
    'Open connections by what they wait for; processing: a worker or the listener is at work for it.',
    ({ connections, async }) => async ? connectionStates({ connections }) : [[{ state: 'processing' }, connections.total]]),
  gauge('httpd_process_connections',
    'Open connections of each child by what they wait for; only where waiting connections hold no worker.',
    (snapshot) => snapshot.async ? perChild(connectionStates)(snapshot) : []),

  gauge('httpd_generation',
    'Number of the configuration in use, counted from 0 by restarts.', one(({ generation }) => generation)),
  gauge('httpd_generation_processes', 'Children by the generation of their configuration.', (snapshot) =>
    [...byGeneration(snapshot)].map(([generation, children]) => [{ generation }, children.length])),
  gauge('httpd_generation_age_seconds', 'Since when each generation is there: the current one since the restart, others by their oldest child.', generationAges),
  gauge('httpd_processes', 'Child processes.', one(({ children }) => children.length)),
  gauge('httpd_processes_finishing', 'Children that answer what is under way and then end, by reason.', finishing),

  counter('httpd_cpu_seconds_total',
    'CPU time of all processes of the server, those that have ended included.', cpuTotals),
  gauge('httpd_process_info', 'Always 1; which process has a slot, and its generation.',
    perChild(({ pid, generation }) => [[{ pid, generation }, 1]])),
  gauge('httpd_process_age_seconds', 'Seconds since the child was started.', (snapshot) =>
    perChild(({ startTime }) => [[NONE, Math.max(0, snapshot.now - startTime) / MS]])(snapshot)),
  counter('httpd_process_cpu_seconds_total', 'CPU time of each child, from its start.', perChild(({ pid, cpu }) =>
    cpu === undefined ? [] : [[{ pid, mode: 'user' }, cpu.user], [{ pid, mode: 'system' }, cpu.system]])),
  gauge('httpd_process_resident_memory_bytes',
    'Memory that each process has in use, what it shares with others included.',
    memoryOf('resident')),
  gauge('httpd_process_proportional_memory_bytes',
    'The same with shared memory divided among those who share it: these may be added up.',
    memoryOf('proportional')),
]

const escapeHelp = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
const escapeLabel = (text: string): string => escapeHelp(text).replace(/"/g, '\\"')

function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

export function metricsText(snapshot: Snapshot): string {
  let text = ''
  for (const metric of [...METRICS, ...registeredMetrics()]) {
    const { name, type, help } = metric
    const lines = metric.samples(snapshot).map(([labels, value]) => sampleLine(name, labels, value))
    if (lines.length > 0) text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`
  }
  return text
}
