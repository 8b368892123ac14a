// The request target: its form, and the path that it names (RFC 9112 section 3.2, RFC 3986).
//
// Paths are byte strings: one char per byte (latin1), because file names are bytes. One rule: the path that comes out
// begins with '/', is decoded once, and has no '.' or '..' segment.

import { HEX } from './bytes.ts'
import { badRequest } from './fault.ts'
import type { HttpFault } from './fault.ts'
import { parsedHost, parseHost } from './host.ts'
import { M_CONNECT, M_OPTIONS } from './methods.ts'

/** AllowEncodedSlashes: Off answers 404, On decodes, NoDecode leaves `%2f` as it is. */
export type EncodedSlashes = 'Off' | 'On' | 'NoDecode'

export interface TargetOptions {
  /** Number of the request's method: `*` and host:port belong to one method each. */
  readonly methodNumber: number
  readonly allowEncodedSlashes: EncodedSlashes
  /** MergeSlashes: several slashes count as one. */
  readonly mergeSlashes: boolean
  /** Accept absolute targets of any scheme (a forward proxy); otherwise only http and https. */
  readonly anyScheme?: boolean
}

export interface Target {
  /** Decoded and normalised, latin1; `*` for `OPTIONS *`, `/` for CONNECT. */
  readonly path: string
  /** What follows the first `?`, not decoded; undefined without one. */
  readonly args: string | undefined
  /** Lower-case host of an absolute or authority target, without trailing dot. */
  readonly host: string | undefined
  /** Its port, undefined when there is none. */
  readonly port: number | undefined
  /** Lower-case scheme of an absolute target. */
  readonly scheme: string | undefined
  /** The target as sent. */
  readonly unparsed: string
}

/** A refused path. Narrow with `'fault' in result`. */
export interface TargetFault {
  readonly fault: HttpFault
  /** What was understood of the path where only that is refused, for the log. */
  readonly path?: string
}

/** Only bytes that stand for themselves and single slashes, no segment that begins with a dot. */
const PLAIN = new Uint8Array(128)
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~!$&'()*+,;=:@") {
  PLAIN[char.charCodeAt(0)] = 1
}
const PLAIN_SLASH = 2, PLAIN_DOT = 3
PLAIN[0x2f] = PLAIN_SLASH
PLAIN[0x2e] = PLAIN_DOT

/** Parses a request target. */
export function parseTarget(target: string, options: TargetOptions): Target | TargetFault {
  if (options.methodNumber !== M_CONNECT && isPlainPath(target)) return targetOf(target, undefined, target)
  if (target.includes('#')) return { fault: badLine('AH02421', 'URI must not contain a fragment') }
  if (options.methodNumber === M_CONNECT) return parseAuthorityForm(target)
  if (target === '*' && options.methodNumber === M_OPTIONS) return targetOf('*', undefined, target)
  const first = target.charCodeAt(0)
  if (first === 0x2f || first === 0x3f) return parseOriginForm(target, target, options)
  return parseAbsoluteForm(target, options)
}

/** The host that an absolute or authority target names, whatever its path is; undefined for other forms. */
export function hostOfTarget(target: string, methodNumber: number): string | undefined {
  const authority = methodNumber === M_CONNECT ? target : /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target)?.[1]
  return authority === undefined ? undefined : hostOf(authority)?.host
}

function isPlainPath(target: string): boolean {
  if (target.charCodeAt(0) !== 0x2f) return false
  let last = 0
  for (let i = 0; i < target.length; i++) {
    const kind = PLAIN[target.charCodeAt(i)]
    if (kind === 1 || (kind === PLAIN_SLASH && last !== PLAIN_SLASH) || (kind === PLAIN_DOT && last !== PLAIN_SLASH)) {
      last = kind
    } else return false
  }
  return true
}

function targetOf(path: string, args: string | undefined, unparsed: string): Target {
  return { path, args, host: undefined, port: undefined, scheme: undefined, unparsed }
}

function badLine(aplogno: string, what: string): HttpFault {
  return badRequest(aplogno, `HTTP Request Line; ${what}`)
}

function unparsable(target: string): TargetFault {
  return { fault: badLine('AH03450', `Unable to parse URI: '${target.slice(0, 64)}'`) }
}

/** `/path?query`; also the empty path of `?query`, which is `/`. */
function parseOriginForm(origin: string, unparsed: string, options: TargetOptions): Target | TargetFault {
  const question = origin.indexOf('?')
  // Several slashes in front are one even where others stay as they are: they would begin another authority elsewhere.
  const raw = (question < 0 ? origin : origin.slice(0, question)).replace(/^\/{2,}/, '/')
  const args = question < 0 ? undefined : origin.slice(question + 1)
  const path = decodePath(raw === '' ? '/' : raw, unparsed, options)
  return typeof path === 'string' ? targetOf(path, args, unparsed) : path
}

/** `scheme://host:port/path?query`. */
function parseAbsoluteForm(target: string, options: TargetOptions): Target | TargetFault {
  const form = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?]*)/.exec(target)
  if (form === null) return unparsable(target)
  const scheme = form[1]!.toLowerCase()
  const authority = form[2]!
  if (authority.includes('@')) return { fault: badLine('AH02422', 'URI must not contain a username/password') }
  if (options.anyScheme !== true && scheme !== 'http' && scheme !== 'https') return unparsable(target)
  const place = hostOf(authority)
  if (place === undefined) return unparsable(target)
  const origin = target.slice(form[0].length)
  // RFC 9112 section 3.2.4.
  const rest = origin === '' && options.methodNumber === M_OPTIONS
    ? targetOf('*', undefined, target) : parseOriginForm(origin, target, options)
  return 'fault' in rest ? rest : { ...rest, ...place, scheme }
}

/** `host:port`, the target of CONNECT. */
function parseAuthorityForm(target: string): Target | TargetFault {
  const place = hostOf(target)
  return place?.port === undefined ? unparsable(target) : { ...targetOf('/', undefined, target), ...place }
}

function hostOf(authority: string): { host: string; port: number | undefined } | undefined {
  // An empty port is allowed in a URI (RFC 3986 section 3.2.3), though not in a Host header here.
  const text = authority.endsWith(':') ? authority.slice(0, -1) : authority
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.length === 0 || !parseHost(bytes, 0, bytes.length)) return undefined
  return { host: text.slice(0, parsedHost.end).toLowerCase(), port: parsedHost.port < 0 ? undefined : parsedHost.port }
}

/** Decodes and normalises a path that begins with `/`. */
function decodePath(raw: string, unparsed: string, options: TargetOptions): string | TargetFault {
  const decoded = raw.includes('%') ? unescape(raw) : raw
  const kept = decoded === undefined ? undefined : normalisePath(decoded, options.mergeSlashes)
  if (kept === undefined) return refusedPath(unparsed, decoded ?? raw, options)
  const hasKeptSlash = kept.includes(KEPT_SLASH) || kept.includes(KEPT_CAPITAL)
  if (!hasKeptSlash && !kept.includes('\0')) return kept
  if (kept.includes('\0') || options.allowEncodedSlashes === 'Off') {
    const message = `found %2f (encoded '/') in URI path (${raw}), returning 404`
    return { fault: { status: 404, message, aplogno: 'AH00026', level: 'info', note: '' }, path: shown(kept) }
  }
  if (options.allowEncodedSlashes === 'NoDecode') {
    return kept.replaceAll(KEPT_SLASH, '%2f').replaceAll(KEPT_CAPITAL, '%2F')
  }
  const slashes = kept.replaceAll(KEPT_SLASH, '/').replaceAll(KEPT_CAPITAL, '/')
  const opened = normalisePath(slashes, options.mergeSlashes)
  return opened ?? refusedPath(unparsed, slashes, options)
}

/** Of a path that cannot be decoded, or leads above the root. */
export const invalidPath = (unparsed: string): HttpFault =>
  ({ ...badRequest('AH10244', `invalid URI path (${unparsed})`), level: 'error' })

/** @param path as far as it could be decoded */
function refusedPath(unparsed: string, path: string, { mergeSlashes }: TargetOptions): TargetFault {
  return { fault: invalidPath(unparsed), path: shown(normalisePath(path, mergeSlashes, true)!) }
}

/** As a path of C ends: at NUL. */
const shown = (path: string): string =>
  path.replaceAll(KEPT_SLASH, '/').replaceAll(KEPT_CAPITAL, '/').replace(/\0.*/s, '')

/** Stand for `%2f` and `%2F` between decoding and the verdict on them: no byte string contains these chars. */
const KEPT_SLASH = '\u0100'
const KEPT_CAPITAL = '\u0101'
const LETTER_F = 0x46

/** Decodes `%XX`, slashes into the chars above. Undefined when a `%` is not followed by two hexadecimal digits. */
function unescape(text: string): string | undefined {
  let out = ''
  let from = 0
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', from)) {
    const high = HEX[text.charCodeAt(at + 1)] ?? 255
    const low = HEX[text.charCodeAt(at + 2)] ?? 255
    if (high > 15 || low > 15) return undefined
    const byte = high * 16 + low
    const keptSlash = text.charCodeAt(at + 2) === LETTER_F ? KEPT_CAPITAL : KEPT_SLASH
    out += text.slice(from, at) + (byte === 0x2f ? keptSlash : String.fromCharCode(byte))
    from = at + 3
  }
  return out + text.slice(from)
}

/**
 * Takes `.` and `..` segments out (RFC 3986 section 5.2.4) and, on demand, merges slashes.
 * @param path begins with `/`.
 * @param mayLeave a `..` at the root stays there
 * @returns undefined when a `..` would leave the root.
 */
export function normalisePath(path: string, mergeSlashes: boolean, mayLeave = false): string | undefined {
  if (!path.includes('/.') && !(mergeSlashes && path.includes('//'))) return path
  const kept: string[] = []
  const segments = path.split('/')
  const last = segments.length - 1
  for (let i = 1; i <= last; i++) {
    const segment = segments[i]!
    if (segment === '.' || (segment === '' && mergeSlashes)) {
      if (i === last) kept.push('')
    } else if (segment === '..') {
      if (kept.length === 0 && !mayLeave) return undefined
      kept.pop()
      if (i === last) kept.push('')
    } else kept.push(segment)
  }
  return '/' + kept.join('/')
}
