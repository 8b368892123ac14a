/* `?notable`: the same without tables, for text browsers and screen readers. */
import { bytesText, general } from './format.ts'
import { html, NOTHING, type Markup } from '../shared/page/markup.ts'
import { LETTER_TEXTS, scoreboardText, seenWorkers, type Letter, type Seen, type Snapshot } from './snapshot.ts'

/** Words for the letters, as Apache has them. */
const STATE_WORDS: Readonly<Record<Letter, string>> = {
  '_': 'Ready', 'S': 'Starting', 'R': 'Read', 'W': 'Write', 'K': 'Keepalive', 'L': 'Logging', 'D': 'DNS lookup',
  'C': 'Closing', '.': 'Dead', 'G': 'Graceful', 'I': 'Dying',
}

const SECOND = 1000
const LINE = /.{1,64}/g

export function plainDetails(snapshot: Snapshot): Markup {
  const key = (Object.keys(LETTER_TEXTS) as Letter[]).map((letter) => html`"<b><code>${letter}</code></b>" ${LETTER_TEXTS[letter]}<br>
`)
  return html`<pre>${(scoreboardText(snapshot).match(LINE) ?? []).map((line) => html`${line}
`)}</pre>
<p>Scoreboard Key:<br>
${key}</p>
${snapshot.extended ? details(snapshot) : NOTHING}`
}

const details = (snapshot: Snapshot): Markup => html`<hr><h2>Server Details</h2>
${seenWorkers(snapshot).map((seen) => paragraph(snapshot, seen))}`

function paragraph(snapshot: Snapshot, { slot, worker }: Seen): Markup {
  const cpu = snapshot.slots[slot]?.child?.cpu ?? { user: 0, system: 0, childrenUser: 0, childrenSystem: 0 }
  const { client = '', protocol = '', vhost = '', line = '' } = worker.request ?? {}
  const since = worker.startTime === 0 ? 0 : Math.max(0, Math.floor((snapshot.now - worker.startTime) / SECOND))
  const word = worker.thread < 0 ? 'Listener' : STATE_WORDS[worker.letter]
  const who = worker.letter === '.' && worker.thread >= 0 ? '-' : String(worker.pid)
  return html`<p><b>Server ${slot}-${worker.generation}</b> (${who}): ${worker.connAccesses}|${worker.myAccesses}|${worker.accesses} [<b>${word}</b>] u${general(cpu.user)} s${general(cpu.system)} cu${general(cpu.childrenUser)} cs${general(cpu.childrenSystem)}
 ${since} ${Math.floor(worker.lastDuration)} ${Math.floor(worker.duration)} (${bytesText(worker.connBytes)}|${bytesText(worker.myBytes)}|${bytesText(worker.bytes)})
 <i>${client} {${line}}</i> <i>(${protocol.toLowerCase()})</i> <b>[${vhost}]</b></p>
`
}
