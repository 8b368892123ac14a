/* What the flag CO says: NAME:VALUE:DOMAIN[:minutes[:path[:secure[:httponly[:samesite]]]]]. Pure. */
import { httpDate, numberOf } from 'httpd'

export interface Cookie {
  readonly name: string
  /** As Set-Cookie has it. */
  readonly text: string
}

const isTrue = (text: string | undefined, word: string): boolean =>
  text !== undefined && (text === '1' || text.toLowerCase() === 'true' || text.toLowerCase() === word)

/**
 * @param text expanded; one that begins with `;` has that between its parts, so that there may be colons in them
 * @param now ms since the epoch
 * @returns undefined if it does not name a domain
 */
export function cookieOf(text: string, now: number): Cookie | undefined {
  const parts = text.split(text.startsWith(';') ? ';' : ':').filter((part) => part !== '')
  const [name, value, domain, minutes = '', path = '/', secure, httpOnly, sameSite] = parts
  if (name === undefined || value === undefined || domain === undefined) return undefined
  const life = numberOf(minutes)
  const attributes = [`path=${path}`, `domain=${domain}`]
  // As Netscape wrote them, with hyphens.
  if (life !== 0) attributes.push(`expires=${httpDate(now + life * 60_000).replace(/^(\w+, \d+) (\w+) /, '$1-$2-')}`)
  if (isTrue(secure, 'secure')) attributes.push('secure')
  if (isTrue(httpOnly, 'httponly')) attributes.push('HttpOnly')
  if (sameSite !== undefined && sameSite !== '0' && sameSite.toLowerCase() !== 'false') attributes.push(`SameSite=${sameSite}`)
  return { name, text: `${name}=${value}; ${attributes.join('; ')}` }
}
