/** One request and its response: what hooks and handlers see, and how the response is put on the wire. */
import type { ConfigVector, Settings } from '../config/settings.ts'
import type { Resolved } from '../config/resolve.ts'
import type { Answer, Status } from '../hook/hook.ts'
import type { FileInfo, HeadersIn, LogLevel, Lookup, Request } from '../hook/types.ts'
import { CHUNK_TAIL, chunkHead, LAST_CHUNK } from '../http/chunked.ts'
import type { RequestHead } from '../http/request_head.ts'
import { closesConnection, isBodyless, statusLine } from '../http/status.ts'
import type { BodyReader } from './body_reader.ts'
import type { Chains } from './chains.ts'
import { dirCore } from './core_settings.ts'
import { NO_FILE, type FileEntry, type OpenFile } from './file_cache.ts'
import { Headers } from './header_table.ts'
import type { HttpConn } from './http_conn.ts'
import { lookUp, redirectInternally } from './pipeline.ts'
import type { Served } from './thread_engine.ts'

/** A body that is longer than this before it is complete is sent in pieces. */
const STREAM_FROM = 64 * 1024

type Part = { readonly bytes: Uint8Array } | { readonly file: OpenFile; readonly offset: number; readonly length: number }

const ADDED: Record<string, (r: RequestRec) => string | undefined> = {}

export class RequestRec implements Request {
  readonly connection: HttpConn
  head: RequestHead
  served: Served
  resolved: Resolved | undefined
  chains: Chains
  uri = ''
  args: string | undefined
  unparsedUri = ''
  hostname: string | undefined
  filename: string | undefined
  pathInfo = ''
  finfo: FileInfo = NO_FILE
  handler: string | undefined
  contentType: string | undefined
  contentEncoding: string | undefined
  contentLanguages: readonly string[] = NO_WORDS
  user: string | undefined
  status = 200
  readonly headersOut = new Headers()
  #errHeadersOut: Headers | undefined
  #notes: Map<string, string> | undefined
  #env: Map<string, string> | undefined
  readonly requestTime = performance.timeOrigin + performance.now()
  prev: RequestRec | undefined
  next: RequestRec | undefined
  /** Set for a look-up made on behalf of another request. */
  main: RequestRec | undefined
  body: BodyReader | undefined
  /** 100 Continue was sent, or is not needed any more. */
  continued = false
  /** It could not be understood: no hooks run for it, and it gets the standard body. */
  refused = false
  /** Where the next request begins is not certain: the connection ends. */
  framingInDoubt = false
  keepAlive = false
  /** A look-up on behalf of this request met something that may block. */
  mustHandOver = false
  /** When its handler must have answered, in ms of performance.now(); 0: no limit. */
  deadline = 0
  /** Its handler was given up: it has been answered. */
  abandoned = false
  /** Method for this request where it is not the client's (an internal redirect goes on with GET). */
  #method: string | undefined
  #parts: Part[] | undefined
  #length = 0
  #committed = false
  #chunked = false
  /** Length that the head states, if any. */
  #stated: number | undefined
  firstByteTime?: number
  #bytesSent = 0
  #headBytes = 0
  logged = false
  /** Its response is complete or given up: the connection may be with the next request, or with another thread. */
  #over = false
  #toldOver = false

  constructor(connection: HttpConn, head: RequestHead, served: Served) {
    this.connection = connection
    this.head = head
    this.served = served
    this.chains = served.chains
  }

  get server() {
    return this.served.server
  }

  get method(): string {
    return this.#method ?? this.head.method()
  }

  set method(name: string) {
    this.#method = name
  }

  get isHead(): boolean {
    return this.head.isHead
  }

  get protocol(): number {
    return this.head.protocol
  }

  get protocolText(): string {
    return this.head.protocolText()
  }

  get requestLine(): string {
    return this.head.requestLine()
  }

  get headersIn(): HeadersIn {
    return this.head
  }

  get errHeadersOut(): Headers {
    return (this.#errHeadersOut ??= new Headers())
  }

  get notes(): Map<string, string> {
    return (this.#notes ??= new Map())
  }

  get env(): Map<string, string> {
    return (this.#env ??= new Map())
  }

  get dirVector(): ConfigVector {
    return this.resolved?.vector ?? this.server.conf.defaults
  }

  dir<T extends object>(settings: Settings<T>): Readonly<T> {
    return this.dirVector.holds(settings)
  }

  get bytesSent(): number {
    return this.#bytesSent
  }

  get wireBytesSent(): number {
    return this.#bytesSent + this.#headBytes
  }

  get hasBody(): boolean {
    return this.body !== undefined && !this.body.done
  }

  get isOverdue(): boolean {
    return this.deadline > 0 && performance.now() >= this.deadline
  }

  /** For a request that goes on after the thread has turned to others; what it was redirected to goes with it. */
  detach(): void {
    if (this.head !== this.connection.engine.head) return
    this.head = this.head.detach()
    for (let at = this.next; at !== undefined; at = at.next) at.head = this.head
  }

  stat(path: string): FileInfo {
    return this.connection.engine.files.look(path)
  }

  log(level: LogLevel, module: string, message: string): void {
    this.connection.engine.log(level, module, message, { server: this.server, connection: this.connection, request: this })
  }

  read(): Promise<Uint8Array | null> {
    if (this.#isOver()) return refused('read the body')
    return this.body === undefined || this.body.done ? Promise.resolve(null) : this.connection.readBody(this)
  }

  internalRedirect(path: string): Answer<Status> {
    return this.#isOver() ? refused('redirect') : redirectInternally(this, path)
  }

  subLookup(path: string): Answer<Lookup> {
    return lookUp(this, path)
  }

  fastRedirect(to: Lookup): void {
    const from = to as RequestRec
    this.uri = from.uri
    this.filename = from.filename
    this.pathInfo = from.pathInfo
    this.finfo = from.finfo
    this.handler = from.handler
    this.contentType = from.contentType
    this.contentEncoding = from.contentEncoding
    this.contentLanguages = from.contentLanguages
    this.resolved = from.resolved
    this.chains = from.chains
    for (const [name, value] of from.headersOut) this.headersOut.set(name, value)
  }

  constructUrl(path: string): string {
    const { serverName, serverPort, serverScheme } = this.served.settings
    const canonical = this.dir(dirCore).useCanonicalName !== 'off'
    const host = (canonical ? serverName : this.hostname) ?? serverName ?? this.connection.localIp
    const asked = this.head.hostPort > 0 ? this.head.hostPort : this.hostname !== undefined ? 80 : this.connection.localPort
    const port = canonical && serverPort > 0 ? serverPort : asked
    const scheme = serverScheme ?? 'http'
    const usual = scheme === 'https' ? 443 : 80
    return `${scheme}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}${port === usual ? '' : `:${port}`}${path}`
  }

  // The response.

  /** From now on nothing is written for it, nor for what was redirected to it. */
  end(): void {
    this.#over = true
    for (let at = this.prev; at !== undefined; at = at.prev) at.#over = true
  }

  // For what a module does when it is too late. Nothing may be thrown: it would end the thread if nobody catches it.
  #isOver(): boolean {
    if (!this.#over && !this.abandoned) return false
    if (!this.#toldOver) {
      this.#toldOver = true
      // The head may be another request's by now, so the line is not one of this request's.
      this.connection.engine.log('warn', 'core',
        `SY00068: a module goes on with a request for ${this.uri} that is ${this.abandoned ? 'given up' : 'complete'}: ignored`,
        { server: this.server, connection: this.connection })
    }
    return true
  }

  write(data: string | Uint8Array): Promise<void> | undefined {
    if (this.#isOver()) return undefined
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    if (bytes.length === 0) return undefined
    ;(this.#parts ??= []).push({ bytes })
    this.#length += bytes.length
    if (!this.#committed && this.#length < STREAM_FROM) return undefined
    if (!this.#committed) this.#commit(undefined)
    this.#sendParts()
    this.connection.pushed()
    return this.connection.room()
  }

  sendFile(path: string, offset: number, length: number): void {
    if (this.#isOver()) return
    const { files } = this.connection.engine
    const file = files.open(files.look(path))
    if (typeof file === 'number') throw new Error(`Cannot open "${path}": errno ${-file}`)
    this.addFile(file, offset, length)
  }

  /** Adds a part of an open file to the body. */
  addFile(file: OpenFile, offset: number, length: number): void {
    if (this.#isOver()) return
    ;(this.#parts ??= []).push({ file: file.hold(), offset, length })
    this.#length += length
  }

  /** The small and the usual case: the whole body in memory already. */
  addBytes(bytes: Uint8Array): void {
    ;(this.#parts ??= []).push({ bytes })
    this.#length += bytes.length
  }

  /** Forgets the body so far, for an error response. False if some of it is on its way. */
  reset(): boolean {
    if (this.#committed) return false
    this.#dropParts()
    this.headersOut.clear()
    this.contentType = this.contentEncoding = undefined
    this.contentLanguages = NO_WORDS
    return true
  }

  /** The response is complete. */
  finish(): void {
    const streamed = this.#committed
    if (!streamed) this.#commit(this.#length)
    this.#sendParts()
    if (streamed && this.#chunked) this.connection.output.text(LAST_CHUNK)
    // Outside of the connection's turn the thread's buffer must not keep anything for later.
    this.connection.pushed()
    this.end()
  }

  /** Ends a response that was begun and cannot be completed: the client must not take it for whole. */
  cutOff(): void {
    this.keepAlive = false
    this.#dropParts()
    this.connection.output.flush()
    this.connection.output.breakOff()
    this.end()
  }

  /** It begins anew on another thread: what this one has done for it is for nobody. */
  forget(): void {
    this.#dropParts()
    this.end()
  }

  get trailersIn(): Pick<HeadersIn, 'get'> | undefined {
    return this.body && { get: (name) => this.body!.trailer(name) }
  }

  sentHeader(name: string): string | undefined {
    const added = ADDED[name.toLowerCase()]
    return added?.(this) ?? this.#errHeadersOut?.get(name) ?? this.headersOut.get(name)
  }

  /** What `#commit` adds to the fields of the tables. */
  static {
    const line = (r: RequestRec, name: string) => new RegExp(`^${name}: (.*)\r$`, 'm').exec(r.#connectionLines())?.[1]
    ADDED['content-type'] = (r) => r.contentType
    ADDED['content-encoding'] = (r) => r.contentEncoding
    ADDED['content-language'] = (r) => r.contentLanguages.length > 0 ? r.contentLanguages.join(', ') : undefined
    ADDED['transfer-encoding'] = (r) => r.#chunked ? 'chunked' : undefined
    ADDED['content-length'] = (r) =>
      r.#stated !== undefined && !r.#chunked && r.#showsLength(r.#stated) ? String(r.#stated) : undefined
    ADDED['connection'] = (r) => line(r, 'Connection')
    ADDED['keep-alive'] = (r) => line(r, 'Keep-Alive')
  }

  get #bodyAllowed(): boolean {
    return !this.isHead && !isBodyless(this.status)
  }

  #commit(length: number | undefined): void {
    this.#committed = true
    this.#stated = length
    if (this.firstByteTime === 0) this.firstByteTime = performance.timeOrigin + performance.now()
    if (this.deadline > 0) this.connection.engine.tally.answering(this)
    this.#decideFraming(length)
    if (this.protocol === 9) return
    const { output, engine } = this.connection
    let head = `HTTP/1.1 ${statusLine(this.status)}\r\n${engine.dateAndServer()}`
    if (this.#errHeadersOut !== undefined) head += this.#errHeadersOut.text()
    head += this.headersOut.text()
    if (this.contentLanguages.length > 0) head += `Content-Language: ${this.contentLanguages.join(', ')}\r\n`
    if (this.contentEncoding !== undefined) head += `Content-Encoding: ${this.contentEncoding}\r\n`
    if (this.#chunked) head += 'Transfer-Encoding: chunked\r\n'
    else if (length !== undefined && this.#showsLength(length)) head += `Content-Length: ${length}\r\n`
    head += this.#connectionLines()
    if (this.contentType !== undefined && !isBodyless(this.status)) head += `Content-Type: ${this.#typeWithCharset()}\r\n`
    head += '\r\n'
    this.#headBytes += head.length
    output.text(head)
  }

  #showsLength(length: number): boolean {
    if (isBodyless(this.status) || this.headersOut.has('Content-Length')) return false
    // As Apache: the length of an error's body is not told to HEAD.
    return !this.isHead || (length > 0 && this.status < 400)
  }

  #decideFraming(length: number | undefined): void {
    const stated = length !== undefined || this.headersOut.has('Content-Length') || !this.#bodyAllowed
    this.#chunked = !stated && this.protocol >= 1001
    const { settings } = this.served
    const { connection, head } = this
    this.keepAlive = (stated || this.#chunked) && settings.keepAlive && settings.keepAliveTimeout > 0 &&
      !connection.engine.finishing &&
      !this.framingInDoubt && head.wantsKeepAlive() && this.protocol >= 1000 && !closesConnection(this.status) &&
      (settings.maxKeepAliveRequests === 0 || connection.keepalives <= settings.maxKeepAliveRequests) &&
      !(this.hasBody && head.expectContinue && !this.continued)
  }

  #connectionLines(): string {
    if (!this.keepAlive) return 'Connection: close\r\n'
    if (!this.head.connectionKeepAlive) return ''
    const { keepAliveTimeout, maxKeepAliveRequests } = this.served.settings
    const left = maxKeepAliveRequests === 0 ? '' : `, max=${maxKeepAliveRequests - this.connection.keepalives + 1}`
    return `Keep-Alive: timeout=${Math.floor(keepAliveTimeout / 1000)}${left}\r\nConnection: Keep-Alive\r\n`
  }

  #typeWithCharset(): string {
    const type = this.contentType!
    const charset = this.dir(dirCore).addDefaultCharset
    return charset !== undefined && /^text\/(plain|html)$/i.test(type) ? `${type}; charset=${charset}` : type
  }

  #sendParts(): void {
    const parts = this.#parts
    this.#parts = undefined
    if (parts === undefined) return
    const sends = this.#bodyAllowed
    for (const part of parts) {
      if (sends) this.#sendPart(part)
      if ('file' in part) part.file.release()
    }
  }

  #sendPart(part: Part): void {
    const { output } = this.connection
    const length = 'file' in part ? part.length : part.bytes.length
    if (this.#chunked) output.text(chunkHead(length))
    if ('bytes' in part) output.bytes(part.bytes)
    else output.file(part.file, part.offset, length, !this.dir(dirCore).enableSendfile)
    if (this.#chunked) output.text(CHUNK_TAIL)
    this.#bytesSent += length
  }

  #dropParts(): void {
    for (const part of this.#parts ?? []) if ('file' in part) part.file.release()
    this.#parts = undefined
    this.#length = 0
  }
}

function refused(what: string): Promise<never> {
  const answer = Promise.reject<never>(new Error(`Cannot ${what}: the request is over`))
  answer.catch(ignore)
  return answer
}

const ignore = (): void => undefined

const NO_WORDS: readonly string[] = Object.freeze([])

/** The file that a request was mapped to. */
export const entryOf = (r: RequestRec): FileEntry | undefined =>
  r.finfo.type === 'none' ? undefined : (r.finfo as FileEntry)
