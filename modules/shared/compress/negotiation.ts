/**
 * Whether a response is compressed, and what its head says then: what mod_deflate, mod_brotli and mod_zstd share.
 * One rule: the head is changed only by who goes on to change the body.
 */
import type { HeaderTable, Request } from 'httpd'

/** What becomes of the ETag of a body that is changed (DeflateAlterETag). */
export type AlterETag = 'AddSuffix' | 'NoChange' | 'Remove'

const UNENCODED = new Set(['identity', '7bit', '8bit', 'binary'])

/** All that was done to the body so far, or undefined: the value of Content-Encoding, wherever it stands. */
export function encodingOf(r: Request): string | undefined {
  const said = [r.headersOut.get('Content-Encoding'), r.errHeadersOut.get('Content-Encoding'), r.contentEncoding]
  const all = said.filter((value) => value !== undefined)
  return all.length === 0 ? undefined : all.join(',')
}

/** It is compressed, or otherwise not what a filter expects. As in Apache the names are compared as they are written. */
export const isEncoded = (encoding: string | undefined): boolean =>
  encoding !== undefined && encoding.split(',').some((token) => {
    const name = token.split(';', 1)[0]!.trim()
    return name !== '' && !UNENCODED.has(name)
  })

/** What no filter of this kind looks at: parts of a response, and what has been cut out of one. */
export const isPartial = (r: Request): boolean =>
  r.main !== undefined || r.status === 204 || r.headersOut.has('Content-Range')

/**
 * An Accept-Encoding that names the coding, and does not give it the weight 0. As Apache: the first mention counts,
 * `*` means nothing, an empty part ends the list, and of a weight only whether it is 0 (`q=0`, `q=0.000`).
 */
export function accepts(header: string | undefined, coding: string): boolean {
  if (header === undefined) return false
  // Most often so; the loop takes lists of any length apart, without an array of its parts.
  if (header === coding) return true
  for (let at = 0; at < header.length;) {
    const comma = header.indexOf(',', at)
    const end = comma < 0 ? header.length : comma
    const part = header.slice(at, end)
    const semicolon = part.indexOf(';')
    const name = (semicolon < 0 ? part : part.slice(0, semicolon)).trim().toLowerCase()
    if (name === '') return false
    if (name === coding) {
      return semicolon < 0 || !isZero(part.slice(semicolon).replace(/^;+/, '').trim())
    }
    at = end + 1
  }
  return false
}

const isZero = (weight: string): boolean => weight.length >= 3 && 'q=0.000'.startsWith(weight)

/** Caches are told once that the answer depends on this field. */
export function varyBy(headersOut: HeaderTable, field: string): void {
  const said = headersOut.get('Vary')
  if (said === undefined) headersOut.set('Vary', field)
  else if (said !== field && !said.split(',').some((each) => each.trim().toLowerCase() === field.toLowerCase())) headersOut.merge('Vary', field)
}

/** The head of a response that leaves with another coding on top. */
export function announce(r: Request, coding: string, alter: AlterETag): void {
  const { headersOut } = r
  const encoding = encodingOf(r)
  if (encoding === undefined || encoding.toLowerCase() === 'identity') headersOut.set('Content-Encoding', coding)
  else headersOut.merge('Content-Encoding', coding)
  r.contentEncoding = undefined
  forgetLength(headersOut)
  alterETag(headersOut, coding, alter)
}

/** What is not true any more of a body that has become another. */
export function forgetLength(headersOut: HeaderTable): void {
  headersOut.unset('Content-Length')
  headersOut.unset('Content-MD5')
}

export function alterETag(headersOut: HeaderTable, suffix: string, alter: AlterETag): void {
  if (alter === 'NoChange') return
  if (alter === 'Remove') return headersOut.unset('ETag')
  const etag = headersOut.get('ETag')
  if (etag !== undefined && etag.length > 2 && etag.endsWith('"')) headersOut.set('ETag', `${etag.slice(0, -1)}-${suffix}"`)
}
