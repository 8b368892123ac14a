/*
 * Authenticated encryption of sessions: base64 of
 *
 *   format (1 byte) | salt (16) | nonce (12) | AES-GCM of the session | tag (16)
 *
 * The key is made of the passphrase by scrypt, once, and of the salt by HMAC-SHA-256, for each session.
 * docs/modules/sessions.md says how this relates to Apache's format.
 */
const FORMAT = 1
const [SALT, NONCE, TAG] = [16, 12, 16]
const HEAD = 1 + SALT + NONCE

/** SessionCryptoCipher, and bytes of its key. */
export const CIPHERS = { aes128: 16, aes192: 24, aes256: 32 } as const
export type Cipher = keyof typeof CIPHERS

// Loading it takes a while, and few need it.
const crypto = () => process.getBuiltinModule('node:crypto')

/** What scrypt has made of passphrases: it takes some 50 ms. Few are ever in use. */
const masters = new Map<string, Buffer>()
const MOST_MASTERS = 64

function masterOf(passphrase: string): Buffer {
  let master = masters.get(passphrase)
  if (master !== undefined) return master
  if (masters.size >= MOST_MASTERS) masters.clear()
  master = crypto().scryptSync(Buffer.from(passphrase, 'latin1'), 'switchyard session', 32)
  masters.set(passphrase, master)
  return master
}

function keyOf(passphrase: string, salt: Uint8Array, cipher: Cipher): Buffer {
  const hash = crypto().createHmac('sha256', masterOf(passphrase)).update(cipher).update(salt).digest()
  return hash.subarray(0, CIPHERS[cipher])
}

const algorithm = (cipher: Cipher) => `aes-${CIPHERS[cipher] * 8 as 128 | 192 | 256}-gcm` as const

/** @param text one character per byte */
export function seal(text: string, passphrase: string, cipher: Cipher): string {
  const head = Buffer.concat([Buffer.from([FORMAT]), crypto().randomBytes(SALT + NONCE)])
  const key = keyOf(passphrase, head.subarray(1, 1 + SALT), cipher)
  const by = crypto().createCipheriv(algorithm(cipher), key, head.subarray(1 + SALT)).setAAD(head.subarray(0, 1))
  return Buffer.concat([head, by.update(text, 'latin1'), by.final(), by.getAuthTag()]).toString('base64')
}

/** A sealed session as bytes; undefined for what is too short, or of another format. */
export function sealed(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length < HEAD + TAG || bytes[0] !== FORMAT ? undefined : bytes
}

/** @returns undefined if it was sealed with another passphrase, or changed */
export function open(bytes: Buffer, passphrase: string, cipher: Cipher): string | undefined {
  const key = keyOf(passphrase, bytes.subarray(1, 1 + SALT), cipher)
  const by = crypto().createDecipheriv(algorithm(cipher), key, bytes.subarray(1 + SALT, HEAD), { authTagLength: TAG })
  by.setAAD(bytes.subarray(0, 1)).setAuthTag(bytes.subarray(bytes.length - TAG))
  try {
    return by.update(bytes.subarray(HEAD, bytes.length - TAG), undefined, 'latin1') + by.final('latin1')
  } catch {
    return undefined
  }
}
