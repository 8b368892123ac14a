/** Puts a stored response in the place of one that is made. */
import type { CachedHead, Field, Request } from 'httpd'

/** Said in other places than the fields, or only for as long as the connection lasts. */
const APART = new Set(['content-type', 'content-encoding', 'content-language'])

/** Status, type and fields of the request's response are those that were stored; others that it has stay. */
export function wear(r: Request, head: CachedHead, fields: readonly Field[]): void {
  for (const [name] of fields) {
    r.headersOut.unset(name)
    r.errHeadersOut.unset(name)
  }
  for (const name of APART) {
    r.headersOut.unset(name)
    r.errHeadersOut.unset(name)
  }
  for (const [name, value] of fields) r.headersOut.add(name, value)
  r.contentType = head.contentType
  r.contentEncoding = head.contentEncoding
  r.contentLanguages = head.contentLanguages
  r.status = head.status
}

/** Nothing of a response that the stored one takes the place of. */
export function strip(r: Request): void {
  for (const [name] of [...r.headersOut]) r.headersOut.unset(name)
}

/** Fields that tell of the body itself, which a 304 has none of. */
const OF_BODY = ['Content-Length', 'Content-MD5', 'Content-Range', 'Allow']

/** As Apache: a 304 that has nothing to do with what is stored says no more than it must (RFC 9110 section 15.4.5). */
export function withoutEntity(r: Request): void {
  withoutBody(r)
  r.headersOut.unset('Last-Modified')
}

export function withoutBody(r: Request): void {
  for (const name of OF_BODY) r.headersOut.unset(name)
}
