/**
 * Handlers that do not come back (HandlerTimeout): found by looking at the scoreboard, where each thread shows until
 * when its handler may run. The thread itself cannot look: it is busy.
 */
import type { Worker } from 'node:worker_threads'
import { httpDate } from '../base/dates.ts'
import { uptime } from '../base/uptime.ts'
import { ERROR_CONTENT_TYPE, errorBody } from '../http/error_body.ts'
import { statusLine } from '../http/status.ts'
import type { Fd, Port } from '../port/port.ts'
import { log } from './log.ts'
import type { WorkerRow } from './scoreboard.ts'

/** How often to look (ms), and how long a thread gets to give up a handler that awaits by itself. */
export const LOOK_EVERY = 250
const GRACE = 1000

/** True if whoever has this row should have been back by now. @param now `uptime()` */
export function isOverdue(row: WorkerRow, now: number): boolean {
  const deadline = row.get('deadline')
  return deadline > 0 && now > deadline + GRACE
}

/** What there is to say of it. With several handlers on a thread nobody knows which one it is: the last is named. */
export const overdueText = (row: WorkerRow, who: string): string =>
  `SY00060: handler ${row.text('handler')} has not come back with an answer to ${row.text('overdue')} within HandlerTimeout: ending ${who}`

export interface OverdueParts {
  readonly port: Port
  readonly threads: ReadonlyMap<number, Worker>
  row(thread: number): WorkerRow
  /** The thread's poller, once it serves. */
  poller(thread: number): Fd | undefined
  /** A thread is about to be ended: what it has open is lost to this process. */
  ending(thread: number): void
  /** As the `Server:` header shows it. */
  readonly serverTokens: string
}

/** Looks after the threads of a child, from its main thread. */
export class OverdueThreads {
  readonly #parts: OverdueParts
  readonly #ending = new WeakSet<Worker>()
  /** Never ready: stands in for the poller of a thread that is ended. */
  #quiet: Fd | undefined

  constructor(parts: OverdueParts) {
    this.#parts = parts
  }

  look(): void {
    const now = uptime()
    for (const [number, worker] of this.#parts.threads) {
      const row = this.#parts.row(number)
      if (this.#ending.has(worker) || !isOverdue(row, now) || !row.take()) continue
      // It may have come back at the last moment.
      if (isOverdue(row, now)) this.#end(number, worker, row)
      else row.giveBack()
    }
  }

  #end(number: number, worker: Worker, row: WorkerRow): void {
    const { port, serverTokens } = this.#parts
    this.#ending.add(worker)
    log('error', 'core', overdueText(row, `thread ${number}`))
    answerUnavailable(port, row, serverTokens)
    // A thread that blocks in native code ends when that returns, which may be never.
    this.#parts.ending(number)
    this.#silence(number)
    void worker.terminate()
  }

  // koffi cannot call a thread that is being ended, and ends the process if it has to: its poller must not get ready.
  #silence(number: number): void {
    const poller = this.#parts.poller(number)
    if (poller === undefined) return
    const { shared, host } = this.#parts.port
    this.#quiet ??= shared.bell().fd
    host.dup2(this.#quiet, poller)
  }
}

// 503 in the place of a handler that never will answer, if nothing of its own answer can have left.
function answerUnavailable({ net, host }: Port, row: WorkerRow, serverTokens: string): void {
  const { fd } = row
  if (fd < 0 || row.answering) return
  const body = row.text('overdue').startsWith('HEAD ') ? '' : errorBody({ status: 503, method: 'GET' })
  const text = [
    `HTTP/1.1 ${statusLine(503)}`, `Date: ${httpDate(Date.now())}`, `Server: ${serverTokens}`,
    `Content-Length: ${body.length}`, 'Connection: close', `Content-Type: ${ERROR_CONTENT_TYPE}`, '', body,
  ].join('\r\n')
  const memory = host.memory(text.length)
  memory.bytes.write(text, 'latin1')
  net.send(fd, memory, 0, text.length, false)
  net.shutdown(fd)
}
