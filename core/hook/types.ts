/**
 * What modules see of a connection and of a request. The classes behind these
 * are core/server's; modules and MPMs know only the interfaces.
 */
import type { ConfigVector, Settings } from '../config/settings.ts'
import type { ServerConf } from '../config/server_conf.ts'
import type { Data, FilePart, InputFilter, OutputFilter, Sink, Wait } from './filter.ts'
import type { Answer, Status } from './hook.ts'

/** A server that is being served: its configuration, complete and merged. */
export interface Server {
  readonly conf: ServerConf
  readonly virtual: boolean
  /** What holds for the server: `server.get(mySettings)`. */
  get<T extends object>(settings: Settings<T>): Readonly<T>
  /** The main server and all virtual hosts, main first. */
  readonly all: readonly Server[]
  readonly main: Server
  log(level: LogLevel, module: string, message: string): void
}

/** The time that a part of a request may take to come, in ms. */
export interface ReadLimit {
  readonly timeout: number
  /** Each of so many bytes a second gives it another second … */
  readonly rate: number
  /** … up to this in all; 0: no limit. `rate` 0: there is no more time than `timeout`. */
  readonly most: number
}

/** Undefined: as long as Timeout lets it. */
export interface ReadLimits {
  readonly header: ReadLimit | undefined
  readonly body: ReadLimit | undefined
  /** In whose name it is logged that the time is over. */
  readonly module: string
}

export type LogLevel = 'emerg' | 'alert' | 'crit' | 'error' | 'warn' | 'notice' | 'info' | 'debug'
  | 'trace1' | 'trace2' | 'trace3' | 'trace4' | 'trace5' | 'trace6' | 'trace7' | 'trace8'

export interface Connection {
  /** Distinguishes connections of one child. */
  readonly id: number
  readonly clientIp: string
  readonly clientPort: number
  /** What was read before its first request has settled who the client is (read_preface). */
  readonly introduced: boolean
  /** The address that the connection comes from; that of a proxy, where one has introduced the client. */
  readonly peerIp: string
  readonly localIp: string
  readonly localPort: number
  /** Requests begun on this connection so far, the current one included. */
  readonly keepalives: number
  /** The client went away or writing failed. */
  readonly aborted: boolean
  /** Bytes received for, and sent since, the request that is being logged: heads, bodies and their framing. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** What a file system look-up found for `filename`. Times are in milliseconds, with a fraction. */
export interface FileInfo {
  readonly type: 'none' | 'file' | 'directory' | 'other'
  readonly size: number
  readonly mtimeMs: number
  readonly ino: number
  readonly mode: number
}

/** Response headers, in the order they were first set. Names compare without regard to case. */
export interface HeaderTable {
  get(name: string): string | undefined
  set(name: string, value: string): void
  /** A further line of the same name (Set-Cookie). */
  add(name: string, value: string): void
  /** Appends to a comma-separated value, or sets it. */
  merge(name: string, value: string): void
  unset(name: string): void
  has(name: string): boolean
  readonly size: number
  [Symbol.iterator](): Iterator<readonly [name: string, value: string]>
}

/** Request headers, read from the bytes when asked; see `editHeadersIn`. */
export interface HeadersIn {
  /** Value, joined by ", " when repeated; undefined when absent. */
  get(name: string): string | undefined
  fields(): Iterable<readonly [name: string, value: string]>
}

/**
 * Reads what comes before the first request of a connection, of all bytes that came so far.
 * @returns bytes used, of which `client` tells whom the connection is for, if it tells; 0: more is needed; -1: close it;
 * undefined: this one begins with its first request
 */
export type ReadPreface = (bytes: Buffer, connection: Connection) => {
  readonly used: number | undefined
  readonly client?: { readonly address: string; readonly port: number } | undefined
}

/** Speaks on one connection in the place of HTTP. It must not block. */
export interface Talk {
  /**
   * Something has come.
   * @param bytes what has not been used yet; they stay there for as long as this call lasts
   * @param ended nothing will follow
   * @returns how many of them are used up, and what is sent; undefined: the connection ends
   */
  hear(bytes: Uint8Array, ended: boolean): { readonly used: number; readonly answer?: Uint8Array } | undefined
}

export type Protocol = (connection: Connection) => Talk

/** Is told of the bytes of connections, as they pass: before anything is made of them, or when the system has taken them. */
export interface IoTap {
  received?(connection: Connection, bytes: Uint8Array): void
  sent?(connection: Connection, bytes: Uint8Array): void
}

export interface Request {
  readonly connection: Connection
  /** Whom the request is for: the other end of the connection, or whom a proxy there speaks for (mod_remoteip). */
  clientIp: string
  clientPort: number
  readonly server: Server
  /** As sent: `GET /x HTTP/1.1`. */
  readonly requestLine: string
  /** As sent: `GET`. HEAD is `HEAD`. */
  readonly method: string
  readonly isHead: boolean
  /** 1001 for HTTP/1.1, 1000 for 1.0, 9 for 0.9. */
  readonly protocol: number
  /** As sent: `HTTP/1.1`. */
  readonly protocolText: string
  /** Request target as sent. */
  readonly unparsedUri: string
  /** Decoded and normalised path, one character per byte. */
  uri: string
  /** Query without the question mark. */
  args: string | undefined
  /** Host name asked for (Host header or absolute target), lower case, without port. */
  readonly hostname: string | undefined
  readonly headersIn: HeadersIn
  /**
   * The same to be changed, for all that comes after: handlers, filters, conditions and ranges, logs. A look-up on behalf
   * of another request, and what is run for it, has headers of its own.
   */
  editHeadersIn(): HeaderTable
  /** Fields behind a chunked body, once it has been read to its end (Apache's trailers_in). */
  readonly trailersIn?: HeaderTable
  readonly headersOut: HeaderTable
  /** Kept also on errors and across internal redirects (Apache's err_headers_out). */
  readonly errHeadersOut: HeaderTable
  /** After the response: the connection stays open for another request. */
  readonly keepAlive?: boolean
  /** Response status; 200 until somebody says otherwise. */
  status: number
  /**
   * What the status line says behind the number, if not the usual words: without control characters. The number goes out
   * as it is then, known or not.
   */
  statusText?: string | undefined
  /** Absolute path that the URI was mapped to, one character per byte; undefined before translate_name. */
  filename: string | undefined
  /** What follows the file in the path. */
  pathInfo: string
  readonly finfo: FileInfo
  /** Name that chooses the handler: SetHandler, AddHandler, or a module. */
  handler: string | undefined
  contentType: string | undefined
  contentEncoding: string | undefined
  contentLanguages: readonly string[]
  /**
   * Parts of the file's name, between dots and behind its base, that say nothing of it; undefined if none says anything
   * (Apache's ap-mime-exceptions-list).
   */
  unknownParts?: readonly string[] | undefined
  /** What the variants to choose from were, for the ETag of the chosen one (RFC 2295): with quotes, `W/` when weak. */
  variantListTag?: string | undefined
  /** Caches of HTTP/1.0 are to take the response for stale: with an `Expires` of now, unless it has another. */
  noCache?: boolean
  /** The response is made anew whatever file it begins with: that file's conditions (304, 412) are nothing to it. */
  noLocalCopy?: boolean
  /** Nor is that file's ETag. */
  noETag?: boolean
  /** False where nothing may block: a quick function that would have to answers HANDOVER there. */
  readonly mayBlock: boolean
  /** The Alias that the request came by (CONTEXT_PREFIX, CONTEXT_DOCUMENT_ROOT). */
  context?: { readonly path: string; readonly real: string } | undefined
  /** Authenticated user. */
  user: string | undefined
  /** How he proved to be that: `Basic`. */
  authType?: string | undefined
  /** Settings merged from all sections that hold for the request. */
  dir<T extends object>(settings: Settings<T>): Readonly<T>
  readonly dirVector: ConfigVector
  /** Notes of modules to each other, and environment variables (`%{N}n`, `%{N}e`). Made when first used. */
  readonly notes: Map<string, string>
  readonly env: Map<string, string>
  /** False: nobody has asked for `env` yet, so it is empty. */
  readonly hasEnv?: boolean
  /** When the request line had been read, ms since the epoch, with a fraction. */
  readonly requestTime: number
  /** Bytes of the body sent so far (`%B`); of everything on the wire (`%O`). */
  readonly bytesSent: number
  readonly wireBytesSent: number
  /**
   * When the head of the response was made, ms since the epoch; whoever wants to know sets it to 0 before the handler
   * runs.
   */
  firstByteTime?: number
  /** Some of the answer is out, or it is given up. */
  readonly begun?: boolean
  /** A field of the response as it left, those that the core adds included; undefined if there is none. */
  sentHeader?(name: string): string | undefined
  /** The request this one was redirected from internally, if any; the first and the last of the chain. */
  readonly prev: Request | undefined
  /** Of a look-up on behalf of another request: that one. */
  readonly main?: Request | undefined
  /** The request that an internal redirect of this one made. */
  readonly next?: Request | undefined

  /**
   * Adds to the body. Awaiting the answer, if there is one, keeps memory bounded with a slow client. Once the request is
   * over (answered, or given up after HandlerTimeout) this and sendFile do nothing, read and internalRedirect reject.
   */
  write(data: string | Data): Wait
  /** Sends a part of a file as (the rest of) the body. The core closes nothing: `path` is opened by the core. */
  sendFile(path: string, offset: number, length: number): void
  /**
   * A part of a file, for `write` or a filter: open until the request is over, whatever becomes of its name, and no longer.
   * @throws Error if the file cannot be opened
   */
  filePart(path: string, offset: number, length: number): FilePart
  /** Sends what there is now, although more will follow (ap_rflush). */
  flush(): Wait
  /** Adds a filter, by its name (`DEFLATE`) or itself, in front of a body that has not begun. An unknown name is logged. */
  addOutputFilter(filter: string | OutputFilter): void
  addInputFilter(filter: string | InputFilter): void
  findOutputFilter(name: string): OutputFilter | undefined
  /** Those in front of a body that has not begun, in their order; may be set to fewer of them, or to others. */
  outputFilters: readonly OutputFilter[]
  /** OK; or what the client's conditions make of the response whose validators stand in `headersOut`: 304 or 412. */
  meetsConditions(): Status
  /** Next piece of the request body, or null at its end. The piece is the caller's. */
  read(): Promise<Uint8Array | null>
  /** What `read` gives from now on, in the place of what is left of the body: what was read is to be read again, or changed. */
  putBody(bytes: Uint8Array): void
  /** True if the request has a body that has not been read to its end. */
  readonly hasBody: boolean
  /** Goes on as if `path` (with optional query) had been asked for, with GET. */
  internalRedirect(path: string): Answer<Status>
  /**
   * The same for a URI as written: it is split, decoded and refused as if a client had asked for it. Headers that are kept
   * on errors stay, and so does Vary: what has led there counts for the answer.
   */
  internalRedirectUri(uri: string): Answer<Status>
  /**
   * What another URI path (decoded and without dot segments) would map to: translate, walk, type checking, no handler
   * (Apache's ap_sub_req_method_uri).
   * @param args the query; this request's if absent
   * @param method GET if absent
   */
  subLookup(path: string, args?: string, method?: string): Answer<Lookup>
  /**
   * The same for a URI as written, which need not be this server's own text: it is split, decoded and refused as if a
   * client had asked for it. A relative one begins in the directory of this request's path.
   */
  subLookupUri(uri: string): Answer<Lookup>
  /**
   * What holds for a file, without a URL that was asked for: sections, access, type checking, no handler. A relative path is
   * beside this request's file, and its URL beside this request's; one that ends in a slash is a directory (Apache's
   * ap_sub_req_lookup_file and ap_sub_req_lookup_dirent).
   * @param inherits it has this request's query, and beside its file what follows that in the path
   */
  subLookupFile(path: string, inherits?: boolean): Answer<Lookup>
  /** A look-up is not needed any more: for whoever makes any number of them (Apache's ap_destroy_sub_req). */
  forgetLookup(found: Lookup): void
  /**
   * Answers what a look-up found, into a sink (by default into this body); its status and headers are nobody's
   * (Apache's ap_run_sub_req). Answers OK, or the status that it ended with; what was written before stays.
   */
  runSubrequest(found: Lookup, into?: Sink): Answer<Status>
  /** Becomes what the look-up found, in place (Apache's ap_internal_fast_redirect). */
  fastRedirect(to: Lookup): void
  /**
   * Something that is to be told when the request is over: once, whatever becomes of it (Apache's cleanups of its pool).
   * What was redirected to another is over with that one.
   */
  onEnd(ending: Ending): void
  /** Looks up a file's type without touching the request; at most one system call per turn of the loop. */
  stat(path: string): FileInfo
  /** This server's own URL for a path: `http://host:port/path` with the right host (UseCanonicalName). */
  constructUrl(path: string): string
  /** @param cause why, if that is an error of the system: `%E` in ErrorLogFormat */
  log(level: LogLevel, module: string, message: string, cause?: unknown): void
}

export interface Ending {
  /** @param anew nothing came of it here: the same request begins anew on another thread. Must not throw. */
  over(anew: boolean): void
}

/** What a subrequest for a look-up found. */
export interface Lookup {
  readonly status: number
  readonly filename: string | undefined
  readonly uri: string
  readonly finfo: FileInfo
  readonly contentType: string | undefined
  readonly contentEncoding?: string | undefined
  readonly contentLanguages?: readonly string[]
  readonly unknownParts?: readonly string[] | undefined
  readonly handler: string | undefined
  readonly pathInfo?: string
  /** For a redirect or a refusal: its headers. */
  readonly headersOut: HeaderTable
  /** The whole of it, as its hooks have left it; absent in a stand-in. */
  readonly asRequest?: Request
  readonly errHeadersOut?: HeaderTable
}
