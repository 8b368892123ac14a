/*
 * Nonces (RFC 7616 section 3.3) and who has used them. A nonce is the time when it was made and a hash of that, the realm,
 * the client's number and a secret of the server: nothing is remembered of it. Only of clients whose counts are checked,
 * or whose nonces hold for one request, the memory that all processes share says which nonce and count came last:
 *
 *   secret (24 bytes) | last number given | last stamp given | slots of two words: client number, stamp and count
 *
 * Each word is changed by compareExchange alone: there is no lock that a process could die with. A client's slot is its
 * number modulo their count; one that has lost it to a newer client is told that its nonce is stale.
 */

/** Bytes of the head, and of a slot. */
const HEAD = 40
const SLOT = 16
const [NUMBER, STAMP, SLOTS] = [3, 4, 5]

/** Least memory that has a slot. */
export const LEAST_BYTES = HEAD + SLOT

/** Bits of a word that count requests; a nonce that was used so often is worn out. */
const COUNT_BITS = 20n
export const MOST_COUNT = 2 ** 20 - 1

/** A stamp is a time in 1/8 ms from here on, and for clients that are kept no other nonce's: 44 bits last until 2094. */
const EPOCH = Date.UTC(2025, 0, 1)
const PER_MS = 8

export const stampOf = (ms: number): number => Math.max(1, Math.floor((ms - EPOCH) * PER_MS))
export const msOf = (stamp: number): number => EPOCH + stamp / PER_MS

/** What becomes of a request's nonce and count. */
export type Use = 'fresh' | 'unknown' | 'worn' | { readonly last: number }

// Loading it takes a while, and few need it.
const crypto = () => process.getBuiltinModule('node:crypto')

export class Nonces {
  readonly #words: BigUint64Array
  readonly #slots: number
  readonly #secret: Buffer

  /** @param memory shared by all processes, zeroed when new; at least LEAST_BYTES */
  constructor(memory: ArrayBuffer) {
    this.#words = new BigUint64Array(memory, 0, Math.floor(memory.byteLength / 8))
    this.#slots = Math.floor((memory.byteLength - HEAD) / SLOT)
    this.#secret = this.#agreeOnSecret()
  }

  // Word by word the first one that was written counts, whoever has written it.
  #agreeOnSecret(): Buffer {
    const words = this.#words
    for (let i = 0; i < NUMBER; i++) {
      const mine = crypto().randomBytes(8).readBigUInt64LE()
      Atomics.compareExchange(words, i, 0n, mine === 0n ? 1n : mine)
    }
    const secret = Buffer.alloc(8 * NUMBER)
    for (let i = 0; i < NUMBER; i++) secret.writeBigUInt64LE(Atomics.load(words, i), 8 * i)
    return secret
  }

  /** @param opaque as the client is to send it back; undefined: it gets none */
  make(stamp: number, realm: string, opaque: string | undefined): string {
    const time = Buffer.alloc(8)
    time.writeBigUInt64LE(BigInt(stamp))
    const text = time.toString('base64')
    return text + this.#hash(text, realm, opaque)
  }

  #hash(time: string, realm: string, opaque: string | undefined): string {
    const text = `${time}:${opaque ?? ''}:${realm}`
    return crypto().createHmac('sha256', this.#secret).update(text, 'latin1').digest('hex').slice(0, 40)
  }

  /** The stamp of a nonce; undefined if this server has not made it for that realm and client. */
  stampIn(nonce: string, realm: string, opaque: string | undefined): number | undefined {
    const time = nonce.slice(0, 12)
    const expected = Buffer.from(time + this.#hash(time, realm, opaque))
    const said = Buffer.from(nonce, 'latin1')
    if (said.length !== expected.length || !crypto().timingSafeEqual(said, expected)) return undefined
    return Number(Buffer.from(time, 'base64').readBigUInt64LE())
  }

  /** A stamp of now that no other call has got, in any process. */
  stamp(ms: number): number {
    const now = BigInt(stampOf(ms))
    for (;;) {
      const last = Atomics.load(this.#words, STAMP)
      const next = now > last ? now : last + 1n
      if (Atomics.compareExchange(this.#words, STAMP, last, next) === last) return Number(next)
    }
  }

  /** A client that is kept from now on. What it uses has to be newer than `stamp`, or that. @returns its number */
  addClient(stamp: number): number {
    const words = this.#words
    const number = Atomics.add(words, NUMBER, 1n) + 1n
    const at = this.#slotOf(number)
    // First what all that came before is too old for, so that no count of another client holds for this one.
    Atomics.store(words, at + 1, BigInt(stamp) << COUNT_BITS)
    Atomics.store(words, at, number)
    return Number(number)
  }

  knows(client: number): boolean {
    return client > 0 && Atomics.load(this.#words, this.#slotOf(BigInt(client))) === BigInt(client)
  }

  /**
   * Notes that a client uses a nonce.
   * @param count MOST_COUNT for a nonce that holds for one request only
   * @returns `fresh` if neither this nor anything newer was used before; `last`: the count that was
   */
  use(client: number, stamp: number, count: number): Use {
    if (count > MOST_COUNT) return 'worn'
    const words = this.#words
    const mine = (BigInt(stamp) << COUNT_BITS) + BigInt(count)
    const at = this.#slotOf(BigInt(client))
    for (;;) {
      const last = Atomics.load(words, at + 1)
      if (!this.knows(client)) return 'unknown'
      if (mine <= last) return { last: Number(last & ((1n << COUNT_BITS) - 1n)) }
      if (Atomics.compareExchange(words, at + 1, last, mine) === last) return 'fresh'
    }
  }

  #slotOf(client: bigint): number {
    return SLOTS + 2 * Number(client % BigInt(this.#slots))
  }
}
