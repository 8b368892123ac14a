// Filters and handlers on a connection without a descriptor.
import { FilterType, transform, type InputFilter, type OutputFilter } from '../../core/hook/filter.ts'
import { DECLINED, type HookFn, type Status } from '../../core/hook/hook.ts'
import type { Module } from '../../core/hook/module.ts'
import type { ModuleList } from '../../core/hook/modules.ts'
import type { Request } from '../../core/hook/types.ts'
import { core } from '../../core/server/core_module.ts'
import { dirCore, type DirCore } from '../../core/server/core_settings.ts'
import { Next } from '../../core/server/mpm.ts'
import { make, plainConf, type Made } from './fake_connection.ts'

export const { contentSet, resource, protocol } = FilterType
export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
export const mapped = (name: string, change: (text: string) => string, extra: Partial<OutputFilter> = {}): OutputFilter => ({
  name, type: resource, ...extra,
  begin: (_, next) => transform(next, (bytes) => Buffer.from(change(text(bytes)), 'latin1')),
})
const upper = mapped('UPPER', (body) => body.toUpperCase(), { keepsLength: true, quick: true })
const twice = mapped('TWICE', (body) => body + body, { type: contentSet })
const marked = mapped('MARK', (body) => `<${body}>`, { type: protocol })
const broken: OutputFilter = { name: 'BROKEN', type: resource, begin: () => { throw new Error('cannot filter') } }
const aside: OutputFilter = { name: 'ASIDE', type: resource, begin: () => undefined }
/** Takes its time with each piece. */
const slow: OutputFilter = {
  name: 'SLOW', type: contentSet,
  begin: (_, next) => ({
    write: async (data) => { await new Promise(setImmediate); await next.write(data) },
    flush: () => next.flush(),
    end: async () => { await new Promise(setImmediate); await next.end() },
  }),
}
const rot: InputFilter = {
  name: 'ROT', type: resource,
  begin: (_, source) => ({
    read: async () => {
      const piece = await source.read()
      return piece === null ? null : Buffer.from(text(piece).replace(/[a-z]/g, (c) => String.fromCharCode((c.charCodeAt(0) - 84) % 26 + 97)))
    },
  }),
}

export interface Wanted {
  /** SetOutputFilter and SetInputFilter. */
  readonly out?: readonly string[]
  readonly in?: readonly string[]
  /** For /made. */
  readonly handler?: HookFn<Request, Status>
  readonly mayBlock?: boolean
  readonly filters?: readonly OutputFilter[]
  readonly said?: Partial<DirCore>
  readonly more?: (modules: ModuleList) => void
}

export function serve({ handler, ...wanted }: Wanted): Made {
  const module = { name: 'filtering_module', file: 'mod_filtering.c', outputFilters: [upper, twice, marked, broken, aside, slow, ...wanted.filters ?? []], inputFilters: [rot] } satisfies Module
  const conf = plainConf()
  Object.assign(conf.defaults.said(dirCore), { outputFilters: wanted.out, inputFilters: wanted.in, ...wanted.said })
  return make((modules) => {
    modules.add({ module: core, symbol: 'core_module', linkage: 'static' })
    modules.add({ module, symbol: module.name, linkage: 'static' })
    if (handler !== undefined) modules.hooks.handler.add('handling_module', (r) => r.uri === '/made' ? handler(r) : DECLINED, { quick: true })
    wanted.more?.(modules)
  }, { mayBlock: wanted.mayBlock ?? true }, conf)
}

export const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
export const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4)

/** The body of an answer, out of its chunks if it came in such. */
export function whole(answer: string): string {
  let rest = bodyOf(answer)
  if (!/^Transfer-Encoding: chunked\r$/m.test(answer.slice(0, -rest.length))) return rest
  for (let out = ''; ;) {
    const end = rest.indexOf('\r\n')
    const length = Number.parseInt(rest.slice(0, end), 16)
    if (length === 0) return out
    if (!(length > 0)) throw new Error(`no chunk: ${rest.slice(0, 40)}`)
    out += rest.slice(end + 2, end + 2 + length)
    rest = rest.slice(end + 4 + length)
  }
}

/** Runs a connection until it idles or closes. */
export async function answer(made: Made, request: string): Promise<string> {
  made.say(request)
  const before = made.socket.outgoing.length
  for (let i = 0, next = made.conn.advance(); i < 200 && next !== Next.idle && next !== Next.close; i++) {
    await new Promise(setImmediate)
    next = made.conn.advance()
  }
  return made.socket.outgoing.slice(before)
}
