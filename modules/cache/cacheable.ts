/** Whether a response may be stored (RFC 9111 section 3): the first reason against it, in Apache's words. Pure. */
import { parseHttpDate } from 'httpd'
import type { CacheControl } from './control.ts'

export interface Storing {
  readonly ignoreNoLastMod: boolean
  readonly storePrivate: boolean
  readonly storeNoStore: boolean
  readonly storeExpired: boolean
}

export interface Candidate {
  readonly status: number
  readonly control: CacheControl
  readonly hasControl: boolean
  readonly expires: string | undefined
  readonly lastModified: string | undefined
  readonly etag: string | undefined
  readonly vary: string | undefined
  /** The request has a query, and that counts. */
  readonly hasQuery: boolean
  readonly isAuthorized: boolean
  /** The variable `no-cache` is set; a module has said that it may not be kept. */
  readonly isForbidden: 'env' | 'module' | undefined
  readonly now: number
  readonly settings: Storing
}

/** What may be stored without a word about it. */
const USUAL = new Set([200, 203, 206, 300, 301, 304])

type Test = (of: Candidate) => string | false

const TESTS: readonly Test[] = [
  ({ status, expires, hasControl }) => !USUAL.has(status) && expires === undefined && !hasControl && `Response status ${status}`,
  (of) => !hasAge(of) && of.expires !== undefined && Number.isNaN(expiryTime(of)) && `Broken expires header: ${of.expires}`,
  (of) => !hasAge(of) && !of.settings.storeExpired && expiryTime(of) < of.now && 'Expires header already expired; not cacheable',
  (of) => isStaleForGood(of) && 's-maxage or max-age zero and no Last-Modified or Etag; not cacheable',
  (of) => of.hasQuery && of.expires === undefined && !hasAge(of) && 'Query string present but no explicit expiration time',
  (of) => of.status === 200 && hasNothing(of) && !of.settings.ignoreNoLastMod &&
    'No Last-Modified; Etag; Expires; Cache-Control:max-age or Cache-Control:s-maxage headers',
  ({ control, settings }) => control.noStore && !settings.storeNoStore && 'Cache-Control: no-store present',
  ({ control, settings }) => control.isPrivate && !settings.storePrivate && 'Cache-Control: private present',
  (of) => of.isAuthorized && !isForAll(of.control) && 'Authorization required',
  ({ vary }) => /(?:^|,)\s*\*\s*(?:,|$)/.test(vary ?? '') && "Vary header contains '*'",
  ({ isForbidden }) => isForbidden === 'env' && "environment variable 'no-cache' is set",
  ({ isForbidden }) => isForbidden === 'module' && 'r->no_cache present',
]

export function reasonAgainst(of: Candidate): string | undefined {
  for (const test of TESTS) {
    const reason = test(of)
    if (reason !== false) return reason
  }
  return undefined
}

const hasAge = ({ control }: Candidate): boolean => control.sMaxage !== undefined || control.maxAge !== undefined

const expiryTime = ({ expires }: Candidate): number => expires === undefined ? NaN : parseHttpDate(expires)

// It would have to be asked for again each time, and there is nothing to ask with.
function isStaleForGood({ control, lastModified, etag, settings }: Candidate): boolean {
  if (settings.storeExpired || !(control.mustRevalidate || control.proxyRevalidate)) return false
  return (control.sMaxage ?? control.maxAge ?? 0) === 0 && lastModified === undefined && etag === undefined
}

const hasNothing = (of: Candidate): boolean =>
  of.lastModified === undefined && of.etag === undefined && of.expires === undefined && !hasAge(of)

// RFC 9111 section 3.5.
const isForAll = ({ sMaxage, mustRevalidate, proxyRevalidate, isPublic }: CacheControl): boolean =>
  sMaxage !== undefined || mustRevalidate || proxyRevalidate || isPublic
