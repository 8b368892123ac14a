/*
 * Objects in a fixed piece of memory that any number of processes have. The oldest go when there is no room. One rule:
 * whoever dies in the middle of a change costs the other objects of that subcache, and nobody's time.
 */
import { SharedLocks, type LockParts, type SocacheHints } from 'httpd'
import { ENTRY_BYTES, Entry, Figure, hashOf, Head, layoutOf, type Layout } from './layout.ts'

/** What the cache has done since it was made, and what is in it. */
export type Figures = Readonly<Record<keyof typeof Figure | 'entries' | 'bytesUsed' | 'bytes' | 'subcaches' | 'entriesMost', number>>

/** One subcache while its lock is held: word offset of its head. */
type Held = number

export class SharedCache {
  readonly #layout: Layout
  readonly #words: Int32Array
  readonly #numbers: Float64Array
  readonly #bytes: Uint8Array
  readonly #locks: SharedLocks
  readonly #now: () => number

  /** @param memory zeroed when new @param now ms since the epoch */
  constructor(memory: ArrayBuffer, hints: Pick<SocacheHints, 'averageObject' | 'averageId'>, lock: LockParts, now = Date.now) {
    this.#layout = layoutOf(memory.byteLength, hints)
    this.#words = new Int32Array(memory, 0, memory.byteLength >> 2)
    this.#numbers = new Float64Array(memory, 0, memory.byteLength >> 3)
    this.#bytes = new Uint8Array(memory)
    this.#locks = new SharedLocks(this.#words, lock)
    this.#now = now
  }

  /** @returns false if it is too large, or others are at it for too long */
  store(id: Uint8Array, value: Uint8Array, expires: number): boolean {
    const size = id.length + value.length
    if (size > this.#layout.data) {
      this.#add(Figure.refused)
      return false
    }
    return this.#with(hashOf(id), (held, hash) => {
      const before = this.#find(held, hash, id)
      if (before >= 0) this.#words[before + Entry.removed] = 1
      this.#makeRoom(held, size)
      this.#append(held, hash, id, value, expires)
      this.#add(before < 0 ? Figure.stores : Figure.replaced)
      return true
    }) ?? false
  }

  retrieve(id: Uint8Array): Uint8Array | undefined {
    return this.#with(hashOf(id), (held, hash) => {
      const row = this.#find(held, hash, id)
      const there = row >= 0 && this.#expiry(row) > this.#now()
      this.#add(there ? Figure.hits : Figure.misses)
      return there ? this.#copy(held, this.#word(row, Entry.data) + id.length, this.#word(row, Entry.valueBytes)) : undefined
    })
  }

  remove(id: Uint8Array): boolean {
    return this.#with(hashOf(id), (held, hash) => {
      const row = this.#find(held, hash, id)
      this.#add(row < 0 ? Figure.notRemoved : Figure.removed)
      if (row >= 0) this.#words[row + Entry.removed] = 1
      return row >= 0
    }) ?? false
  }

  /** No lock is held while `each` runs. */
  iterate(each: (id: Uint8Array, value: Uint8Array, expires: number) => boolean | void): void {
    for (let subcache = 0; subcache < this.#layout.subcaches; subcache++) {
      const found = this.#with(subcache, (held) => this.#live(held).map((row) => {
        const [at, idBytes] = [this.#word(row, Entry.data), this.#word(row, Entry.idBytes)]
        return {
          id: this.#copy(held, at, idBytes), value: this.#copy(held, at + idBytes, this.#word(row, Entry.valueBytes)),
          expires: this.#expiry(row),
        }
      })) ?? []
      for (const { id, value, expires } of found) if (each(id, value, expires) === false) return
    }
  }

  figures(): Figures {
    const { subcaches, entries, data } = this.#layout
    const sums = { entries: 0, bytesUsed: 0, bytes: this.#bytes.length, subcaches, entriesMost: subcaches * entries }
    for (let subcache = 0; subcache < subcaches; subcache++) {
      const head = this.#headOf(subcache)
      sums.entries += Math.min(this.#word(head, Head.count), entries)
      sums.bytesUsed += Math.min(this.#word(head, Head.dataUsed), data)
    }
    const counts = Object.entries(Figure).map(([name, at]) => [name, Atomics.load(this.#words, at) >>> 0])
    return { ...sums, ...Object.fromEntries(counts) as Record<keyof typeof Figure, number> }
  }

  #headOf = (subcache: number): Held => (this.#layout.first + subcache * this.#layout.stride) >> 2

  /** Runs `act` with the lock of the subcache; undefined if that is not to be had. */
  #with<T>(hash: number, act: (held: Held, hash: number) => T): T | undefined {
    const held = this.#headOf((hash >>> 0) % this.#layout.subcaches)
    const locked = this.#locks.acquire(held + Head.lock)
    if (locked === 'busy') {
      this.#add(Figure.busy)
      return undefined
    }
    try {
      if (locked === 'abandoned') this.#clear(held)
      return act(held, hash)
    } finally {
      this.#locks.release(held + Head.lock)
    }
  }

  #clear(held: Held): void {
    for (const word of [Head.first, Head.count, Head.dataFirst, Head.dataUsed]) this.#words[held + word] = 0
    this.#add(Figure.cleared)
  }

  #add(figure: number): void {
    Atomics.add(this.#words, figure, 1)
  }

  #word = (at: number, field: number): number => this.#words[at + field]!

  #expiry = (row: number): number => this.#numbers[(row + Entry.expires) >> 1]!

  /** Word offset of the row so many places behind the oldest. */
  #row(held: Held, place: number): number {
    const index = (this.#word(held, Head.first) + place) % this.#layout.entries
    return held + ((this.#layout.indexAt + index * ENTRY_BYTES) >> 2)
  }

  #find(held: Held, hash: number, id: Uint8Array): number {
    for (let place = this.#word(held, Head.count) - 1; place >= 0; place--) {
      const row = this.#row(held, place)
      if (this.#word(row, Entry.hash) !== hash || this.#word(row, Entry.idBytes) !== id.length) continue
      if (this.#word(row, Entry.removed) === 0 && this.#holds(held, this.#word(row, Entry.data), id)) return row
    }
    return -1
  }

  #live(held: Held): number[] {
    const rows = Array.from({ length: this.#word(held, Head.count) }, (_, place) => this.#row(held, place))
    const now = this.#now()
    return rows.filter((row) => this.#word(row, Entry.removed) === 0 && this.#expiry(row) > now)
  }

  // What is over its time at the old end goes first, then whatever is there.
  #makeRoom(held: Held, size: number): void {
    const now = this.#now()
    while (this.#word(held, Head.count) > 0) {
      const row = this.#row(held, 0)
      const over = this.#expiry(row) <= now
      const gone = over || this.#word(row, Entry.removed) === 1
      const fits = this.#word(held, Head.count) < this.#layout.entries &&
        this.#word(held, Head.dataUsed) + size <= this.#layout.data
      if (!gone && fits) return
      this.#dropOldest(held, row)
      if (over) this.#add(Figure.expired)
      else if (!gone) this.#add(Figure.evicted)
    }
  }

  #dropOldest(held: Held, row: number): void {
    const size = this.#word(row, Entry.idBytes) + this.#word(row, Entry.valueBytes)
    this.#words[held + Head.first] = (this.#word(held, Head.first) + 1) % this.#layout.entries
    this.#words[held + Head.count] = this.#word(held, Head.count) - 1
    this.#words[held + Head.dataFirst] = (this.#word(held, Head.dataFirst) + size) % this.#layout.data
    this.#words[held + Head.dataUsed] = this.#word(held, Head.dataUsed) - size
  }

  #append(held: Held, hash: number, id: Uint8Array, value: Uint8Array, expires: number): void {
    const row = this.#row(held, this.#word(held, Head.count))
    const at = (this.#word(held, Head.dataFirst) + this.#word(held, Head.dataUsed)) % this.#layout.data
    this.#words.set([hash, at, id.length, value.length], row)
    this.#numbers[(row + Entry.expires) >> 1] = expires
    this.#words[row + Entry.removed] = 0
    this.#place(held, at, id)
    this.#place(held, at + id.length, value)
    this.#words[held + Head.count] = this.#word(held, Head.count) + 1
    this.#words[held + Head.dataUsed] = this.#word(held, Head.dataUsed) + id.length + value.length
  }

  // Bytes of the data ring; `at` may lie behind its end.

  #place(held: Held, at: number, bytes: Uint8Array): void {
    const { data, dataAt } = this.#layout
    const from = at % data
    const begin = (held << 2) + dataAt
    const first = bytes.subarray(0, data - from)
    this.#bytes.set(first, begin + from)
    this.#bytes.set(bytes.subarray(first.length), begin)
  }

  #copy(held: Held, at: number, length: number): Uint8Array {
    const { data, dataAt } = this.#layout
    const from = at % data
    const begin = (held << 2) + dataAt
    const first = Math.min(length, data - from)
    const copy = new Uint8Array(length)
    copy.set(this.#bytes.subarray(begin + from, begin + from + first))
    copy.set(this.#bytes.subarray(begin, begin + length - first), first)
    return copy
  }

  #holds(held: Held, at: number, bytes: Uint8Array): boolean {
    const { data, dataAt } = this.#layout
    const begin = (held << 2) + dataAt
    for (let i = 0; i < bytes.length; i++) if (this.#bytes[begin + (at + i) % data] !== bytes[i]) return false
    return true
  }
}
