/** One request: what hooks and handlers see of it. Its response is in response.ts. */
import { threadTime } from '../base/clock.ts'
import { parseHttpDate } from '../base/dates.ts'
import type { ConfigVector, Settings } from '../config/settings.ts'
import type { Resolved } from '../config/resolve.ts'
import { inserted, type FilePart, type InputFilter, type Sink, type Source } from '../hook/filter.ts'
import { OK, type Answer, type Status } from '../hook/hook.ts'
import type { Ending, FileInfo, HeadersIn, HeaderTable, LogLevel, Lookup, Request } from '../hook/types.ts'
import { evaluate } from '../http/conditional.ts'
import { methodNumber } from '../http/methods.ts'
import type { RequestHead } from '../http/request_head.ts'
import type { BodyReader } from './body_reader.ts'
import type { Chains } from './chains.ts'
import { dirCore } from './core_settings.ts'
import { NO_FILE, OpenFile, type FileEntry } from './file_cache.ts'
import { FileRange, filtered } from './filter_chain.ts'
import { Headers, trailersOf } from './header_table.ts'
import type { HttpConn } from './http_conn.ts'
import type { Located } from './located.ts'
import { errnoOf } from './notes.ts'
import { lookUp, lookUpFile, lookUpUri, redirectInternally, redirectToUri, runSubrequest } from './pipeline.ts'
import { Response } from './response.ts'
import { selfUrl } from './self_url.ts'
import { quirksOf, type Quirks } from './settled_fields.ts'
import type { Served } from './thread_engine.ts'

export class RequestRec extends Response implements Request {
  resolved: Resolved | undefined
  /** What is remembered of its target. */
  located: Located | undefined
  chains: Chains
  uri = ''
  args: string | undefined
  unparsedUri = ''
  hostname: string | undefined
  /** The port asked for: of an absolute target, else of the Host header; -1 when it names none. */
  askedPort = -1
  filename: string | undefined
  pathInfo = ''
  finfo: FileInfo = NO_FILE
  handler: string | undefined
  user: string | undefined
  authType: string | undefined
  /** What access was judged to, a directory with its slash; undefined: not yet. */
  judgedFile: string | undefined
  /** The user has proved to be that. */
  isProven = false
  context: Request['context']
  unknownParts: readonly string[] | undefined
  variantListTag: string | undefined
  #notes: Map<string, string> | undefined
  /** Whom a proxy speaks for. */
  #client: { readonly ip: string; readonly port: number } | undefined
  #env: Map<string, string> | undefined
  readonly requestTime: number
  prev: RequestRec | undefined
  next: RequestRec | undefined
  /** Set for a look-up made on behalf of another request. */
  main: RequestRec | undefined
  body: BodyReader | undefined
  /** It gets the standard body, whatever ErrorDocument says. */
  refused = false
  /** Its handler was given up: it has been answered. */
  abandoned = false
  /** Method for this request where it is not the client's (an internal redirect goes on with GET). */
  #method: string | undefined
  /** Made on its behalf, with its head. */
  #subs: Set<RequestRec> | undefined
  #inputFilters: readonly InputFilter[] | undefined
  #source: Source | undefined
  /** Files of which there are parts: held until it is over. */
  #heldFiles: OpenFile[] | undefined
  logged = false
  /** Its response is complete or given up: the connection may be with the next request, or with another thread. */
  #over = false
  #toldOver = false
  #endings: Ending[] | undefined

  constructor(connection: HttpConn, head: RequestHead, served: Served) {
    super(connection, head, served)
    this.chains = served.chains
    this.requestTime = connection.engine.requestBegins()
  }

  get server() {
    return this.served.server
  }

  get clientIp(): string {
    return this.#client?.ip ?? this.connection.clientIp
  }

  set clientIp(ip: string) {
    this.#client = { ip, port: this.clientPort }
  }

  get clientPort(): number {
    return this.#client?.port ?? this.connection.clientPort
  }

  set clientPort(port: number) {
    this.#client = { ip: this.clientIp, port }
  }

  /** What follows it is for the same client. */
  takeClient(from: RequestRec): void {
    this.#client = from.#client
  }

  get method(): string {
    return this.#method ?? this.head.method()
  }

  set method(name: string) {
    this.#method = name
  }

  get methodNumber(): number {
    return this.#method === undefined ? this.head.methodNumber : methodNumber(this.#method)
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

  editHeadersIn(): HeaderTable {
    if (this.main !== undefined && this.head === this.main.head) this.head = this.head.detach()
    return this.head.edit()
  }

  /** Fields behind a chunked body, once it has been read; with MergeTrailers they are among headersIn as well. */
  get trailersIn(): HeaderTable {
    return this.body === undefined || this.body.trailers === '' ? NO_HEADERS : trailersOf(this.body.trailers)
  }

  get notes(): Map<string, string> {
    return (this.#notes ??= new Map())
  }

  /** HTML that a module has for the page of an error: Apache's `error-notes`. */
  get errorNotes(): string {
    return this.#notes?.get('error-notes') ?? ''
  }

  /** HTML that names the variants of what was asked for: Apache's `variant-list`. */
  get variantList(): string {
    return this.#notes?.get('variant-list') ?? ''
  }

  get env(): Map<string, string> {
    return (this.#env ??= new Map())
  }

  /** Without making one. */
  get hasEnv(): boolean {
    return this.#env !== undefined
  }

  get dirVector(): ConfigVector {
    return this.resolved?.vector ?? this.server.conf.defaults
  }

  dir<T extends object>(settings: Settings<T>): Readonly<T> {
    return this.dirVector.holds(settings)
  }

  get mayBlock(): boolean {
    return this.connection.engine.mayBlock
  }

  get hasBody(): boolean {
    return this.body !== undefined && !this.body.done
  }

  get isOverdue(): boolean {
    return this.deadline > 0 && threadTime() >= this.deadline
  }

  /** For a request that goes on after the thread has turned to others; what led to it and what came of it go with it. */
  detach(): void {
    if (this.head !== this.connection.engine.head) return
    let first: RequestRec | undefined = this.prev
    while (first?.prev !== undefined) first = first.prev
    const head = this.head.detach()
    if (first === undefined) this.#shareHead(head)
    else first.#shareHead(head)
  }

  // Those that have changed their headers have a head of their own.
  #shareHead(head: RequestHead): void {
    const before = this.head
    this.head = head
    for (const sub of this.#subs ?? []) if (sub.head === before) sub.#shareHead(head)
    if (this.next?.head === before) this.next.#shareHead(head)
  }

  stat(path: string): FileInfo {
    return this.connection.engine.files.look(path)
  }

  log(level: LogLevel, module: string, message: string, cause?: unknown): void {
    const about = { server: this.server, connection: this.connection, request: this }
    const errno = cause === undefined ? 0 : errnoOf(cause)
    this.connection.engine.log(level, module, message, errno === 0 ? about : { ...about, errno })
  }

  read(): Promise<Uint8Array | null> {
    if (this.isOver()) return refused('read the body')
    if (this.#inputFilters === undefined) return this.#received()
    const piece = this.#readFiltered(this.#inputFilters)
    // It is no fault not to wait for it; and one that nobody catches would end the thread.
    piece.catch(ignore)
    return piece
  }

  async #readFiltered(filters: readonly InputFilter[]): Promise<Uint8Array | null> {
    this.#source ??= filtered(this, filters, { read: () => this.#received() })
    return await this.#source.read()
  }

  putBody(bytes: Uint8Array): void {
    let rest: Uint8Array | null = bytes.length === 0 ? null : bytes
    this.#inputFilters ??= []
    this.#source = {
      read: () => {
        const piece = rest
        rest = null
        return Promise.resolve(piece)
      },
    }
  }

  #received(): Promise<Uint8Array | null> {
    // A filter may have begun to read before.
    if (this.#over || this.abandoned) return refused('read the body')
    return this.body === undefined || this.body.done ? Promise.resolve(null) : this.connection.readBody(this)
  }

  addInputFilter(filter: string | InputFilter): void {
    const found = typeof filter === 'string' ? this.connection.engine.filters.input(filter) : filter
    if (found === undefined) this.log('error', 'core', `AH00082: an unknown filter was not added: ${filter as string}`)
    else this.#inputFilters = inserted(this.#inputFilters ?? [], found)
  }

  internalRedirect(path: string): Answer<Status> {
    if (this.isOver()) return refused('redirect')
    if (this.begun) throw new Error(`Cannot redirect to ${path}: the response has begun`)
    this.drop()
    return redirectInternally(this, path)
  }

  internalRedirectUri(uri: string): Answer<Status> {
    if (this.isOver()) return refused('redirect')
    if (this.begun) throw new Error(`Cannot redirect to ${uri}: the response has begun`)
    this.drop()
    return redirectToUri(this, uri)
  }

  get asRequest(): Request {
    return this
  }

  subLookup(path: string, args = this.args, method?: string): Answer<Lookup> {
    return lookUp(this, path, args, method)
  }

  subLookupUri(uri: string): Answer<Lookup> {
    return lookUpUri(this, uri)
  }

  subLookupFile(path: string, inherits = false): Answer<Lookup> {
    return lookUpFile(this, path, inherits)
  }

  /** A look-up on its behalf: what becomes of its head becomes of that one's. */
  adopt(sub: RequestRec): void {
    ;(this.#subs ??= new Set()).add(sub)
  }

  forgetLookup(found: Lookup): void {
    const sub = found as RequestRec
    this.#subs?.delete(sub)
    sub.forget()
  }

  runSubrequest(found: Lookup, into: Sink = this.sink): Answer<Status> {
    return runSubrequest(found as RequestRec, into)
  }

  fastRedirect(to: Lookup): void {
    const from = to as RequestRec
    this.uri = from.uri
    this.args = from.args
    this.context = from.context
    if (from.hasEnv) for (const [name, value] of from.env) this.env.set(name, value)
    this.filename = from.filename
    this.pathInfo = from.pathInfo
    this.finfo = from.finfo
    this.handler = from.handler
    this.contentType = from.contentType
    this.contentEncoding = from.contentEncoding
    this.contentLanguages = from.contentLanguages
    this.resolved = from.resolved
    this.chains = from.chains
    const vary = this.headersOut.get('Vary')
    for (const [name, value] of from.headersOut) this.headersOut.set(name, value)
    // The answer depends on what decided about the one as well as on what did about the other.
    if (vary !== undefined && this.headersOut.get('Vary') !== vary) this.headersOut.add('Vary', vary)
    if (from.hasErrHeaders) this.takeErrHeaders(from)
    if (from.noCache) this.noCache = true
    if (from.noLocalCopy) this.noLocalCopy = true
    if (from.noETag) this.noETag = true
    this.takeFilters(from)
    this.#inputFilters = from.#inputFilters
  }

  filePart(path: string, offset: number, length: number): FilePart {
    const { port } = this.connection.engine
    const fd = port.files.open(path)
    if (fd < 0) throw new Error(`Cannot open "${path}": errno ${-fd}`)
    const file = new OpenFile(fd, (old) => port.files.close(old))
    ;(this.#heldFiles ??= []).push(file)
    return new FileRange(port, file, offset, length)
  }

  meetsConditions(): Status {
    const { headersOut, methodNumber, status } = this
    const lastModified = headersOut.get('Last-Modified')
    const mtimeMs = lastModified === undefined ? undefined : parseHttpDate(lastModified)
    const verdict = evaluate({ methodNumber, status, etag: headersOut.get('ETag'), mtimeMs, nowMs: this.requestTime }, this.head)
    return verdict === 'go' ? OK : verdict
  }

  constructUrl(path: string): string {
    return selfUrl(this, path)
  }

  onEnd(ending: Ending): void {
    const outer = this.prev ?? this.main
    if (outer !== undefined) outer.onEnd(ending)
    else (this.#endings ??= []).push(ending)
  }

  /** Tells those who wait for its end, once. */
  end(anew: boolean): void {
    const endings = this.#endings
    if (endings === undefined) return
    this.#endings = undefined
    for (const ending of endings) ending.over(anew)
  }

  override forget(): void {
    super.forget()
    this.end(true)
  }

  // The response.

  /** From now on nothing is written for it, nor for what was redirected to it. */
  conclude(): void {
    this.#end()
    for (let at = this.prev; at !== undefined; at = at.prev) at.#end()
  }

  #end(): void {
    this.#over = true
    if (this.#heldFiles === undefined) return
    for (const file of this.#heldFiles) file.release()
    this.#heldFiles = undefined
  }

  // For what a module does when it is too late. Nothing may be thrown: it would end the thread if nobody catches it.
  protected isOver(): boolean {
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

  protected get self(): Request {
    return this
  }

  protected get charset(): string | undefined {
    return this.dir(dirCore).addDefaultCharset
  }

  protected get sendsByKernel(): boolean {
    return this.dir(dirCore).enableSendfile
  }

  protected get quirks(): Quirks | undefined {
    return this.#env === undefined ? undefined : quirksOf(this.#env)
  }

  protected answering(): void {
    this.connection.engine.tally.answering(this)
  }
}

function refused(what: string): Promise<never> {
  const answer = Promise.reject<never>(new Error(`Cannot ${what}: the request is over`))
  answer.catch(ignore)
  return answer
}

const ignore = (): void => undefined

const NO_HEADERS: HeaderTable = new Headers()

/** The file that a request was mapped to. */
export const entryOf = (r: RequestRec): FileEntry | undefined =>
  r.finfo.type === 'none' ? undefined : (r.finfo as FileEntry)
