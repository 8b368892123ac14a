/**
 * Passwords as password files keep them (apr_password_validate): Apache's MD5, SHA-1, and everything that the system's
 * crypt(3) knows, bcrypt first of all. Texts are bytes, one character each.
 *
 * Checking one takes time on purpose. Whoever calls this is on a thread that may be held up.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { systemCrypt, type Crypt } from '../port/crypt.ts'

/** A password cannot be checked, whatever it is: that is nobody's wrong password. */
export class PasswordError extends Error {}

const APR1 = '$apr1$'
const SHA = '{SHA}'

/**
 * Whether a password has this hash. A hash that nobody understands is that of no password.
 * @throws PasswordError if this machine cannot tell
 */
export function verifyPassword(password: string, hash: string, library: () => Crypt | undefined = systemCrypt): boolean {
  if (hash.startsWith(APR1)) return equal(apr1(password, hash.slice(APR1.length)), hash)
  if (hash.startsWith(SHA)) return equal(sha1(password), hash)
  const crypt = library()
  if (crypt === undefined) throw new PasswordError('this machine has no libcrypt')
  const made = crypt(password, hash)
  return made !== undefined && equal(made, hash)
}

function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1')]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** `{SHA}` and the SHA-1 of the password, without salt. */
export const sha1 = (password: string): string =>
  SHA + createHash('sha1').update(password, 'latin1').digest('base64')

const ROUNDS = 1000
const MOST_SALT = 8

/** Apache's variant of the MD5 hash of FreeBSD. @param salt up to 8 characters; ends at a `$` */
export function apr1(password: string, salt: string): string {
  const key = Buffer.from(password, 'latin1')
  const used = salt.split('$', 1)[0]!.slice(0, MOST_SALT)
  const spice = Buffer.from(used, 'latin1')
  let digest = apr1Start(key, spice)
  for (let round = 0; round < ROUNDS; round++) {
    const odd = (round & 1) !== 0
    const parts = [odd ? key : digest]
    if (round % 3 !== 0) parts.push(spice)
    if (round % 7 !== 0) parts.push(key)
    parts.push(odd ? digest : key)
    digest = md5(parts)
  }
  return `${APR1}${used}$${inCryptOrder(digest)}`
}

const md5 = (parts: readonly Uint8Array[]): Buffer => createHash('md5').update(Buffer.concat(parts)).digest()

function apr1Start(key: Buffer, salt: Buffer): Buffer {
  const inner = md5([key, salt, key])
  const parts = [key, Buffer.from(APR1), salt]
  for (let left = key.length; left > 0; left -= inner.length) parts.push(inner.subarray(0, left))
  // One byte for each bit of the length: as it was first written, and so for ever.
  for (let bits = key.length; bits > 0; bits >>= 1) parts.push((bits & 1) !== 0 ? Buffer.alloc(1) : key.subarray(0, 1))
  return md5(parts)
}

export const CRYPT_LETTERS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Bytes of an MD5 digest, three by three, as the hash spells them. */
const ORDER = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] as const

function inCryptOrder(digest: Buffer): string {
  const groups = ORDER.map(([a, b, c]) => inLetters(digest[a]! << 16 | digest[b]! << 8 | digest[c]!, 4))
  return groups.join('') + inLetters(digest[11]!, 2)
}

/** Six bits a letter, the lowest first. */
function inLetters(value: number, count: number): string {
  let text = ''
  for (let i = 0; i < count; i++) text += CRYPT_LETTERS[value >> 6 * i & 63]!
  return text
}
