/**
 * Handlers that do not come back (HandlerTimeout): found by looking at the scoreboard, where each thread shows until
 * when its handler may run. The thread itself cannot look: it is busy.
 */
import { ERROR_CONTENT_TYPE, errorBody } from '../http/error_body.ts'
import { statusLine } from '../http/status.ts'
import { httpDate } from '../base/dates.ts'
import type { Fd, Port } from '../port/port.ts'
import type { WorkerRow } from './scoreboard.ts'

/** How often to look (ms), and how long a thread gets to give up a handler that awaits by itself. */
export const LOOK_EVERY = 250
const GRACE = 250

/** True if whoever has this row should have been back by now. @param now ms since the epoch */
export function isOverdue(row: WorkerRow, now: number): boolean {
  const deadline = row.get('deadline')
  return deadline > 0 && now > deadline + GRACE
}

/** What there is to say of it. */
export const overdueText = (row: WorkerRow, who: string): string =>
  `SY00060: handler ${row.text('handler')} has not come back with an answer to ${row.text('request')} from ${row.text('client')} within HandlerTimeout: ending ${who}`

/** 503 in the place of a handler that never will, if nothing of its own answer can have left. */
export function answerUnavailable({ net, host }: Port, row: WorkerRow, serverTokens: string): void {
  const fd: Fd = row.fd
  if (fd < 0 || row.answering) return
  const body = row.text('request').startsWith('HEAD ') ? '' : errorBody({ status: 503, method: 'GET' })
  const text = `HTTP/1.1 ${statusLine(503)}\r\nDate: ${httpDate(Date.now())}\r\nServer: ${serverTokens}\r\nContent-Length: ${body.length}\r\nConnection: close\r\nContent-Type: ${ERROR_CONTENT_TYPE}\r\n\r\n${body}`
  const memory = host.memory(text.length)
  memory.bytes.write(text, 'latin1')
  net.send(fd, memory, 0, text.length, false)
  net.shutdown(fd)
}
