/* What is done to URLs and file names on their way: pure functions. Texts have one character per byte. */
import { osEscapePath } from 'httpd'

/** Schemes of targets that are URLs, not paths; `true`: what follows a question mark is a query. */
const SCHEMES: readonly (readonly [start: string, queries: boolean])[] = [
  ['ajp://', true], ['balancer://', true], ['fcgi://', true], ['ftp://', false], ['gopher://', false],
  ['h2://', true], ['h2c://', true], ['http://', true], ['https://', true], ['ldap://', false], ['mailto:', true],
  ['news:', false], ['nntp://', false], ['scgi://', true], ['unix:', true], ['ws://', true], ['wss://', true],
]

/** The scheme that a text begins with, up to where its host or path begins; undefined for a path. */
export function schemeOf(text: string): { readonly length: number; readonly queries: boolean } | undefined {
  if (text.charCodeAt(0) === SLASH) return undefined
  const found = SCHEMES.find(([start]) => text.slice(0, start.length).toLowerCase() === start)
  return found && { length: found[0].length, queries: found[1] }
}

const SLASH = 0x2f

/** A URL for a Location: what follows its host is escaped. @param scheme the length of its scheme */
export function escapeUrl(url: string, scheme: number): string {
  if (url[scheme - 1] !== '/') return url.slice(0, scheme) + osEscapePath(url.slice(scheme))
  const path = url.indexOf('/', scheme)
  if (path < 0 || path === url.length - 1) return url
  const head = url.slice(0, path + 1)
  const rest = url.slice(path + 1)
  // The parts of an LDAP URL have question marks between them (RFC 4516).
  return head + (/^ldap/i.test(url) ? rest.split('?').map((part) => osEscapePath(part)).join('?') : osEscapePath(rest))
}

/** The path with `to` instead of a directory `from` that it begins with; the same text if it does not. */
export function replacePrefix(path: string, from: string, to: string): string {
  const prefix = from.endsWith('/') ? from.slice(0, -1) : from
  if (!path.startsWith(prefix) || path.charCodeAt(prefix.length) !== SLASH) return path
  return (to === '' || to.endsWith('/') ? to : `${to}/`) + path.slice(prefix.length + 1)
}

/** What becomes of a query: QSA, QSD, QSL, and a substitution that ends with a question mark. */
export interface QueryFlags {
  readonly append: boolean
  readonly discard: boolean
  /** The query begins at the last question mark, not at the first. */
  readonly last: boolean
  /** There is none: neither the substitution's nor the request's. */
  readonly none: boolean
}

export interface Split {
  readonly path: string
  readonly args: string | undefined
}

/** The path and the query of a substitution. @param args the query of the request */
export function splitQuery(uri: string, args: string | undefined, { append, discard, last, none }: QueryFlags): Split {
  if (none) return { path: uri, args: undefined }
  if (schemeOf(uri)?.queries === false) return { path: uri, args: undefined }
  const before = discard ? undefined : args
  const at = last ? uri.lastIndexOf('?') : uri.indexOf('?')
  if (at < 0) return { path: uri, args: before }
  const own = uri.slice(at + 1)
  const all = !append ? own : own === '' ? before ?? '' : `${own}&${before ?? ''}`
  return { path: uri.slice(0, at), args: all === '' ? undefined : all.replace(/&$/, '') }
}

/** How back-references are escaped in a substitution: B, BNE, BNP, BCTLS. */
export interface Escaping {
  /** Characters to escape; undefined: all but letters, digits and `_`; empty: none (BCTLS alone). */
  readonly only: string | undefined
  readonly not: string
  /** A blank becomes `+`. */
  readonly plus: boolean
  /** Control characters and blanks in any case. */
  readonly controls: boolean
}

/** The text with `%hh` for characters that are to be escaped. */
export function escapeReference(text: string, { only, not, plus, controls }: Escaping): string {
  return text.replace(/./gs, (char) => {
    const listed = (only === undefined ? /[^A-Za-z0-9_]/.test(char) : only.includes(char)) && !not.includes(char)
    if (!listed && !(controls && /[\0-\x20\x7f]/.test(char))) return char
    return char === ' ' && plus ? '+' : `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

/** What may not stand in a query: a control character or a blank is a byte that somebody has forgotten to escape. */
export const isRaw = (args: string): boolean => /[\0-\x20\x7f]/.test(args)
