/**
 * What one thread writes into its row of the scoreboard. A thread that may block shows a request when it begins, so
 * that one which hangs can be seen; a thread that never blocks (event's listener) adds up and shows once per turn.
 */
import { atTurnEnd } from '../base/turn.ts'
import type { Request } from '../hook/types.ts'
import { serverCore } from './core_settings.ts'
import type { WorkerRow } from './scoreboard.ts'

export interface TallyOptions {
  /** ExtendedStatus: which request, from whom, how long. */
  readonly extended: boolean
  /** The thread may block. */
  readonly mayBlock: boolean
  /** SeeRequestTail: of a long request line the end is shown. */
  readonly tail: boolean
}

/** Longest request line shown, in bytes. */
const REQUEST_SHOWN = 63
/** `user:password@` in the request line is nobody's business. */
const CREDENTIALS = /\/\/[^/@\s]*:[^/@\s]*@/g

/** What `end` adds to: the connection's own counts. */
export interface Counted {
  answered: number
  bytesAnswered: number
}

export class Tally {
  readonly #row: WorkerRow
  readonly #options: TallyOptions
  #accesses = 0
  #bytes = 0
  #duration = 0
  #waiting = false
  /** Read from the row at first: what those before it have counted stays. */
  readonly #before: { readonly accesses: number; readonly bytes: number; readonly duration: number }
  readonly #flush = (): void => {
    this.#waiting = false
    this.#store()
  }

  constructor(row: WorkerRow, options: TallyOptions) {
    this.#row = row
    this.#options = options
    this.#before = { accesses: row.get('accesses'), bytes: row.get('bytes'), duration: row.get('duration') }
  }

  /** The request line and the host are known. */
  begin(r: Request): void {
    const { extended, mayBlock } = this.#options
    if (extended && mayBlock) this.#show(r)
  }

  /** It is answered and logged. @param bytes of the body that was sent, after internal redirects */
  end(r: Request, bytes: number, of: Counted): void {
    const { extended, mayBlock } = this.#options
    this.#accesses++
    this.#bytes += bytes
    of.answered++
    of.bytesAnswered += bytes
    if (extended) {
      const now = performance.timeOrigin + performance.now()
      this.#duration += now - r.requestTime
      if (mayBlock || !this.#waiting) this.#showEnd(r, of, now)
    }
    if (mayBlock) this.#store()
    else if (!this.#waiting) {
      this.#waiting = true
      atTurnEnd(this.#flush)
    }
  }

  /** A handler begins that may run until `deadline` (ms since the epoch), and no longer. */
  arm(r: Request, fd: number, deadline: number): void {
    const row = this.#row
    if (!this.#options.extended) this.#show(r)
    row.setText('handler', r.handler ?? r.contentType ?? 'default-handler')
    row.answering = false
    row.fd = fd
    row.set('deadline', deadline)
  }

  /** Something of its answer leaves: nobody else may answer in its place any more. */
  answering(): void {
    this.#row.answering = true
  }

  /** It has returned. */
  disarm(): void {
    this.#row.set('deadline', 0)
    this.#row.fd = -1
  }

  #show(r: Request): void {
    const row = this.#row
    row.set('startTime', r.requestTime)
    row.setText('client', r.connection.clientIp)
    row.setText('protocol', r.protocolText)
    row.setText('vhost', `${r.server.get(serverCore).serverName ?? ''}:${r.connection.localPort}`)
    row.setText('request', this.#shown(r.requestLine))
  }

  #showEnd(r: Request, of: Counted, now: number): void {
    const row = this.#row
    if (!this.#options.mayBlock) this.#show(r)
    row.set('stopTime', now)
    row.set('lastDuration', now - r.requestTime)
    row.set('connAccesses', of.answered)
    row.set('connBytes', of.bytesAnswered)
  }

  #shown(line: string): string {
    const masked = line.includes('@') ? line.replace(CREDENTIALS, '//****:****@') : line
    return this.#options.tail ? masked.slice(-REQUEST_SHOWN) : masked
  }

  #store(): void {
    const row = this.#row
    row.set('accesses', this.#before.accesses + this.#accesses)
    row.set('bytes', this.#before.bytes + this.#bytes)
    row.set('duration', this.#before.duration + this.#duration)
    row.set('myAccesses', this.#accesses)
    row.set('myBytes', this.#bytes)
  }
}
