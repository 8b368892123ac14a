/*
 * The page for people. The texts that scrapers and habits look for are Apache's; what surrounds them is one
 * self-contained document: own style, nothing fetched, no script.
 */
import { ratesOf, uptimeOf } from './auto.ts'
import { barChart, stackedBar, type Share } from './charts.ts'
import { bytesText, general, kilobytesText, timeText, uptimeText } from './format.ts'
import { documentText } from '../shared/page/document.ts'
import { html, Markup, NOTHING } from '../shared/page/markup.ts'
import { plainDetails } from './plain.ts'
import {
  isBusy, LETTER_TEXTS, scoreboardRows, scoreboardText, type Letter, type Snapshot, type WorkerView,
} from './snapshot.ts'
import { STYLE } from './style.ts'
import { generationsTable, HUES, processesTable, requestsTable } from './tables.ts'

/** The whole page. @param tables false: `?notable`, texts only */
export function pageHtml(snapshot: Snapshot, tables: boolean): string {
  const body = tables ? richBody(snapshot) : html`<section>${plainDetails(snapshot)}</section>`
  const header = html`<h1>Apache Server Status for ${snapshot.name} (via ${snapshot.localIp})</h1>
<nav aria-label="Other forms of this page"><a href="?refresh=5">Refresh every 5 s</a>
<a href="?notable">Without tables</a><a href="?auto">For programs</a></nav>`
  return documentText({ title: 'Apache Status', style: STYLE, header, main: html`${facts(snapshot)}
${body}` })
}

const fact = (name: string, value: string): Markup => html`<dt><b>${name} </b>${value}</dt>
`

function facts(snapshot: Snapshot): Markup {
  const { load, now, threads } = snapshot
  return html`<section aria-label="Server"><dl>
${fact('Server Version:', snapshot.description)}${fact('Server MPM:', snapshot.mpm)}${fact('Server Built:', snapshot.built)}${
  fact('Current Time:', timeText(now))}${fact('Restart Time:', timeText(snapshot.restartTime))}${
  fact('Parent Server Config. Generation:', String(snapshot.configGeneration))}${
  fact('Parent Server MPM Generation:', String(snapshot.generation))}${
  fact('Server uptime:', uptimeText(uptimeOf(snapshot)).trim() || '0 seconds')}${
  fact('Server load:', (load ?? [-1, -1, -1]).map((value) => value.toFixed(2)).join(' '))}${
  fact('Restarts:', `${snapshot.gracefulRestarts} graceful, ${snapshot.restarts} hard; ${snapshot.crashes} children crashed`)}</dl>
<dl class="wide">
${snapshot.extended ? extendedFacts(snapshot) : NOTHING}<dt>${threads.busy} requests currently being processed, ${threads.graceful} workers gracefully restarting, ${threads.idle} idle workers</dt>
</dl></section>`
}

function extendedFacts(snapshot: Snapshot): Markup {
  const { totals, cpu } = snapshot
  const { kib, cpuPercent, perSecond, perRequest } = ratesOf(snapshot)
  const own = `u${general(cpu.user)} s${general(cpu.system)}`
  const usage = `${own} cu${general(cpu.childrenUser)} cs${general(cpu.childrenSystem)}`
  const rates = [
    ...(perSecond === undefined ? []
      : [`${general(perSecond.requests, 3)} requests/sec`, `${bytesText(perSecond.bytes)}/second`]),
    ...(perRequest === undefined ? []
      : [`${bytesText(perRequest.bytes)}/request`, `${general(perRequest.milliseconds)} ms/request`]),
  ]
  return html`<dt>Total accesses: ${totals.accesses} - Total Traffic: ${kilobytesText(kib)} - Total Duration: ${Math.floor(totals.duration)}</dt>
<dt>CPU Usage: ${usage}${cpuPercent === undefined ? '' : ` - ${general(cpuPercent, 3)}% CPU load`}</dt>
<dt>${rates.join(' - ')}</dt>
`
}

function richBody(snapshot: Snapshot): Markup {
  return html`${tiles(snapshot)}
${capacity(snapshot)}
<section><h2>Charts</h2><div class="charts">${charts(snapshot)}</div></section>
<section><h2>Scoreboard</h2>${grid(snapshot)}</section>
<section><h2>Processes</h2>${processesTable(snapshot)}</section>
<section><h2>Generations</h2>${generationsTable(snapshot)}</section>
<section><h2>Requests</h2>${snapshot.extended ? requestsTable(snapshot) : pidKey(snapshot)}</section>`
}

function tiles(snapshot: Snapshot): Markup {
  const { threads, connections, totals, children } = snapshot
  const { perSecond, kib } = ratesOf(snapshot)
  const tile = (value: string | number, label: string): Markup => html`<div class="tile"><b>${value}</b>
<span>${label}</span></div>`
  return html`<div class="tiles">${tile(threads.busy, 'workers busy')}${tile(threads.idle, 'workers idle')}${
    tile(connections.total, 'connections')}${tile(children.length, 'processes')}${tile(grouped(totals.accesses), 'requests answered')}${
    perSecond === undefined ? NOTHING : tile(rateText(perSecond.requests), 'requests/s since start')}${tile(kilobytesText(kib), 'sent')}</div>`
}

/** `1 234 567`, with blanks that do not break. */
const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u00a0')

const rateText = (rate: number): string => rate < 100 ? general(rate, 3) : grouped(Math.round(rate))

/** Letters that somebody has, with how many. */
function letterCounts({ slots }: Snapshot): Map<Letter, number> {
  const counts = new Map<Letter, number>()
  for (const { workers } of slots) for (const { letter } of workers) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  return counts
}

function capacity(snapshot: Snapshot): Markup {
  const { threads: { busy, graceful, idle, starting }, maxServers, threadsPerChild } = snapshot
  const most = maxServers * threadsPerChild
  const shares: Share[] = [
    { label: 'busy', value: busy, hue: 'send' }, { label: 'finishing', value: graceful, hue: 'grace' },
    { label: 'idle', value: idle, hue: 'idle' }, { label: 'starting', value: starting, hue: 'start' },
    { label: 'not started', value: Math.max(0, most - busy - graceful - idle - starting), hue: 'open' },
  ]
  return html`<section><h2>Capacity</h2>
${stackedBar(`${busy} of at most ${most} workers are busy, ${idle} idle`, shares)}
<ul class="key">${shares.map(({ label, value, hue }) => html`<li><i class="s-${hue}" aria-hidden="true"></i>
${value} ${label}</li>`)}<li>${most} at most (MaxRequestWorkers)</li></ul></section>`
}

const SECOND = 1000
/** Limits of the groups of the chart of ages, in seconds. */
const AGES: readonly (readonly [label: string, below: number])[] = [
  ['below 0.1 s', 0.1], ['below 1 s', 1], ['below 10 s', 10], ['below 1 min', 60], ['1 min and more', Infinity],
]

function charts(snapshot: Snapshot): Markup[] {
  const { connections, extended, async } = snapshot
  const counts = letterCounts(snapshot)
  const letters = (Object.keys(LETTER_TEXTS) as Letter[])
    .filter((letter) => letter !== '.' && (counts.get(letter) ?? 0) > 0)
  const all = [barChart('Workers by state', letters.map((letter) =>
    ({ label: SHORT[letter], value: counts.get(letter)!, hue: HUES[letter] })))]
  if (async) {
    const { total, waitIo, writing, keepAlive, closing, suspended } = connections
    const processing = Math.max(0, total - waitIo - writing - keepAlive - closing - suspended)
    all.push(barChart('Connections by state', [
      { label: 'processing', value: processing, hue: 'send' },
      { label: 'wait-io', value: waitIo, hue: 'read' }, { label: 'writing', value: writing, hue: 'log' },
      { label: 'keep-alive', value: keepAlive, hue: 'keep' }, { label: 'closing', value: closing, hue: 'close' },
      { label: 'suspended', value: suspended, hue: 'grace' },
    ]))
  }
  if (extended) all.push(barChart('Requests being processed, by age', ages(snapshot)))
  const sizes = snapshot.children.flatMap(({ slot, memory }) =>
    memory === undefined ? [] : [{ slot, bytes: memory.proportional ?? memory.resident }])
  all.push(barChart('Memory of the largest processes', sizes.sort((a, b) => b.bytes - a.bytes).slice(0, LARGEST)
    .map(({ slot, bytes }) => ({ label: `slot ${slot}`, value: bytes, hue: 'idle', text: bytesText(bytes) }))))
  return all
}

const LARGEST = 6
const SHORT: Readonly<Record<Letter, string>> = {
  '_': 'waiting', 'S': 'starting', 'R': 'reading', 'W': 'sending', 'K': 'keep-alive', 'D': 'DNS', 'C': 'closing',
  'L': 'logging', 'G': 'finishing', 'I': 'idle cleanup', '.': 'open',
}

function ages(snapshot: Snapshot): Share[] {
  const counts = AGES.map(() => 0)
  for (const { workers } of snapshot.slots) {
    for (const { letter, startTime } of workers) {
      if (letter !== 'W' && letter !== 'G') continue
      const age = (snapshot.now - startTime) / SECOND
      counts[AGES.findIndex(([, below]) => age < below)]!++
    }
  }
  return AGES.map(([label], i) => ({ label, value: counts[i]!, hue: 'send' }))
}

/** Cells beyond these are shown as text only. */
const MOST_CELLS = 4096

function cell(worker: WorkerView | undefined, now: number): Markup {
  if (worker === undefined) return html`<i class="c-open">.</i>`
  const { letter, thread, request } = worker
  const what = request === undefined || request.line === '' ? '' : isBusy(letter) || letter === 'G'
    ? `\n${request.line} from ${request.client}, ${((now - worker.startTime) / SECOND).toFixed(1)} s` : `\nlast: ${request.line}`
  const title = html`thread ${thread}: ${LETTER_TEXTS[letter]}`.text
  return new Markup(`<i class="c-${HUES[letter]}" title="${title}${what.split('\n').map((line) => html`${line}`.text).join('&#10;')}">${letter}</i>`)
}

function grid(snapshot: Snapshot): Markup {
  const rows = scoreboardRows(snapshot)
  const cells = rows.reduce((sum, { workers }) => sum + workers.length, 0)
  const groups = cells > MOST_CELLS ? NOTHING : snapshot.threadsPerChild > 1 ? byProcess(snapshot, rows) : allTogether(snapshot, rows)
  return html`${groups}<ul class="key" aria-label="Scoreboard Key">${(Object.keys(LETTER_TEXTS) as Letter[]).map((letter) =>
    html`<li><i class="c-${HUES[letter]}">${letter}</i>${LETTER_TEXTS[letter]}</li>`)}</ul>
<details><summary>As text</summary><pre>${new Markup(inLines(scoreboardText(snapshot)))}</pre></details>`
}

type Rows = ReturnType<typeof scoreboardRows>

/** Slots in which nobody is are one group: there may be hundreds. */
function byProcess(snapshot: Snapshot, rows: Rows): Markup {
  const { slots, now } = snapshot
  const taken = rows.filter(({ slot }) => slots[slot]?.child !== undefined)
  const open = rows.length - taken.length
  const groups = taken.map(({ slot, workers }) => {
    const { pid, generation, stopping } = slots[slot]!.child!
    return html`<div><h3>Slot ${slot}, PID ${pid}${generation === snapshot.generation ? '' : `, generation ${generation}`}${stopping ? ', stopping' : ''}</h3><div class="cells">${workers.map((worker) => cell(worker, now))}</div></div>
`
  })
  return html`<div class="groups">${groups}</div>
${open === 0 ? NOTHING : html`<p class="empty">${open} more processes of ${snapshot.threadsPerChild} workers each may be started.</p>`}`
}

function allTogether({ slots, now }: Snapshot, rows: Rows): Markup {
  const cells = rows.map(({ slot, workers }) => {
    const child = slots[slot]?.child
    const owner = child === undefined ? `slot ${slot}` : `slot ${slot}, PID ${child.pid}`
    return workers.map((worker) => html`<span title="${owner}">${cell(worker, now)}</span>`)
  })
  return html`<div class="groups one"><div class="cells">${cells.flat()}</div></div>`
}

const LINE = 64

/** Apache's form: lines of 64 letters. */
const inLines = (text: string): string => text.match(new RegExp(`.{1,${LINE}}`, 'g'))?.join('\n') ?? ''

function pidKey(snapshot: Snapshot): Markup {
  const pids = snapshot.children.map(({ pid, threads }) => html`${pid} in state: ${threads.busy > 0 ? 'busy' : 'idle'}<br>
`)
  return html`<p>PID Key:</p><p>${pids}</p>
<p>To obtain a full report with current status information you need to use the <code>ExtendedStatus On</code> directive.</p>`
}
