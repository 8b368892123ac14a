/**
 * SDBM, the format that Apache's library brings along: pages of 1024 bytes in PATH.pag, found by a trie of bits in
 * PATH.dir. One rule: a page is believed nothing; whatever stands in the files, a look-up reads a few of them and ends.
 */
import { closeSync, constants, existsSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { DbmError } from './error.ts'
import { lockFile } from './lock.ts'
import type { DbmKind, WritableDbm } from './dbm.ts'

const PAGE = 1024
const DIR_BLOCK = 4096
/** Bytes of key and value together. */
const MOST_PAIR = 1008
const MOST_SPLITS = 10
/** Bits of a hash that choose a page. */
const MOST_BITS = 31

interface Pair { readonly key: Buffer; readonly value: Buffer }

/** Letters are signed, as on the machines that made the files. */
function hashOf(key: Uint8Array): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 65599) + ((key[i]! << 24) >> 24)) | 0
  return hash >>> 0
}

/**
 * The pairs of a page: first how many ends there are, then by turns where a key and where its value begin, each of which
 * ends where the one before begins.
 * @throws DbmError
 */
function pairsOf(page: Buffer): Pair[] {
  const count = page.readUInt16LE(0)
  if (count % 2 !== 0 || 2 * (count + 1) > PAGE) throw new DbmError('a page of it is damaged')
  const pairs: Pair[] = []
  let end = PAGE
  for (let i = 1; i <= count; i += 2) {
    const [key, value] = [page.readUInt16LE(2 * i), page.readUInt16LE(2 * i + 2)]
    if (key > end || value > key || value < 2 * (count + 1)) throw new DbmError('a page of it is damaged')
    pairs.push({ key: page.subarray(key, end), value: page.subarray(value, key) })
    end = value
  }
  return pairs
}

const sizeOf = ({ key, value }: Pair): number => key.length + value.length + 4

const fits = (pairs: readonly Pair[]): boolean => pairs.reduce((sum, pair) => sum + sizeOf(pair), 2) <= PAGE

function pageOf(pairs: readonly Pair[]): Buffer {
  const page = Buffer.alloc(PAGE)
  page.writeUInt16LE(2 * pairs.length, 0)
  let end = PAGE
  pairs.forEach(({ key, value }, i) => {
    page.set(key, end -= key.length)
    page.writeUInt16LE(end, 4 * i + 2)
    page.set(value, end -= value.length)
    page.writeUInt16LE(end, 4 * i + 4)
  })
  return page
}

/** Where a key belongs: its place in the trie, the number of its page, and how many bits of the hash that took. */
interface Place { bit: number; page: number; depth: number }

const READ = constants.O_RDONLY, CHANGE = constants.O_RDWR
/** Emptied under the lock: somebody may be changing it. */
const RENEW = constants.O_RDWR | constants.O_CREAT

class SdbmFiles implements WritableDbm {
  readonly #dir: number
  readonly #pag: number

  constructor(path: string, flags: number) {
    this.#dir = openSync(`${path}.dir`, flags, 0o644)
    try {
      // As Apache's library: whoever changes it has the lock of the directory until it is closed.
      if (flags !== READ) lockFile(this.#dir)
      this.#pag = openSync(`${path}.pag`, flags, 0o644)
    } catch (error) {
      closeSync(this.#dir)
      throw error
    }
    if (flags === RENEW) for (const fd of [this.#dir, this.#pag]) ftruncateSync(fd)
  }

  get(key: Uint8Array): Buffer | undefined {
    return this.#pairs(this.#place(hashOf(key)).page).find((pair) => pair.key.equals(key))?.value
  }

  * entries(): Iterable<readonly [Buffer, Buffer]> {
    const pages = Math.floor(fstatSync(this.#pag).size / PAGE)
    for (let page = 0; page < pages; page++) for (const { key, value } of this.#pairs(page)) yield [key, value]
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const pair = { key: Buffer.from(key), value: Buffer.from(value) }
    if (key.length + value.length > MOST_PAIR) throw new DbmError(`key and value are more than ${MOST_PAIR} bytes together`)
    const hash = hashOf(key)
    const place = this.#place(hash)
    let pairs = [...this.#pairs(place.page).filter((each) => !each.key.equals(key)), pair]
    for (let splits = 0; !fits(pairs); splits++) {
      if (splits === MOST_SPLITS || place.depth === MOST_BITS) throw new DbmError('too many keys of it have the same hash')
      pairs = this.#split(place, pairs, hash)
    }
    this.#write(place.page, pairs)
  }

  remove(key: Uint8Array): boolean {
    const { page } = this.#place(hashOf(key))
    const pairs = this.#pairs(page)
    const kept = pairs.filter((pair) => !pair.key.equals(key))
    if (kept.length < pairs.length) this.#write(page, kept)
    return kept.length < pairs.length
  }

  close(): void {
    closeSync(this.#dir)
    closeSync(this.#pag)
  }

  abandon(): void {
    this.close()
  }

  /** Parts what is in a page between it and a new one. Answers what stays where the hash belongs, which `place` says then. */
  #split(place: Place, pairs: readonly Pair[], hash: number): Pair[] {
    const bit = 2 ** place.depth
    const isUpper = (of: number): boolean => Math.floor(of / bit) % 2 === 1
    const upper = pairs.filter(({ key }) => isUpper(hashOf(key)))
    const lower = pairs.filter(({ key }) => !isUpper(hashOf(key)))
    const [mine, other] = isUpper(hash) ? [upper, lower] : [lower, upper]
    const otherPage = isUpper(hash) ? place.page : place.page + bit
    // The new page first: whoever reads meanwhile finds what there was where it was.
    this.#write(otherPage, other)
    this.#setBit(place.bit)
    place.bit = 2 * place.bit + (isUpper(hash) ? 2 : 1)
    if (isUpper(hash)) place.page += bit
    place.depth++
    return mine
  }

  #place(hash: number): Place {
    const bits = fstatSync(this.#dir).size * 8
    const place: Place = { bit: 0, page: 0, depth: 0 }
    const byte = Buffer.alloc(1)
    while (place.depth < MOST_BITS && place.bit < bits) {
      readSync(this.#dir, byte, 0, 1, Math.floor(place.bit / 8))
      if ((byte[0]! & (1 << (place.bit % 8))) === 0) break
      place.bit = 2 * place.bit + (Math.floor(hash / 2 ** place.depth) % 2 === 1 ? 2 : 1)
      place.depth++
    }
    place.page = hash % 2 ** place.depth
    return place
  }

  #pairs(page: number): Pair[] {
    const bytes = Buffer.alloc(PAGE)
    const read = readSync(this.#pag, bytes, 0, PAGE, page * PAGE)
    if (read !== 0 && read !== PAGE) throw new DbmError('its last page is cut off')
    return pairsOf(bytes)
  }

  #write(page: number, pairs: readonly Pair[]): void {
    writeSync(this.#pag, pageOf(pairs), 0, PAGE, page * PAGE)
  }

  // The file grows by whole blocks, of which most are holes.
  #setBit(bit: number): void {
    const at = Math.floor(bit / 8)
    const block = Buffer.alloc(DIR_BLOCK)
    const start = Math.floor(at / DIR_BLOCK) * DIR_BLOCK
    readSync(this.#dir, block, 0, DIR_BLOCK, start)
    block[at - start]! |= 1 << (bit % 8)
    writeSync(this.#dir, block, 0, DIR_BLOCK, start)
  }
}

export const sdbm: DbmKind = {
  files: (path) => [`${path}.pag`, `${path}.dir`],
  isAt: (path) => existsSync(`${path}.pag`) && existsSync(`${path}.dir`),
  needsTrust: false,
  read: (path) => new SdbmFiles(path, READ),
  write: (path, fresh) => new SdbmFiles(path, fresh ? RENEW : CHANGE),
}
