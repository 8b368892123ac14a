/**
 * A light stand-in for the reader, the walk and the server: carries out lines of configuration with the
 * modules' own tables, and makes requests that hooks can be called with.
 */
import { ConfigError } from '../../core/config/errors.ts'
import type { Command, Directive } from '../../core/config/directive.ts'
import { ServerConf, type Section } from '../../core/config/server_conf.ts'
import { ConfigVector, type AnySettings } from '../../core/config/settings.ts'
import type { FilePart } from '../../core/hook/filter.ts'
import type { Module } from '../../core/hook/module.ts'
import { ModuleList } from '../../core/hook/modules.ts'
import type { Startup } from '../../core/hook/hooks.ts'
import type { Connection, FileInfo, Lookup, Request, Server } from '../../core/hook/types.ts'
import { EditedFields } from '../../core/http/edited_fields.ts'
import { Headers } from '../../core/server/header_table.ts'

export interface Configured {
  readonly conf: ServerConf
  /** Of the innermost section that was opened last, merged with what is outside. */
  readonly dir: ConfigVector
  readonly notes: string[]
  readonly modules: ModuleList
}

interface Place { readonly path: string | undefined; readonly vector: ConfigVector; readonly limit?: Command['limit'] }

/** Carries out `text`; lines `<Location p>`, `<Directory p>`, `<Limit M>` and modules' own sections are understood. */
export function configure(modules: readonly Module[], text: string, virtual = false): Configured {
  const list = new ModuleList()
  for (const module of modules) list.add({ module, symbol: module.name, linkage: 'static' })
  const conf = new ServerConf(virtual, { file: 'test.conf', line: 0 })
  const notes: string[] = []
  const lines = text.split('\n').map((line) => line.trim())
  const settings = [...list.settings()]
  let dir = conf.defaults

  const run = (from: number, place: Place): number => {
    for (let at = from; at < lines.length; at++) {
      const line = lines[at]!
      if (line === '' || line.startsWith('#')) continue
      if (line.startsWith('</')) return at
      const [, name, args] = /^(<?[A-Za-z]\S*?)(?:\s+(.*?))?(?:(?<=<.*)>)?$/.exec(line)!
      const word = (name ?? '').replace(/>$/, '')
      const carry = word.startsWith('<') ? section : one
      at = carry(word, word.startsWith('<') ? (args ?? '').replace(/>$/, '') : args ?? '', at, place)
    }
    return lines.length
  }

  const one = (name: string, args: string, at: number, place: Place): number => {
    const rows = list.find(name)
    if (rows.length === 0) throw new Error(`no directive ${name}`)
    for (const { directive } of rows) directive.apply(command(directive, name, args, at, place), split(args))
    return at
  }

  const section = (name: string, args: string, at: number, place: Place): number => {
    if (name === '<Limit' || name === '<LimitExcept')
      return run(at + 1, { ...place, limit: { methods: args.split(' '), except: name === '<LimitExcept' } })
    if (name === '<Location' || name === '<Directory') {
      const vector = new ConfigVector()
      const end = run(at + 1, { path: args, vector })
      const kind: Section['kind'] = name === '<Location' ? 'Location' : 'Directory'
      const position = { file: 'test.conf', line: at + 1 }
      conf.sections.push({ kind, pattern: args, at: position, vector, components: 0, inner: [], matches: () => true })
      dir = dir.mergedWith(vector, settings)
      return end
    }
    const directive = list.find(name)[0]!.directive
    let end = at
    directive.section!(command(directive, name, args, at, place), split(args),
      (inside) => void (end = run(at + 1, inside?.section ? { path: undefined, vector: inside.section.vector } : place)))
    return end
  }

  const command = (directive: Directive, name: string, args: string, at: number, place: Place): Command => ({
    directive, name, args, file: 'test.conf', line: at + 1, server: conf, path: place.path,
    htaccess: false, checking: false, table: list,
    ...(place.limit && { limit: place.limit }),
    vector: (scope) => scope === 'server' ? conf.vector : place.vector,
    usage: (takes) => new ConfigError(`${name} ${takes}, ${directive.help}`),
    serverRootRelative: (path) => path.startsWith('/') ? path : `/srv/${path}`,
    note: (level, text) => void notes.push(`${level}: ${text}`),
  })

  run(0, { path: undefined, vector: conf.defaults })
  return { conf, dir, notes, modules: list }
}

const split = (args: string): string[] =>
  [...args.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)]
    .map(([, quoted, plain]) => quoted?.replace(/\\(["\\])/g, '$1') ?? plain!)

/** The message that carrying out `text` is refused with; undefined if it is not. */
export function refusal(modules: readonly Module[], text: string, virtual = false): string | undefined {
  try {
    configure(modules, text, virtual)
    return undefined
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

export interface Logged { readonly level: string; readonly module: string; readonly message: string }

export function fakeServer(conf: ServerConf, log: Logged[] = []): Server {
  const server: Server = {
    conf, virtual: conf.virtual,
    get: (settings) => conf.vector.holds(settings),
    get all() { return [server] },
    get main() { return server },
    log: (level, module, message) => void log.push({ level, module, message }),
  }
  return server
}

const NO_FILE: FileInfo = { type: 'none', size: 0, mtimeMs: 0, ino: 0, mode: 0 }
export const fileOf = (type: FileInfo['type']): FileInfo => ({ ...NO_FILE, type })

/** A part of a file whose bytes are these. */
export const filePart = (length: number, bytes: readonly Uint8Array[]): FilePart => ({
  length, pieces: () => bytes, slice: (_, wanted) => filePart(wanted, bytes),
})

export type FakeRequest = { -readonly [K in keyof Request]: Request[K] } & { readonly logged: Logged[] }

export type Wanted = Partial<Omit<Request, 'headersIn' | 'connection'>> & {
  headers?: Readonly<Record<string, string>>
  connection?: Partial<Connection>
  /** URI paths that a look-up finds, with what it finds there. */
  files?: Readonly<Record<string, Partial<Lookup>>>
}

export function fakeRequest({ conf, dir }: Configured, { headers = {}, connection, files = {},
  ...rest }: Wanted = {}): FakeRequest {
  const logged: Logged[] = []
  const fields = new EditedFields(Object.entries(headers), () => undefined)
  const request: FakeRequest = {
    connection: {
      id: 1, clientIp: '192.0.2.7', clientPort: 4711, localIp: '192.0.2.1', localPort: 8080, keepalives: 1,
        introduced: false, peerIp: connection?.clientIp ?? '192.0.2.7', aborted: false, bytesIn: 0, bytesOut: 0,
      ...connection,
    },
    clientIp: connection?.clientIp ?? '192.0.2.7', clientPort: connection?.clientPort ?? 4711,
    server: fakeServer(conf), requestLine: 'GET / HTTP/1.1', method: 'GET', isHead: false, protocol: 1001,
    protocolText: 'HTTP/1.1', unparsedUri: '/', uri: '/', args: undefined, hostname: 'asked.example',
    headersIn: {
      get: (name) => fields.get(name),
      fields: () => fields,
    },
    editHeadersIn: () => fields,
    headersOut: new Headers(), errHeadersOut: new Headers(), status: 200, filename: undefined, pathInfo: '',
      finfo: NO_FILE,
    handler: undefined, contentType: undefined, contentEncoding: undefined, contentLanguages: [], user: undefined,
    dir: (settings) => dir.holds(settings), dirVector: dir, notes: new Map(), env: new Map(), requestTime: Date.now(),
    bytesSent: 0, wireBytesSent: 0, prev: undefined, hasBody: false, logged,
    write: () => undefined, flush: () => undefined, addOutputFilter: () => undefined, addInputFilter: () => undefined,
    findOutputFilter: () => undefined, outputFilters: [], meetsConditions: () => 0,
    filePart: (_, __, length) => filePart(length, []),
    runSubrequest: () => 404, sendFile: () => undefined, putBody: () => undefined, read: () => Promise.resolve(null),
    internalRedirect: () => 200,
    subLookup: (path) => ({
      status: path in files ? 200 : 404, filename: `/docs${path}`, uri: path,
        finfo: fileOf(path in files ? 'file' : 'none'),
      contentType: undefined, handler: undefined, headersOut: new Headers(), ...files[path],
    }),
    subLookupUri: (uri) => request.subLookup(uri),
    subLookupFile: (path) => request.subLookup(path),
    internalRedirectUri: (uri) => request.internalRedirect(uri),
    forgetLookup: () => undefined, mayBlock: true,
    fastRedirect: (to) => void Object.assign(request, { uri: to.uri, filename: to.filename, finfo: to.finfo }),
    stat: () => NO_FILE,
    onEnd: () => undefined,
    constructUrl: (path) => `http://asked.example${path}`,
    log: (level, module, message) => void logged.push({ level, module, message }),
    ...rest,
  }
  return request
}

/** A start whose descriptors are opened at once. */
export function fakeStartup(server: Server, notes: string[] = []): Startup {
  return {
    server, modules: new ModuleList(), tree: [], inChild: false, checking: false, restart: false, fixed: undefined, defines: new Map(),
    serverRootRelative: (path) => path.startsWith('/') ? path : `/srv/${path}`,
    note: (level, module, text) => void notes.push(`${level} ${module}: ${text}`),
    descriptor: (_, open) => open(),
    sharedMemory: (_, bytes, prepare) => {
      const memory = new ArrayBuffer(bytes)
      prepare?.(memory)
      return () => memory
    },
  }
}

/** Settings of a module's table by scope, for a look at what holds. */
export const holdsOf = ({ conf, dir }: Configured, settings: AnySettings): Record<string, unknown> =>
  (settings.scope === 'server' ? conf.vector : dir).holds(settings) as Record<string, unknown>
