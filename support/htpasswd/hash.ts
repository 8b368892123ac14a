/* Making hashes of passwords, with salts of their own. */
import { randomBytes } from 'node:crypto'
import { apr1, CRYPT_LETTERS, sha1 } from '../../core/base/password.ts'
import { systemCrypt, type Crypt } from '../../core/port/crypt.ts'
import { EXIT, Fault } from './fault.ts'

export type Algorithm = 'apr1' | 'bcrypt' | 'sha256' | 'sha512' | 'crypt' | 'sha1' | 'plain'

/** Bytes of a password. */
export const MOST_PASSWORD = 256
const DEFAULT_COST = 5
const CRYPT_LENGTH = 8

/** @param random so many bytes @param cost of bcrypt, or rounds @throws Fault */
export function hashOf(
  algorithm: Algorithm, password: string, cost: number | undefined,
  random: (count: number) => Uint8Array = randomBytes, library: () => Crypt | undefined = systemCrypt,
): string {
  const salt = (count: number): string => [...random(count)].map((byte) => CRYPT_LETTERS[byte & 63]!).join('')
  const crypt = (setting: string, name: string): string => {
    const hash = library()?.(password, setting)
    if (hash === undefined) throw new Fault(EXIT.password, `Unable to encode with ${name}: ${why(library)}`)
    return hash
  }
  switch (algorithm) {
    case 'apr1': return apr1(password, salt(8))
    case 'sha1': return sha1(password)
    case 'plain': return password
    case 'crypt': return crypt(salt(2), 'crypt')
    case 'sha256': return crypt(`$5$${rounds(cost)}${salt(16)}$`, 'SHA-256')
    case 'sha512': return crypt(`$6$${rounds(cost)}${salt(16)}$`, 'SHA-512')
    case 'bcrypt': return crypt(`$2y$${bcryptCost(cost)}$${bcryptSalt(random(16))}`, 'bcrypt')
  }
}

const why = (library: () => Crypt | undefined): string =>
  library() === undefined ? 'this machine has no libcrypt' : 'Invalid argument'

const rounds = (count: number | undefined): string => {
  if (count === undefined) return ''
  if (count < 1000) throw new Fault(EXIT.password, `Cannot use ${count} rounds: there must be 1000 to 999999999`)
  return `rounds=${count}$`
}

function bcryptCost(cost = DEFAULT_COST): string {
  if (cost < 4 || cost > 17) throw new Fault(EXIT.password, 'Unable to encode with bcrypt: Invalid argument')
  return String(cost).padStart(2, '0')
}

const BCRYPT_LETTERS = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const BASE64_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Base64 in an order of its own. */
const bcryptSalt = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('base64').replace(/=+$/, '')
    .replace(/./g, (letter) => BCRYPT_LETTERS[BASE64_LETTERS.indexOf(letter)]!)

/** What a person should know about what he asked for. */
export function* warnings(algorithm: Algorithm, password: string, cost: number | undefined): Generator<string> {
  if (cost !== undefined && !['bcrypt', 'sha256', 'sha512'].includes(algorithm))
    yield 'Warning: Ignoring -C/-r argument for this algorithm.'
  if (algorithm === 'crypt' && password.length > CRYPT_LENGTH)
    yield `Warning: Password truncated to ${CRYPT_LENGTH} characters by CRYPT algorithm.`
  if (algorithm === 'plain') yield 'Warning: storing passwords as plain text might just not work on this platform.'
}
