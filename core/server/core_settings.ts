/**
 * Settings of the core itself (core.c and http_core.c in Apache's words). The
 * directives that write them are in core_module.ts and http_module.ts.
 */
import { Settings } from '../config/settings.ts'
import type { Expression } from '../expr/expression.ts'
import type { LogLevel } from '../hook/types.ts'

export interface ErrorDocument {
  /** `default`: the built-in answer, against an outer ErrorDocument. */
  readonly kind: 'text' | 'path' | 'url' | 'default'
  readonly value: string | Expression<string>
}

/** What belongs to a (virtual) server as a whole. Times in milliseconds. */
export const serverCore = new Settings('server', {
  serverName: undefined as string | undefined,
  serverScheme: undefined as string | undefined,
  /** Port of ServerName, 0 if it names none. */
  serverPort: 0,
  serverAliases: [] as readonly string[],
  serverPath: undefined as string | undefined,
  serverAdmin: '[no address given]',
  documentRoot: undefined as string | undefined,
  timeout: 60_000,
  keepAlive: true,
  keepAliveTimeout: 5_000,
  /** 0: no limit. */
  maxKeepAliveRequests: 100,
  limitRequestLine: 8190,
  limitRequestFieldSize: 8190,
  limitRequestFields: 100,
  traceEnable: 'on' as 'on' | 'off' | 'extended',
  errorLog: undefined as string | undefined,
  errorLogFormat: undefined as string | undefined,
  /** Lines logged once per connection or request, before its first line (ErrorLogFormat connection|request). */
  errorLogConnectionFormats: [] as readonly string[],
  errorLogRequestFormats: [] as readonly string[],
  logLevel: 'warn' as LogLevel,
  /** LogLevel of single modules, by log name (`ssl`). */
  moduleLogLevels: {} as Readonly<Record<string, LogLevel>>,
  accessFileNames: ['.htaccess'] as readonly string[],
  strict: true,
  registeredMethodsOnly: false,
  allow09: true,
  strictHostCheck: false,
  mergeSlashes: true,
  mergeTrailers: false,
  protocols: ['http/1.1'] as readonly string[],
  protocolsHonorOrder: true,
  /** LimitInternalRecursion: internal redirects in a row, subrequests inside of each other. */
  limitRedirects: 10,
  limitSubrequests: 10,
  /** FlushMaxThreshold (bytes) and FlushMaxPipelined (answers). */
  flushMaxThreshold: 65_535,
  flushMaxPipelined: 4,
  /** `Protocol`: the protocol whose AcceptFilter holds. */
  protocol: undefined as string | undefined,
  /** AcceptFilter by protocol. */
  acceptFilters: {} as Readonly<Record<string, string>>,
}, {
  acceptFilters: (outer, inner) => ({ ...outer, ...inner }),
  serverAliases: (outer, inner) => [...outer, ...inner],
  moduleLogLevels: (outer, inner) => ({ ...outer, ...inner }),
})

/** Settings that hold for the whole program; said outside of <VirtualHost> only. */
export const globalCore = new Settings('server', {
  serverTokens: 'Full' as 'Prod' | 'Major' | 'Minor' | 'Min' | 'OS' | 'Full',
  pidFile: undefined as string | undefined,
  scoreBoardFile: undefined as string | undefined,
  coreDumpDirectory: undefined as string | undefined,
  /** Milliseconds; 0: no limit. */
  gracefulShutdownTimeout: 300_000,
  extendedStatus: undefined as boolean | undefined,
  defaultRuntimeDir: undefined as string | undefined,
  listen: [] as readonly ListenAt[],
  listenBacklog: 511,
  sendBufferSize: 0,
  receiveBufferSize: 0,
  maxConnectionsPerChild: 0,
  /** RecycleChild: what a child may have done or become before another takes its place; 0: no limit. */
  recycle: { requests: 0, memory: 0, age: 0, jitter: 0.2 },
  registeredMethods: [] as readonly string[],
  /** 0: one set of listening sockets. */
  listenCoresBucketsRatio: 0,
  /** Bytes; 0: no limit but V8's own. */
  maxMemFree: 0,
  /** Bytes; 0: the system's. */
  threadStackSize: 0,
  mutexes: [] as readonly MutexChoice[],
  seeRequestTail: false,
  /** RegexDefaultOptions that are on. */
  regexDefaultOptions: ['DOTALL', 'DOLLAR_ENDONLY'] as readonly string[],
})

/** One `Mutex` line. */
export interface MutexChoice {
  /** As written, for example `file:logs`. */
  readonly mechanism: string
  /** Empty: the default for all. */
  readonly types: readonly string[]
  readonly omitPid: boolean
}

export interface ListenAt {
  /** Numeric address without brackets; undefined means every address, IPv6 and IPv4. */
  readonly address: string | undefined
  readonly port: number
  readonly protocol: string
  readonly at: { readonly file: string; readonly line: number }
}

/** Bits of Options. `All` is everything but MultiViews; `Includes` is includes without exec, and with it. */
export const Opt = {
  indexes: 1, includesExec: 2, followSymLinks: 4, symLinksIfOwnerMatch: 8, execCgi: 16, multiViews: 32, includesNoExec: 64,
} as const
export const OPT_ALL = 1 | 2 | 4 | 16 | 64

/** What sections and .htaccess may change. */
export const dirCore = new Settings('directory', {
  /** `Options`: bits of Opt that hold, or to add and remove when written with + and -. */
  options: { set: Opt.followSymLinks as number | undefined, add: 0, remove: 0 },
  /** AllowOverride: which classes .htaccess may use. */
  allowOverride: [] as readonly string[],
  /** Names of AllowOverrideList. */
  allowOverrideList: [] as readonly string[],
  /** AllowOverride Nonfatal=: which faults in .htaccess only skip the line. */
  nonfatalOverride: false,
  nonfatalUnknown: false,
  /** AllowOverride Options=a,b: the options that .htaccess may switch; undefined: all. */
  allowOverrideOptions: undefined as number | undefined,
  acceptPathInfo: 'default' as 'on' | 'off' | 'default',
  addDefaultCharset: undefined as string | undefined,
  allowEncodedSlashes: 'off' as 'off' | 'on' | 'nodecode',
  contentDigest: false,
  enableMmap: true,
  enableSendfile: true,
  errorDocuments: {} as Readonly<Record<number, ErrorDocument>>,
  /** FileETag: which parts; [] is None. With + or - in front: added or removed, see etagParts(). */
  fileEtag: ['MTime', 'Size'] as readonly string[],
  forceType: undefined as string | undefined,
  setHandler: undefined as string | Expression<string> | undefined,
  /** SetOutputFilter and SetInputFilter: names, in the order in which they were written. */
  outputFilters: undefined as readonly string[] | undefined,
  inputFilters: undefined as readonly string[] | undefined,
  hostnameLookups: 'off' as 'on' | 'off' | 'double',
  /** Bytes; 0: no limit. */
  limitRequestBody: 1_073_741_824,
  limitXmlRequestBody: 1_000_000,
  /** How long a handler may take, in ms; 0: no limit. */
  handlerTimeout: 0,
  /** Infinity: no limit; 0: ranges are ignored. */
  maxRanges: 200,
  maxRangeOverlaps: 20,
  maxRangeReversals: 20,
  serverSignature: 'off' as 'off' | 'on' | 'email',
  useCanonicalName: 'off' as 'on' | 'off' | 'dns',
  useCanonicalPhysicalPort: false,
  qualifyRedirectUrl: false,
  readBufferSize: 8192,
  /** LogLevel of the section; undefined: the server's. */
  logLevel: undefined as LogLevel | undefined,
  moduleLogLevels: {} as Readonly<Record<string, LogLevel>>,
  /** CGIPassAuth: scripts see the Authorization header. */
  cgiPassAuth: false,
  /** CGIVar by variable: REQUEST_URI as `original-uri` or `current-uri`. */
  cgiVars: {} as Readonly<Record<string, string>>,
  /** RLimitCPU, RLimitMEM, RLimitNPROC: soft and hard limit for CGI processes, as written. */
  resourceLimits: {} as Readonly<Record<string, readonly string[]>>,
}, {
  options: (outer, inner) => inner.set !== undefined
    ? inner
    : { set: outer.set === undefined ? undefined : (outer.set | inner.add) & ~inner.remove,
        add: (outer.add & ~inner.remove) | inner.add, remove: (outer.remove & ~inner.add) | inner.remove },
  errorDocuments: (outer, inner) => ({ ...outer, ...inner }),
  fileEtag: (outer, inner) => isRelative(inner) ? changed(outer, inner) : inner,
  moduleLogLevels: (outer, inner) => ({ ...outer, ...inner }),
  resourceLimits: (outer, inner) => ({ ...outer, ...inner }),
  cgiVars: (outer, inner) => ({ ...outer, ...inner }),
})

/** The settings as directives write them. */
export type DirCore = typeof dirCore extends Settings<infer T> ? T : never
export type ServerCore = typeof serverCore extends Settings<infer T> ? T : never
export type GlobalCore = typeof globalCore extends Settings<infer T> ? T : never

/** The bits of Opt that hold: what was set (by default FollowSymLinks), with what was added and removed. */
export const optionBits = (options: { set: number | undefined; add: number; remove: number }): number =>
  ((options.set ?? Opt.followSymLinks) & ~options.remove) | options.add

/** The parts of an ETag that hold: FileETag with + and - counts from the default when nothing else was said. */
export const etagParts = (said: readonly string[]): readonly string[] =>
  isRelative(said) ? changed(dirCore.defaults.fileEtag, said) : said

const isRelative = (parts: readonly string[]): boolean => /^[+-]/.test(parts[0] ?? '')

function changed(outer: readonly string[], changes: readonly string[]): readonly string[] {
  // What lies outside may itself only add and remove: then both lists stand one after the other.
  if (isRelative(outer)) return [...outer, ...changes]
  const parts = new Set(outer)
  for (const change of changes) {
    if (change.startsWith('+')) parts.add(change.slice(1))
    else parts.delete(change.slice(1))
  }
  return [...parts]
}
