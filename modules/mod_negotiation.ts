/*
 * mod_negotiation: one URL, several variants. Options MultiViews finds them beside a file that is not there, a type map
 * lists them. The algorithm is in negotiation/variants.ts. Directories and maps are read on a thread that may block.
 */
import { readFileSync } from 'node:fs'
import {
  allowedBy, ConfigError, DECLINED, dirCore, each, errnoPrefix, etagOf, flag, fsPath, HANDOVER, isAbsolutePath,
  OK, Opt, optionBits, Order, parentDirectory, RSRC_CONF, unescapeUrl, word,
  type Answer, type FileInfo, type Lookup, type Module, type Request, type Status,
} from 'httpd'
import { readRanges } from './negotiation/accept.ts'
import { escapeSegment, setHeaders, variantList } from './negotiation/answer.ts'
import { MAP_HANDLER, MAP_TYPE, readViews } from './negotiation/multiviews.ts'
import { readTypeMap } from './negotiation/type_map.ts'
import { choose, withoutX, type Variant } from './negotiation/variants.ts'
import { negotiation, negotiationServer, prioritiesOf, wishesOf, type Forced } from './negotiation/wishes.ts'

/** A map that is larger is none. */
const MOST_MAP = 1024 * 1024

/** type_checker: what is not there may be there under longer names. */
export function multiviews(r: Request): Answer<Status> {
  if (r.finfo.type !== 'none' || r.filename === undefined || !isAbsolutePath(r.filename)) return DECLINED
  return r.mayBlock ? chooseView(r) : HANDOVER
}

async function chooseView(r: Request): Promise<Status> {
  const views = await readViews(r)
  if (typeof views === 'number') return views
  const read = 'listedBy' in views ? readMap(r, views.listedBy.filename!, views.listedBy.finfo) : [...views]
  if (typeof read === 'number') return read
  if (read.length === 0) return DECLINED
  // As Apache's, the tag says that files of the list have changed; unlike Apache's, it is the same until then.
  if (!('listedBy' in views)) r.variantListTag = etagOf(r, newest(read))
  const best = await decide(r, read, 'listedBy' in views ? 0 : read.length)
  if (typeof best === 'number') return best
  const found = best.found ?? await r.subLookupFile(best.name, true)
  if (found.status !== 200) return found.status
  r.fastRedirect(found)
  if (best.type !== '') r.contentType ??= best.type
  for (const { found: other } of read) if (other !== undefined && other !== found) r.forgetLookup(other)
  return OK
}

/** Handler `type-map`. */
export async function serveMap(r: Request): Promise<Status> {
  const variants = readMap(r, r.filename!, r.finfo)
  if (typeof variants === 'number') return variants
  const best = await decide(r, variants, 0)
  if (typeof best === 'number') return best
  if (best.body !== undefined) return sendBody(r, best, best.body)
  r.uri = r.uri.slice(0, r.uri.length - r.pathInfo.length)
  const [, path, query] = /^([^?]*)(\?.*)?$/s.exec(best.name)!
  return r.internalRedirect(`${parentDirectory(r.uri)}${unescapeUrl(path!) ?? path!}${r.pathInfo}${query ?? ''}`)
}

function readMap(r: Request, path: string, finfo: FileInfo): Variant[] | Status {
  if (finfo.size > MOST_MAP) {
    r.log('error', 'negotiation', `SY00145: type map ${path} is larger than ${MOST_MAP} bytes`)
    return 500
  }
  let text: string
  try {
    text = readFileSync(fsPath(path), 'latin1')
  } catch (error) {
    r.log('error', 'negotiation', `${errnoPrefix(error)}AH00683: cannot access type map file: ${path}`)
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? 404 : 403
  }
  const directory = parentDirectory(r.filename!)
  const sizeOf = (name: string): number | undefined => {
    const info = r.stat(name.startsWith('/') ? name : directory + name)
    return info.type === 'none' ? undefined : info.size
  }
  const { variants, fault } = readTypeMap(text, path, sizeOf)
  if (fault !== undefined) r.log('error', 'negotiation', fault.message)
  if (fault?.fatal) return 500
  r.variantListTag = etagOf(r, finfo)
  return variants
}

const newest = (variants: readonly Variant[]): FileInfo => variants.map(({ found }) => found!.finfo)
  .reduce((one, other) => (other.mtimeMs > one.mtimeMs ? other : one))

/**
 * Chooses, and sets headers of the answer.
 * @param views how many files MultiViews found; 0 for a map
 */
async function decide(r: Request, variants: readonly Variant[], views: number): Promise<Variant | Status> {
  const wishes = wishesOf(r, variants)
  const { transparent, takesList } = wishes
  const { best, isClear } = choose(variants, wishes, prioritiesOf(r))
  if (best === undefined || !isClear) {
    setHeaders(r, variants, { transparent, sendsAlternates: true, answersList: true })
    ;(r.main ?? r).notes.set('variant-list', variantList(variants))
    if (transparent && takesList) return 300
    r.log('error', 'negotiation', `AH00690: no acceptable variant: ${r.filename!}`)
    return 406
  }
  const chosen = transparent ? await tellChoice(r, best) : best
  if (typeof chosen === 'number') return chosen
  setHeaders(r, variants, { transparent, sendsAlternates: takesList, answersList: false })
  // Caches of HTTP/1.0 do not look at Vary.
  if (r.protocol < 1001 && views !== 1 && !r.server.get(negotiationServer).cachesNegotiated) r.noCache = true
  return chosen
}

/** A choice of a transparent resource: it may not be one of that kind again. */
async function tellChoice(r: Request, best: Variant): Promise<Variant | Status> {
  const found: Lookup = best.found ?? await r.subLookupFile(best.name, true)
  if (found.status !== 200) return found.status
  if (found.handler === MAP_HANDLER || found.headersOut.has('Alternates')) return 506
  const vary = found.headersOut.get('Vary')
  if (vary !== undefined) {
    r.errHeadersOut.set('Variant-Vary', vary)
    r.errHeadersOut.set('Vary', vary)
    found.headersOut.unset('Vary')
  }
  r.errHeadersOut.set('Content-Location', escapeSegment(best.name))
  return { ...best, found }
}

/** A variant that stands in the map itself. */
async function sendBody(r: Request, variant: Variant, at: number): Promise<Status> {
  const { type, charset, languages, encoding } = variant
  if (r.method !== 'GET' && r.method !== 'HEAD' && r.method !== 'POST') return DECLINED
  const length = variant.length() ?? 0
  r.headersOut.set('Accept-Ranges', 'bytes')
  r.headersOut.set('Content-Length', String(length))
  if (type !== '') r.contentType = charset === '' ? type : `${type}; charset=${charset}`
  if (languages.length > 0) r.contentLanguages = languages
  if (encoding !== undefined) r.contentEncoding = encoding
  while (r.hasBody && await r.read() !== null) { /* thrown away: nobody wants it */ }
  r.sendFile(r.filename!, at, length)
  return OK
}

/** fixups: an encoding by the name that the client gives it, with `x-` or without. */
export function renameEncoding(r: Request): Status {
  const encoding = r.contentEncoding
  if (encoding === undefined) return DECLINED
  const accepted = readRanges(r.headersIn.get('Accept-Encoding'))
  if (accepted === undefined) return DECLINED
  const plain = withoutX(encoding)
  const name = (accepted.find((range) => range.name === plain) ?? accepted.findLast((range) => range.name === `x-${plain}`))?.name
  if (name === undefined) return DECLINED
  r.contentEncoding = name
  return OK
}

type SaidForced = { forced?: Forced & { readonly none?: boolean } }

function force(said: SaidForced, text: string): void {
  const before = said.forced
  switch (text.toLowerCase()) {
    case 'none':
      if (before !== undefined && before.none !== true) {
        throw new ConfigError('Cannot combine ForceLanguagePriority options with None')
      }
      said.forced = { prefer: false, fallback: false, none: true }
      return
    case 'prefer':
    case 'fallback': {
      const isPrefer = text.toLowerCase() === 'prefer'
      if (before?.none === true) {
        throw new ConfigError(`Cannot combine ForceLanguagePriority options None and ${isPrefer ? 'Prefer' : 'Fallback'}`)
      }
      said.forced = { prefer: isPrefer || before?.prefer === true, fallback: !isPrefer || before?.fallback === true }
      return
    }
    default: throw new ConfigError(`Invalid ForceLanguagePriority option ${text}`)
  }
}

const FILEINFO = allowedBy('FileInfo')

export const module = {
  name: 'negotiation_module',
  file: 'mod_negotiation.c',
  settings: [negotiation, negotiationServer],
  directives: [
    negotiationServer.directive('CacheNegotiatedDocs', [flag], 'cachesNegotiated', RSRC_CONF, "Either 'on' or 'off' (default)"),
    negotiation.directive('LanguagePriority', [each(word)], (said, _, languages) => {
      said.languagePriority = [...(said.languagePriority ?? []), ...languages]
    }, FILEINFO, 'space-delimited list of MIME language abbreviations'),
    negotiation.directive('ForceLanguagePriority', [each(word)], (said, _, words) => {
      for (const text of words) force(said, text)
    }, FILEINFO, 'Force LanguagePriority elections, either None, or Fallback and/or Prefer'),
  ],
  register({ typeChecker, fixups, handler }, on) {
    on(typeChecker, multiviews, {
      order: Order.first,
      quick: true,
      when: ({ dir }) => (optionBits(dir(dirCore).options) & Opt.multiViews) !== 0,
    })
    on(fixups, renameEncoding, { quick: true })
    on(handler, serveMap, { handler: MAP_HANDLER })
    on(handler, serveMap, { handler: MAP_TYPE })
  },
} satisfies Module
