/** What a response says of itself, before it is put into a head: plain fields, for the core and modules to set. */
import type { RequestHead } from '../http/request_head.ts'
import { Headers } from './header_table.ts'
import type { HttpConn } from './http_conn.ts'
import type { Served } from './thread_engine.ts'

export const NO_WORDS: readonly string[] = Object.freeze([])

export abstract class ResponseFields {
  readonly connection: HttpConn
  head: RequestHead
  served: Served
  status = 200
  contentType: string | undefined
  contentEncoding: string | undefined
  contentLanguages: readonly string[] = NO_WORDS
  readonly headersOut = new Headers()
  keepAlive = false
  noCache = false
  noLocalCopy = false
  noETag = false
  statusText: string | undefined
  /** Where the next request begins is not certain: the connection ends. */
  framingInDoubt = false
  /** When its handler must have answered, in ms of performance.now(); 0: no limit. */
  deadline = 0
  /** This request moves to a thread that may block before its handler runs. */
  mustHandOver = false
  /** 100 Continue was sent, or is not needed any more. */
  continued = false
  protected errHeaders: Headers | undefined

  constructor(connection: HttpConn, head: RequestHead, served: Served) {
    this.connection = connection
    this.head = head
    this.served = served
  }

  get errHeadersOut(): Headers {
    return (this.errHeaders ??= new Headers())
  }

  /** The headers of another one that are kept on errors: they take the place of its own. */
  takeErrHeaders({ errHeadersOut }: ResponseFields): void {
    for (const [name] of errHeadersOut) this.errHeadersOut.unset(name)
    for (const [name, value] of errHeadersOut) this.errHeadersOut.add(name, value)
  }

  /** There may be such headers. */
  get hasErrHeaders(): boolean {
    return this.errHeaders !== undefined
  }
}
