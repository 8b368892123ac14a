/* The credentials of a request as RFC 7617 writes them, read as Apache does. Pure. */

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** What Apache's decoder takes: the rest of the text is not looked at, nor is the padding. */
const BASE64 = /^[A-Za-z0-9+/]*/

/**
 * @param header of the field Authorization
 * @returns undefined if it is of another scheme than Basic
 */
export function basicCredentials(header: string): Credentials | undefined {
  const [, scheme, rest] = /^([^ ]*) *[ \t]*([^]*)$/.exec(header)!
  if (scheme!.toLowerCase() !== 'basic') return undefined
  const decoded = Buffer.from(BASE64.exec(rest!)![0], 'base64').toString('latin1')
  // As in C, a NUL ends a text.
  const [said] = decoded.split('\0', 1)
  const colon = said!.indexOf(':')
  return colon < 0 ? { user: said!, password: '' } : { user: said!.slice(0, colon), password: said!.slice(colon + 1) }
}
