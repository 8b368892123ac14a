/**
 * What one thread writes into its row of the scoreboard. A thread that may block shows a request when it begins, so
 * that one which hangs can be seen; a thread that never blocks (event's listener) adds up and shows once per turn.
 */
import { timeOfDay } from '../base/clock.ts'
import { atTurnEnd } from '../base/turn.ts'
import type { Request, Server } from '../hook/types.ts'
import type { RequestHead } from '../http/request_head.ts'
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

/** Where the request line is to be found, as bytes. */
export type Shown = Request & { readonly head: Pick<RequestHead, 'bytes' | 'requestLineStart' | 'requestLineEnd'> }

const AT_SIGN = 0x40
/** What `end` adds to: the connection's own counts. */
export interface Counted {
  answered: number
  bytesAnswered: number
}

/** Of a request line, where the client's address stands behind it. */
const LINE_SHOWN = 40

/** A handler with a deadline. */
interface Armed {
  readonly deadline: number
  readonly fd: number
  answering: boolean
}

/** The handler of a request, as messages name it. */
export const handlerName = (r: Request): string => r.handler ?? r.contentType ?? 'default-handler'

export class Tally {
  readonly #row: WorkerRow
  readonly #options: TallyOptions
  #accesses = 0
  #bytes = 0
  #duration = 0
  #waiting = false
  readonly #armed = new Map<Shown, Armed>()
  // What the row shows already, besides the request line: it is seldom another.
  #client = ''
  #protocol = 0
  #server: Server | undefined
  #port = 0
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
  begin(r: Shown): void {
    const { extended, mayBlock } = this.#options
    if (extended && mayBlock) this.#show(r)
  }

  /** It is answered and logged. @param bytes of the body that was sent, after internal redirects @param clock asked for `threadTime()` */
  end(r: Shown, bytes: number, of: Counted, clock: { readClock(): number }): void {
    const { extended, mayBlock } = this.#options
    this.#accesses++
    this.#bytes += bytes
    of.answered++
    of.bytesAnswered += bytes
    // The next request of this turn begins now.
    const now = timeOfDay(clock.readClock())
    if (extended) {
      this.#duration += now - r.requestTime
      if (mayBlock || !this.#waiting) this.#showEnd(r, of, now)
    }
    if (mayBlock) this.#store()
    else if (!this.#waiting) {
      this.#waiting = true
      atTurnEnd(this.#flush)
    }
  }

  /**
   * A handler begins that may run until `deadline` (`uptime()`). While several wait on one thread, the row has
   * the latest deadline: a thread that has not come back by then has let all of them pass.
   * @param answering bytes of another answer are on their way on that connection
   */
  arm(r: Shown, fd: number, deadline: number, answering: boolean): void {
    this.#armed.set(r, { deadline, fd, answering })
    this.#showArmed()
  }

  /** Something of its answer leaves: nobody else may answer in its place any more. */
  answering(r: Shown): void {
    const armed = this.#armed.get(r)
    if (armed === undefined) return
    armed.answering = true
    this.#showArmed()
  }

  /** It has answered, or is given up. */
  disarm(r: Shown): void {
    if (this.#armed.delete(r)) this.#showArmed()
  }

  /** A handler without a deadline runs: those that wait meanwhile are not to blame if it takes long. */
  pause(): void {
    if (this.#armed.size === 0) return
    this.#row.arm(false, false)
    this.#row.set('deadline', 0)
  }

  resume(): void {
    if (this.#armed.size > 0) this.#showArmed()
  }

  // With several on one thread, nobody knows which of them does not come back: none is answered for.
  #showArmed(): void {
    const row = this.#row
    const all = [...this.#armed]
    row.arm(false, false)
    row.set('deadline', Math.max(0, ...all.map(([, { deadline }]) => deadline)))
    const last = all.at(-1)
    if (last === undefined) {
      row.fd = -1
      return
    }
    const [r, { fd, answering }] = last
    row.setText('handler', handlerName(r))
    row.setText('overdue', `${this.#shownLine(r)} from ${r.clientIp}`)
    row.fd = all.length === 1 ? fd : -1
    row.arm(true, answering)
  }

  #shownLine({ head: { bytes, requestLineStart, requestLineEnd } }: Shown): string {
    return bytes.toString('latin1', requestLineStart, requestLineEnd).replace(CREDENTIALS, '//****:****@').slice(0, LINE_SHOWN)
  }

  #show(r: Shown): void {
    const row = this.#row
    const { connection, server } = r
    row.set('startTime', r.requestTime)
    if (connection.clientIp !== this.#client) row.setText('client', this.#client = connection.clientIp)
    if (r.protocol !== this.#protocol) {
      this.#protocol = r.protocol
      row.setText('protocol', r.protocolText)
    }
    if (server !== this.#server || connection.localPort !== this.#port) {
      this.#server = server
      this.#port = connection.localPort
      row.setText('vhost', `${server.get(serverCore).serverName ?? ''}:${this.#port}`)
    }
    this.#showLine(r)
  }

  #showLine({ head: { bytes, requestLineStart, requestLineEnd } }: Shown): void {
    for (let i = requestLineStart; i < requestLineEnd; i++) {
      if (bytes[i] === AT_SIGN) return this.#showMasked(bytes.toString('latin1', requestLineStart, requestLineEnd))
    }
    const from = this.#options.tail ? Math.max(requestLineStart, requestLineEnd - REQUEST_SHOWN) : requestLineStart
    this.#row.setBytes('request', bytes, from, requestLineEnd)
  }

  #showMasked(line: string): void {
    const masked = line.replace(CREDENTIALS, '//****:****@')
    this.#row.setText('request', this.#options.tail ? masked.slice(-REQUEST_SHOWN) : masked)
  }

  #showEnd(r: Shown, of: Counted, now: number): void {
    const row = this.#row
    if (!this.#options.mayBlock) this.#show(r)
    row.set('stopTime', now)
    row.set('lastDuration', now - r.requestTime)
    row.set('connAccesses', of.answered)
    row.set('connBytes', of.bytesAnswered)
  }

  #store(): void {
    const { accesses, bytes, duration } = this.#before
    this.#row.setCounts(accesses + this.#accesses, bytes + this.#bytes, duration + this.#duration, this.#accesses, this.#bytes)
  }
}
