/* Tables of the page: processes, generations, requests. */
import { ageText, bytesText } from './format.ts'
import { html, NOTHING, type Markup } from '../shared/page/markup.ts'
import {
  LETTER_TEXTS, seenWorkers, type ChildView, type Connections, type Letter, type Seen, type Snapshot, type Workers,
} from './snapshot.ts'

/** The style sheet's names for the letters of the scoreboard. */
export const HUES: Readonly<Record<Letter, string>> = {
  '_': 'idle', 'S': 'start', 'R': 'read', 'W': 'send', 'K': 'keep', 'D': 'read', 'C': 'close', 'L': 'log', 'G': 'grace',
  'I': 'grace', '.': 'open',
}

const SECOND = 1000
const MIB = 1024 * 1024
const KIB = 1024

const scroll = (label: string, table: Markup): Markup =>
  html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`

const age = ({ now }: Snapshot, since: number): string => ageText((now - since) / SECOND)

// Processes.

const threadCells = ({ busy, graceful, idle }: Workers): Markup =>
  html`<td>${busy}</td><td>${graceful}</td><td>${idle}</td>`

const connectionCells = ({ waitIo, writing, keepAlive, closing, suspended }: Connections): Markup =>
  html`<td>${waitIo}</td><td>${writing}</td><td>${keepAlive}</td><td>${closing}</td><td>${suspended}</td>`

function stoppingText(snapshot: Snapshot, child: ChildView): Markup {
  if (!child.stopping) return html`no`
  const old = child.generation === snapshot.generation ? '' : ' (old gen)'
  const why = child.reason === 'none' ? '' : `: ${child.reason}`
  const since = child.finishTime === 0 ? '' : `, since ${age(snapshot, child.finishTime)}`
  return html`<span class="pill c-grace">yes${old}</span>${why}${since}`
}

function processRow(snapshot: Snapshot, child: ChildView): Markup {
  const { cpu, memory, connections } = child
  const seconds = cpu === undefined ? '-' : (cpu.user + cpu.system).toFixed(2)
  const size = (bytes: number | undefined): string => bytes === undefined ? '-' : bytesText(bytes)
  return html`<tr><td>${child.slot}</td><td>${child.pid}</td><td>${child.generation}</td>
<td>${age(snapshot, child.startTime)}</td>
<td class="t">${stoppingText(snapshot, child)}</td><td>${connections.total}</td>
<td>${child.accepting ? 'yes' : 'no'}</td>
${threadCells(child.threads)}${snapshot.async ? connectionCells(connections) : NOTHING}<td>${seconds}</td>
<td>${size(memory?.resident)}</td><td>${size(memory?.proportional)}</td></tr>
`
}

export function processesTable(snapshot: Snapshot): Markup {
  const { children, threads, connections, async } = snapshot
  const pss = children.map(({ memory }) => memory?.proportional)
  const known = pss.every((bytes) => bytes !== undefined)
  const second = async
    ? html`<th colspan="5" title="Connections that hold no thread">Async connections</th>` : NOTHING
  const names = async ? html`<th>wait-io</th><th>writing</th><th>keep-alive</th><th>closing</th>
<th>suspended</th>` : NOTHING
  return scroll('Processes', html`<table><thead>
<tr><th rowspan="2">Slot</th><th rowspan="2">PID</th><th rowspan="2" title="Generation of the configuration">Gen</th>
<th rowspan="2">Age</th><th rowspan="2" class="t">Stopping</th><th colspan="2">Connections</th>
<th colspan="3">Threads</th>${second}<th rowspan="2" title="CPU time, seconds">CPU</th><th colspan="2">Memory</th>
</tr>
<tr><th>total</th><th>accepting</th><th>busy</th><th>graceful</th><th>idle</th>
${names}<th title="Resident, shared memory included">RSS</th>
<th title="Proportional: shared memory is divided among those who share it">PSS</th></tr></thead>
<tbody>${children.map((child) => processRow(snapshot, child))}</tbody>
<tfoot><tr><td>Sum</td><td>${children.length}</td><td></td><td></td>
<td class="t">${children.filter(({ stopping }) => stopping).length}</td><td>${connections.total}</td><td>&nbsp;</td>
${threadCells(threads)}${async ? connectionCells(connections) : NOTHING}<td></td><td></td>
<td>${known ? bytesText(pss.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0)) : ''}</td></tr></tfoot></table>`)
}

// Generations.

export function generationsTable(snapshot: Snapshot): Markup {
  const numbers = [...new Set([snapshot.generation, ...snapshot.children.map(({ generation }) => generation)])]
  const rows = numbers.sort((a, b) => b - a).map((number) => {
    const children = snapshot.children.filter(({ generation }) => generation === number)
    const current = number === snapshot.generation
    const since = current ? snapshot.restartTime : Math.min(...children.map(({ startTime }) => startTime))
    const finishing = children.filter(({ stopping }) => stopping).map(({ reason }) => reason)
    const reasons = [...new Set(finishing)].filter((reason) => reason !== 'none')
    const state = current ? html`<span class="pill c-keep">current</span>` : html`<span class="pill c-grace">old</span>`
    return html`<tr><td>${number}</td><td class="t">${state}</td><td>${age(snapshot, since)}</td>
<td>${children.length}</td><td>${children.filter(({ stopping }) => stopping).length}</td>
<td class="t">${reasons.join(', ') || '-'}</td></tr>
`
  })
  return scroll('Generations', html`<table class="short"><thead><tr><th>Generation</th><th class="t">State</th>
<th>Age</th><th>Processes</th><th>Finishing</th><th class="t">Why</th></tr></thead><tbody>${rows}</tbody></table>`)
}

// Requests.

/** Columns and what they mean, as Apache has them. */
export const REQUEST_COLUMNS: readonly (readonly [name: string, meaning: string])[] = [
  ['Srv', 'Child Server number - generation'],
  ['PID', 'OS process ID'],
  ['Acc', 'Number of accesses this connection / this child / this slot'],
  ['M', 'Mode of operation'],
  ['CPU', 'CPU usage, number of seconds'],
  ['SS', 'Seconds since beginning of most recent request'],
  ['Req', 'Milliseconds required to process most recent request'],
  ['Dur', 'Sum of milliseconds required to process all requests'],
  ['Conn', 'Kilobytes transferred this connection'],
  ['Child', 'Megabytes transferred this child'],
  ['Slot', 'Total megabytes transferred this slot'],
  ['Client', 'Address of the client'],
  ['Protocol', 'Protocol of the request'],
  ['VHost', 'Name and port of the server that was asked'],
  ['Request', 'First line of the request'],
]

const TEXT_COLUMNS = new Set(['Srv', 'M', 'Client', 'Protocol', 'VHost', 'Request'])

/** A letter in its colour. The listener is no worker and has none. */
function mode({ worker }: Seen): Markup {
  if (worker.thread < 0 && worker.pid !== 0) return html`<i class="c-open" title="Listener: answers by itself what cannot block">*</i>`
  return html`<i class="c-${HUES[worker.letter]}" title="${LETTER_TEXTS[worker.letter]}">${worker.letter}</i>`
}

function requestRow(snapshot: Snapshot, seen: Seen): Markup {
  const { slot, worker } = seen
  const gone = worker.pid === 0
  const { client = '', protocol = '', vhost = '', line = '' } = worker.request ?? {}
  const since = worker.startTime === 0 ? 0 : Math.max(0, Math.floor((snapshot.now - worker.startTime) / SECOND))
  return html`<tr><td class="t"><b>${slot}-${worker.generation}</b></td><td>${gone ? '-' : worker.pid}</td>
<td>${worker.connAccesses}/${worker.myAccesses}/${worker.accesses}</td><td class="t m">${mode(seen)}</td>
<td>${worker.cpu === undefined ? '-' : worker.cpu.toFixed(2)}</td><td>${since}</td>
<td>${Math.floor(worker.lastDuration)}</td><td>${Math.floor(worker.duration)}</td>
<td>${(worker.connBytes / KIB).toFixed(1)}</td><td>${(worker.myBytes / MIB).toFixed(2)}</td>
<td>${(worker.bytes / MIB).toFixed(2)}</td><td class="t">${client}</td><td class="t">${protocol.toLowerCase()}</td>
<td class="t">${vhost}</td><td class="t line" title="${line}">${line}</td></tr>
`
}

/** What a table may show: a page of more rows is of no use, and costly. */
export const MOST_ROWS = 2000

export function requestsTable(snapshot: Snapshot): Markup {
  const all = seenWorkers(snapshot)
  if (all.length === 0) return html`<p class="empty">No request yet.</p>`
  const heads = REQUEST_COLUMNS.map(([name, meaning]) =>
    TEXT_COLUMNS.has(name) ? html`<th class="t" title="${meaning}">${name}</th>` : html`<th title="${meaning}">${name}</th>`)
  const rows = all.slice(0, MOST_ROWS).map((seen) => requestRow(snapshot, seen))
  const cut = all.length > MOST_ROWS ? html`<caption>The first ${MOST_ROWS} of ${all.length}</caption>` : NOTHING
  return html`${scroll('Requests', html`<table>${cut}<thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table>`)}
<details><summary>What the columns mean</summary><dl class="legend">${REQUEST_COLUMNS.map(([name, meaning]) => html`<dt>${name}</dt><dd>${meaning}</dd>`)}</dl></details>`
}
