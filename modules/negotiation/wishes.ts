/* What a client wants, and what the configuration and the environment want for it. */
import { Settings, tableValue, type Request } from 'httpd'
import { readRanges } from './accept.ts'
import type { Priorities, Variant, Wishes } from './variants.ts'

/** ForceLanguagePriority; both false: None. */
export interface Forced { readonly prefer: boolean; readonly fallback: boolean }

export const negotiation = new Settings('directory', {
  languagePriority: [] as readonly string[],
  forced: { prefer: true, fallback: false } as Forced,
})

export const negotiationServer = new Settings('server', { cachesNegotiated: false })

/** What `Negotiate` comes to (RFC 2295 section 8.4). */
interface Negotiate {
  readonly transparent: boolean
  /** The client may be sent a list. */
  readonly takesList: boolean
  readonly mayChoose: boolean
  readonly remote: boolean
  readonly strict: boolean
}

const NONE: Negotiate = { transparent: true, takesList: false, mayChoose: true, remote: false, strict: false }

export function wishesOf(r: Request, variants: readonly Variant[]): Wishes & Negotiate {
  const { headersIn } = r
  const instead = r.main?.notes.get('accept-instead')
  const negotiate = isTransparent(r, variants) ? negotiateOf(r) : { ...NONE, transparent: false }
  return {
    ...negotiate,
    types: readRanges(instead ?? headersIn.get('Accept')),
    languages: readRanges(headersIn.get('Accept-Language')),
    charsets: readRanges(headersIn.get('Accept-Charset')),
    encodings: instead === undefined ? readRanges(headersIn.get('Accept-Encoding')) : undefined,
  }
}

/** Only what can be named from outside is there to choose from. */
const isTransparent = (r: Request, variants: readonly Variant[]): boolean =>
  (r.method === 'GET' || r.method === 'HEAD') && r.pathInfo === '' &&
  variants.every(({ name, body }) => !name.includes('/') && body === undefined)

function negotiateOf({ headersIn }: Request): Negotiate {
  const value = headersIn.get('Negotiate')
  // Lynx says so without knowing what it means.
  if (value === undefined || (value === 'trans' && headersIn.get('User-Agent')?.startsWith('Lynx'))) return NONE
  const words = value.split(',').map((word) => word.trim().toLowerCase())
  const takesList = words.some((word) => /^(?:trans|vlist|guess-small|\*|\d.*)$/.test(word))
  const remote = words.includes('1.0')
  const any = words.some((word) => word.startsWith('*'))
  return { transparent: true, takesList, mayChoose: remote || any, remote, strict: remote || any }
}

export function prioritiesOf(r: Request): Priorities {
  const { languagePriority, forced } = r.dir(negotiation)
  const noGzip = tableValue(r.env, 'no-gzip') !== undefined
  const htmlOnly = tableValue(r.env, 'gzip-only-text/html') !== undefined
  return {
    ...forced, languages: languagePriority, language: tableValue(r.env, 'prefer-language'),
    encoded: noGzip ? 'none' : htmlOnly ? 'html' : 'all',
  }
}
