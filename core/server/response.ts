/**
 * A response on its way to the client: what has been written of it, through
 * which filters it goes, how its length is told, and when it leaves.
 *
 *   write, sendFile ──► [filters] ──► parts ──► head and parts into the outlet
 *
 * Nothing leaves before the response is complete or has grown large, so that
 * status and headers may be changed, or an error take its place, until then.
 */
import { timeOfDay } from '../base/clock.ts'
import { httpDate } from '../base/dates.ts'
import { after, OK, type Answer, type Status } from '../hook/hook.ts'
import { inserted, isQuick, type Data, type OutputFilter, type Sink, type Wait } from '../hook/filter.ts'
import type { Request } from '../hook/types.ts'
import { CHUNK_TAIL, chunkHead, LAST_CHUNK } from '../http/chunked.ts'
import { HEADER } from '../http/known_headers.ts'
import { closesConnection, isBodyless, statusLine } from '../http/status.ts'
import { cutRanges, withCharset } from './byteranges.ts'
import type { OpenFile } from './file_cache.ts'
import { FileRange, isRange, OutputChain } from './filter_chain.ts'
import { TOKEN, type Headers } from './header_table.ts'
import { CLOSE, isSoundType, isUsual, plainLines, valueOf, type Own } from './head_lines.ts'
import { NO_WORDS, ResponseFields } from './response_fields.ts'
import { saysClose, settle, settledOf, type Quirks } from './settled_fields.ts'

/** A body of which more than this is in memory before it is complete is sent in pieces. */
const STREAM_FROM = 64 * 1024
/** Filters that work for a client who takes everything at once let others have their turn after so many bytes. */
const FAIR_SHARE = 1024 * 1024
/** To learn the length of a filtered body that HEAD asks for, so much of it is made. */
const HEAD_SHARE = 1024 * 1024

/** What RequestRec is to its client. */
export abstract class Response extends ResponseFields {
  #parts: Data[] | undefined
  #length = 0
  /** Bytes of it in memory, sent or not. */
  #inMemory = 0
  #chain: OutputChain | undefined
  /** The body of a subrequest goes there, and it has no head. */
  #into: Sink | undefined
  #committed = false
  #chunked = false
  /** Length that the head states, if any. */
  #stated: number | undefined
  /** Its fields, where modules have set some that the core has its own word on. */
  #settled: Headers | undefined
  firstByteTime?: number
  #bytesSent = 0
  #headBytes = 0

  /** As the request: what modules see. */
  protected abstract get self(): Request
  abstract get hasBody(): boolean
  /** Its response is complete or given up. */
  protected abstract isOver(): boolean
  protected abstract get charset(): string | undefined
  protected abstract get sendsByKernel(): boolean
  /** What environment variables ask of it. */
  protected abstract get quirks(): Quirks | undefined
  /** Something of the answer is about to leave. */
  protected abstract answering(): void
  /** From now on nothing is written for it. */
  abstract conclude(): void

  get isHead(): boolean {
    return this.head.isHead
  }

  get bytesSent(): number {
    return this.#bytesSent
  }

  get wireBytesSent(): number {
    return this.#bytesSent + this.#headBytes
  }

  // Filters.

  addOutputFilter(filter: string | OutputFilter): void {
    const { engine } = this.connection
    const found = typeof filter === 'string' ? engine.filters.output(filter) : filter
    if (found === undefined) {
      this.self.log('error', 'core', `AH00082: an unknown filter was not added: ${filter as string}`)
    } else if (this.#committed || this.#chain?.begun === true) {
      this.self.log('error', 'core', `SY00096: filter ${found.name} was not added: the response has begun`)
    } else {
      if (!engine.mayBlock && !isQuick(found, this.self)) this.mustHandOver = true
      found.setup?.(this.self)
      if (this.#chain === undefined) this.#chain = this.#chainOf([found])
      else this.#chain.insert(found)
    }
  }

  /** Those in front of a body that has not begun, in their order: who sets them says which take part. */
  get outputFilters(): readonly OutputFilter[] {
    return this.#chain?.filters ?? NO_FILTERS
  }

  set outputFilters(filters: readonly OutputFilter[]) {
    this.#chain?.cancel()
    this.#chain = filters.length === 0 && this.#into === undefined ? undefined : this.#chainOf(filters)
  }

  findOutputFilter(name: string): OutputFilter | undefined {
    return this.connection.engine.filters.output(name)
  }

  /** The filters of another request are its own, too (what a look-up found takes its place). */
  protected takeFilters(from: Response): void {
    this.outputFilters = this.outputFilters.filter((filter) => !from.outputFilters.includes(filter))
      .reduce<readonly OutputFilter[]>(inserted, from.outputFilters)
    if (from.mustHandOver) this.mustHandOver = true
  }

  /** Its body goes into another's: a subrequest that is run. */
  divert(into: Sink): void {
    this.#into = into
    this.#chain ??= this.#chainOf(NO_FILTERS)
  }

  /** Where its body goes, if it is a subrequest. */
  get into(): Sink | undefined {
    return this.#into
  }

  /** Something of it is on its way. */
  get begun(): boolean {
    return this.#committed
  }

  // The body.

  write(data: string | Data): Wait {
    if (this.isOver()) return undefined
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    if (bytes.length === 0) return undefined
    this.#add(bytes)
    return this.#goOn()
  }

  /** Its own body, for another to write into. */
  get sink(): Sink {
    return { write: (data) => this.write(data), flush: () => this.flush(), end: () => undefined }
  }

  #goOn(): Wait {
    const chain = this.#chain
    if (chain !== undefined) return chain.begun || chain.pendingBytes >= STREAM_FROM ? chain.pump() : undefined
    return this.#sendWhenLarge()
  }

  #sendWhenLarge(): Wait {
    return this.#committed || this.#inMemory >= STREAM_FROM ? this.#send() : undefined
  }

  sendFile(path: string, offset: number, length: number): void {
    if (this.isOver()) return
    const { files } = this.connection.engine
    const file = files.open(files.look(path))
    if (typeof file === 'number') throw new Error(`Cannot open "${path}": errno ${-file}`)
    this.addFile(file, offset, length)
  }

  /** Sends what there is now, although more will follow. */
  flush(): Wait {
    if (this.isOver()) return undefined
    return this.#chain === undefined ? this.#send() : this.#chain.flush()
  }

  /** Adds a part of an open file to the body. */
  addFile(file: OpenFile, offset: number, length: number): void {
    if (!this.isOver()) this.#add(new FileRange(this.connection.engine.port, file, offset, length))
  }

  /** The small and the usual case: the whole body in memory already. */
  addBytes(bytes: Uint8Array): void {
    this.#add(bytes)
  }

  /**
   * Forgets the body so far, for an error response. False if some of it is on its way.
   * @param keepsFilters those of the protocol stay, the others have no say in what the server makes itself
   */
  reset(keepsFilters: boolean): boolean {
    if (this.#committed) return false
    const lasting = keepsFilters ? this.#chain?.lasting ?? NO_FILTERS : NO_FILTERS
    this.drop()
    if (lasting.length > 0) this.#chain = this.#chainOf(lasting)
    this.headersOut.clear()
    this.contentType = this.contentEncoding = this.statusText = undefined
    this.contentLanguages = NO_WORDS
    return true
  }

  /** The response is complete. OK, or a status that is to be sent instead. */
  finish(): Answer<Status> {
    if (this.#chain === undefined) return this.#complete()
    return after(this.#chain.finish(), () => this.#complete())
  }

  /** Ends a response that was begun and cannot be completed: the client must not take it for whole. */
  cutOff(): void {
    this.keepAlive = false
    this.drop()
    this.connection.output.flush()
    this.connection.output.breakOff()
    this.conclude()
  }

  /** It begins anew on another thread: what this one has done for it is for nobody. */
  forget(): void {
    this.drop()
    this.conclude()
  }

  #add(data: Data): void {
    if (this.#chain !== undefined) return this.#chain.add(data)
    this.#keep(data)
  }

  #keep(data: Data): void {
    if (isRange(data)) data.file.hold()
    else this.#inMemory += data.length
    ;(this.#parts ??= []).push(data)
    this.#length += data.length
  }

  #chainOf(filters: readonly OutputFilter[]): OutputChain {
    return new OutputChain(this.self, filters, (chain) => this.#bottomOf(chain))
  }

  // Where the last filter of a chain writes to: nowhere, once the chain is not this response's any more.
  #bottomOf(chain: OutputChain): Sink {
    let sinceOthers = 0
    const share = (data: Data, wait: Wait): Wait => {
      sinceOthers = wait === undefined ? sinceOthers + data.length : 0
      if (sinceOthers < FAIR_SHARE) return wait
      sinceOthers = 0
      return new Promise((resolve) => void setImmediate(resolve))
    }
    return {
      write: (data) => chain.cancelled ? undefined : share(data, this.#emit(data, chain)),
      flush: () => chain.cancelled ? undefined : this.#into === undefined ? this.#send() : this.#into.flush(),
      end: () => undefined,
    }
  }

  #emit(data: Data, chain: OutputChain): Wait {
    const wait = this.#into !== undefined ? this.#into.write(data) : this.isHead ? this.#count(data, chain) : this.#stream(data)
    // The client is gone: nothing more is made for it.
    if (this.connection.output.broken) chain.cancel()
    return wait
  }

  #stream(data: Data): Wait {
    this.#keep(data)
    return this.#sendWhenLarge()
  }

  // To HEAD only the length is told, and only if it takes no long work to learn it.
  #count(data: Data, chain: OutputChain): Wait {
    this.#length += data.length
    if (this.#length <= HEAD_SHARE) return undefined
    chain.cancel()
    return this.#send()
  }

  /** Apache's check_headers: nothing leaves with a field that would end before its end. */
  #refusesHeaders(): boolean {
    const table = this.headersOut.bad !== undefined ? this.headersOut : this.errHeaders?.bad !== undefined ? this.errHeaders : undefined
    const bad = table?.bad ?? (isSoundType(this.contentType) ? undefined : 'Content-Type')
    if (bad === undefined) return false
    this.self.log('error', 'http', TOKEN.test(bad)
      ? `AH02430: Response header '${bad}' value of '${table?.get(bad) ?? this.contentType ?? ''}' contains invalid characters, aborting request`
      : `AH02429: Response header name '${bad}' contains invalid characters, aborting request`)
    this.headersOut.clear()
    this.errHeaders?.clear()
    this.contentType = undefined
    return true
  }

  #send(): Wait {
    if (!this.#committed) {
      if (this.#refusesHeaders()) throw new Error('Cannot send a response with control characters in its headers')
      this.#commit(undefined)
    }
    this.#sendParts()
    this.connection.pushed()
    return this.connection.room()
  }

  #complete(): Status {
    this.#chain?.close()
    if (this.#into !== undefined) return OK
    const streamed = this.#committed
    if (!streamed) {
      if (this.#refusesHeaders()) return 500
      if (this.status === 200 && this.#parts !== undefined && this.head.has(HEADER.RANGE)) {
        const cut = cutRanges(this.self, this.head, this.#parts, this.#length)
        if (cut === 416) return 416
        if (cut !== undefined) this.#replaceParts(cut)
      }
      this.#commit(this.#length)
    }
    this.#sendParts()
    if (streamed && this.#chunked) this.connection.output.text(LAST_CHUNK)
    // Outside of the connection's turn the thread's buffer must not keep anything for later.
    this.connection.pushed()
    this.conclude()
    return OK
  }

  #replaceParts(parts: readonly Data[]): void {
    const before = this.#parts
    this.#parts = undefined
    this.#length = 0
    for (const part of parts) this.#keep(part)
    for (const part of before ?? []) if (isRange(part)) part.file.release()
  }

  sentHeader(name: string): string | undefined {
    if (this.#settled !== undefined) return this.#settled.get(name)
    return valueOf(this.#own(this.#stated), name.toLowerCase()) ?? this.errHeaders?.get(name) ?? this.headersOut.get(name)
  }

  get #bodyAllowed(): boolean {
    return !this.isHead && !isBodyless(this.status)
  }

  #commit(length: number | undefined): void {
    this.#committed = true
    this.#stated = length
    if (this.firstByteTime === 0) this.firstByteTime = timeOfDay()
    if (this.deadline > 0) this.answering()
    const { quirks } = this
    this.#decideFraming(length, quirks)
    if (this.head.protocol === 9) return
    const { output, engine } = this.connection
    if (quirks === undefined && !this.noCache && this.statusText === undefined) {
      const opening = engine.opening(this.status)
      output.bytes(opening)
      this.#headBytes += opening.length + (this.#isUnsettled ? this.#putSettled(length) : this.#putTail(length))
      return
    }
    const version = quirks !== undefined && this.#speaks10(quirks) ? 0 : 1
    const own = this.#own(length)
    if (this.#isUnsettled || quirks?.withoutVary === true) this.#settled = settle(this.#tables(), own, quirks?.withoutVary === true)
    const lines = this.#settled?.text() ?? plainLines(this.#tables(), own)
    const expires = this.noCache && !this.headersOut.has('Expires') ? `Expires: ${httpDate(Date.now())}\r\n` : ''
    const status = this.statusText === undefined ? statusLine(this.status) : `${this.status} ${this.statusText}`
    const head = `HTTP/1.${version} ${status}\r\n${engine.dateAndServer()}${lines}${expires}\r\n`
    this.#headBytes += head.length
    output.text(head)
  }

  /** The rest of the head, put together. @returns its bytes */
  #putSettled(length: number | undefined): number {
    const { headers, bytes } = settledOf(this.#tables(), this.#own(length), false)
    this.#settled = headers
    this.connection.output.bytes(bytes)
    return bytes.length
  }

  /** The rest of the head. @returns its bytes */
  #putTail(length: number | undefined): number {
    const { output } = this.connection
    const { block } = this.headersOut
    const connection = this.#connectionLines()
    if (block === undefined || !isUsual(connection) || this.errHeaders !== undefined || this.#chunked ||
      this.contentEncoding !== undefined || this.contentLanguages.length > 0) {
      const lines = `${plainLines(this.#tables(), this.#own(length))}\r\n`
      output.text(lines)
      return lines.length
    }
    const shown = this.#shownLength(length)
    const type = this.#shownType()
    let { tail } = block
    if (tail === undefined || tail.connection !== connection || tail.length !== shown || tail.type !== type) {
      const bytes = Buffer.from(`${plainLines(this.#tables(), this.#own(length))}\r\n`, 'latin1')
      block.tail = tail = { connection, length: shown, type, bytes }
    }
    output.bytes(tail.bytes)
    return tail.bytes.length
  }

  #own(length: number | undefined): Own {
    const coded = this.status !== 304
    return {
      connection: this.#connectionLines(), chunked: this.#chunked, length: this.#shownLength(length), contentType: this.#shownType(),
      contentEncoding: coded ? this.contentEncoding : undefined, contentLanguages: coded ? this.contentLanguages : NO_WORDS,
    }
  }

  #shownLength(length: number | undefined): number | undefined {
    return !this.#chunked && length !== undefined && this.#showsLength(length) ? length : undefined
  }

  #shownType(): string | undefined {
    return this.contentType === undefined || isBodyless(this.status) ? undefined : withCharset(this.contentType, this.charset)
  }

  get #isUnsettled(): boolean {
    return this.headersOut.unsettled || this.errHeaders?.unsettled === true
  }

  // Those for all statuses first.
  #tables(): readonly Headers[] {
    return this.errHeaders === undefined ? [this.headersOut] : [this.errHeaders, this.headersOut]
  }

  #showsLength(length: number): boolean {
    if (isBodyless(this.status) || this.headersOut.has('Content-Length')) return false
    // As Apache: the length of an error's body is not told to HEAD.
    return !this.isHead || (length > 0 && this.status < 400)
  }

  #decideFraming(length: number | undefined, quirks: Quirks | undefined): void {
    const stated = length !== undefined || this.headersOut.has('Content-Length') || !this.#bodyAllowed
    const { settings } = this.served
    const { connection, head } = this
    const speaks11 = head.protocol >= 1001 && quirks?.downgrades !== true
    this.#chunked = !stated && speaks11
    this.keepAlive = (stated || this.#chunked) && settings.keepAlive && settings.keepAliveTimeout > 0 &&
      !connection.engine.finishing &&
      !this.framingInDoubt && head.wantsKeepAlive() && head.protocol >= 1000 && !closesConnection(this.status) &&
      (settings.maxKeepAliveRequests === 0 || connection.keepalives <= settings.maxKeepAliveRequests) &&
      !(this.hasBody && head.expectContinue && !this.continued)
    if (quirks !== undefined && this.#closesFor(quirks)) this.keepAlive = false
    if (this.keepAlive && this.#isUnsettled && saysClose(this.#tables())) this.keepAlive = false
  }

  #speaks10({ downgrades, answers10 }: Quirks): boolean {
    return answers10 && (downgrades || this.head.protocol === 1000)
  }

  #closesFor(quirks: Quirks): boolean {
    return this.#speaks10(quirks) || (quirks.downgrades && !this.head.connectionKeepAlive) ||
      (quirks.closes && !this.head.has(HEADER.VIA))
  }

  #connectionLines(): string {
    if (!this.keepAlive) return CLOSE
    if (!this.head.connectionKeepAlive) return ''
    const { keepAliveTimeout, maxKeepAliveRequests } = this.served.settings
    const left = maxKeepAliveRequests === 0 ? '' : `, max=${maxKeepAliveRequests - this.connection.keepalives + 1}`
    return `Keep-Alive: timeout=${Math.floor(keepAliveTimeout / 1000)}${left}\r\nConnection: Keep-Alive\r\n`
  }

  #sendParts(): void {
    const parts = this.#parts
    this.#parts = undefined
    if (parts === undefined) return
    const sends = this.#bodyAllowed
    for (const part of parts) {
      if (sends) this.#sendPart(part)
      if (isRange(part)) part.file.release()
    }
  }

  #sendPart(part: Data): void {
    const { output } = this.connection
    if (this.#chunked) output.text(chunkHead(part.length))
    if (isRange(part)) output.file(part.file, part.offset, part.length, !this.sendsByKernel)
    else if (part instanceof Uint8Array) output.bytes(part)
    if (this.#chunked) output.text(CHUNK_TAIL)
    this.#bytesSent += part.length
  }

  /** Forgets the body and frees what it holds. */
  drop(): void {
    this.#chain?.cancel()
    this.#chain = undefined
    for (const part of this.#parts ?? []) if (isRange(part)) part.file.release()
    this.#parts = undefined
    this.#length = this.#inMemory = 0
  }
}

const NO_FILTERS: readonly OutputFilter[] = Object.freeze([])
