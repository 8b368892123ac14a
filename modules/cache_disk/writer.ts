/** A response on its way into its files. */
import { closeSync, writeSync } from 'node:fs'
import type { CachedHead, CacheWriter, Request } from 'httpd'
import { keyOfHead, namesOf } from '../shared/cache/variants.ts'
import { bodyPath, erase, openNew, placeOf, putEntry, readIndex, unique, writeIndex, type Layout } from './files.ts'

export interface Bounds {
  /** Bytes of a body. */
  readonly minFile: number
  readonly maxFile: number
  /** Bytes, and ms, that are written before others have their turn; 0: any. */
  readonly readSize: number
  readonly readTime: number
}

export class DiskWriter implements CacheWriter {
  readonly #r: Request
  readonly #layout: Layout
  readonly #key: string
  readonly #head: CachedHead
  readonly #expected: number | undefined
  readonly #bounds: Bounds
  readonly #place: string
  readonly #body = unique()
  #fd: number | undefined
  #length = 0
  /** It is given up, whatever else comes. */
  #failed = false
  #sinceOthers = 0
  #lastTurn = 0

  constructor(r: Request, layout: Layout, key: string, head: CachedHead, expected: number | undefined, bounds: Bounds) {
    this.#r = r
    this.#layout = layout
    this.#key = key
    this.#head = head
    this.#expected = expected
    this.#bounds = bounds
    this.#place = placeOf(layout, keyOfHead(key, head))
    this.#lastTurn = bounds.readTime > 0 ? performance.now() : 0
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    // To HEAD a body may be made only to learn its length.
    if (this.#failed || this.#head.headOnly) return undefined
    this.#length += bytes.length
    const { maxFile } = this.#bounds
    if (this.#length > maxFile) {
      this.#r.log('debug', 'cache_disk', `AH00732: URL ${this.#key} failed the size check (${this.#length}>${maxFile})`)
      this.cancel()
      return undefined
    }
    this.#attempt(() => {
      this.#fd ??= openNew(bodyPath(this.#place, this.#body))
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
    })
    return this.#share(bytes.length)
  }

  commit(): boolean {
    if (this.#failed) return false
    const { minFile } = this.#bounds
    if (!this.#head.headOnly && this.#length < minFile) {
      this.#r.log('debug', 'cache_disk', `AH00734: URL ${this.#key} failed the size check (${this.#length}<${minFile})`)
      this.cancel()
      return false
    }
    if (!this.#head.headOnly && this.#expected !== undefined && this.#expected !== this.#length) {
      this.#r.log('debug', 'cache_disk', `AH00735: URL ${this.#key} didn't receive complete response, not caching`)
      this.cancel()
      return false
    }
    this.#attempt(() => this.#publish())
    if (!this.#failed) this.#r.log('debug', 'cache_disk', `AH00737: commit_entity: Headers and body for URL ${this.#key} cached.`)
    return !this.#failed
  }

  cancel(): void {
    this.#failed = true
    if (this.#fd === undefined) return
    this.#close()
    erase(bodyPath(this.#place, this.#body))
  }

  #publish(): void {
    const hasBody = this.#fd !== undefined
    this.#close()
    const key = keyOfHead(this.#key, this.#head)
    this.#note(namesOf(this.#head))
    const stored = { key, head: this.#head, length: this.#length, body: hasBody ? this.#body : undefined }
    if (!putEntry(this.#place, stored)) throw new Error('others are always quicker')
  }

  /** The index, if it says something else, or has to. */
  #note(varies: readonly string[]): void {
    const place = placeOf(this.#layout, this.#key)
    const before = readIndex(place)
    if (varies.join() !== (before?.varies.join() ?? '')) writeIndex(place, { varies, invalidated: before?.invalidated ?? 0 })
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  // A cache that cannot be written to is no fault of the response.
  #attempt(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#r.log('warn', 'cache_disk', `AH00736: commit_entity: URL '${this.#key}' not cached due to earlier disk error.`, error)
      const wasOpen = this.#fd !== undefined
      this.cancel()
      if (!wasOpen) erase(bodyPath(this.#place, this.#body))
    }
  }

  #share(bytes: number): Promise<void> | undefined {
    const { readSize, readTime } = this.#bounds
    if (readSize === 0 && readTime === 0) return undefined
    this.#sinceOthers += bytes
    const isLong = (readSize > 0 && this.#sinceOthers >= readSize) || (readTime > 0 && performance.now() - this.#lastTurn >= readTime)
    if (!isLong) return undefined
    this.#sinceOthers = 0
    return new Promise((resolve) => void setImmediate(() => {
      this.#lastTurn = performance.now()
      resolve()
    }))
  }
}
