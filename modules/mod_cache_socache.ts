/*
 * mod_cache_socache: keeps what mod_cache is given in a shared object cache (mod_socache_shmcb and its like): small
 * responses, asked for often. One rule: a cache that does not answer is one that has nothing.
 */
import {
  OK, registerCacheProvider, RSRC_AND_ACCESS, RSRC_CONF, word,
  type Answer, type CachedHead, type CacheEntry, type CacheProvider, type CacheWriter, type Module, type Request, type Socache,
  type Startup, type Status,
} from 'httpd'
import { packed, unpacked, type Record, type Unpacked } from './cache_socache/record.ts'
import { amount, choose, maxSize, perDirectory, perServer, type DirectorySettings } from './cache_socache/settings.ts'
import { nameOf } from './shared/cache/name.ts'
import { keyFor, keyOfHead, namesOf } from './shared/cache/variants.ts'

const HINTS = { averageObject: 4096, averageId: 43, expiryInterval: 60_000 }
const NO_INDEX = { varies: [], invalidated: 0 }
const NOTHING = new Uint8Array(0)

/** post_config, in each thread as well. */
export async function openCaches(startup: Startup): Promise<Status> {
  const caches = new Set(startup.server.all.map((server) => server.get(perServer).cache).filter((cache) => cache !== undefined))
  for (const [i, cache] of [...caches].entries()) {
    try {
      // Each has memory of its own: that of one of another size would end the process.
      await cache.open(i === 0 ? 'cache-socache' : `cache-socache-${i + 1}`, HINTS, startup)
    } catch (error) {
      startup.note('crit', 'cache_socache', `AH02393: failed to initialise cache-socache cache: ${(error as Error).message}`)
      return 500
    }
  }
  return OK
}

const idOf = (key: string): Uint8Array => Buffer.from(nameOf(key), 'latin1')

async function retrieve(r: Request, cache: Socache, key: string): Promise<Unpacked | undefined> {
  const bytes = await cache.retrieve(idOf(key), r.server)
  return bytes === undefined ? undefined : unpacked(bytes)
}

/** False: it is too large, or was not taken. */
async function keep(r: Request, cache: Socache, key: string, record: Record, body: Uint8Array): Promise<boolean> {
  const dir = r.dir(perDirectory)
  const bytes = packed(record, body)
  if (bytes.length > dir.maxSize) {
    r.log('debug', 'cache_socache', `AH02349: URL '${key}' body and headers larger than limit, ignoring (${bytes.length} > ${dir.maxSize})`)
    return false
  }
  const expires = record.kept === undefined ? Date.now() + dir.maxTime : keptUntil(r, record.kept.head, dir)
  if (await cache.store(idOf(key), bytes, expires, r.server)) return true
  r.log('warn', 'cache_socache', `AH02386: could not write to cache, ignoring: ${key}`)
  return false
}

/** It is kept for a while after it has become stale, to be asked for again without its body. */
const keptUntil = ({ requestTime }: Request, { expires }: CachedHead, { maxTime, minTime }: DirectorySettings): number =>
  Math.min(requestTime + maxTime, expires + minTime)

class SocacheEntry implements CacheEntry {
  readonly head: CachedHead
  readonly invalidated: boolean
  readonly #body: Uint8Array

  constructor(head: CachedHead, body: Uint8Array, invalidated: boolean) {
    this.head = head
    this.#body = body
    this.invalidated = invalidated
  }

  body(): Uint8Array {
    return this.#body
  }
}

async function open(r: Request, key: string): Promise<CacheEntry | undefined> {
  const { cache } = r.server.get(perServer)
  if (cache === undefined) return undefined
  const first = await retrieve(r, cache, key)
  if (first === undefined) return undefined
  const wanted = keyFor(r, key, first.index)
  const found = wanted === key ? first : await retrieve(r, cache, wanted)
  if (found?.kept?.key !== wanted) return undefined
  return new SocacheEntry(found.kept.head, found.body, found.kept.head.responseTime <= first.index.invalidated)
}

/** Stores an entry under its own key; where it varies the URL's key says by what. */
async function storeEntry(r: Request, cache: Socache, key: string, head: CachedHead, body: Uint8Array): Promise<boolean> {
  const own = keyOfHead(key, head)
  if (own !== key) {
    const before = await retrieve(r, cache, key)
    const varies = namesOf(head)
    const invalidated = before?.index.invalidated ?? 0
    if (!await keep(r, cache, key, { index: { varies, invalidated } }, NOTHING)) return false
  }
  return keep(r, cache, own, { index: NO_INDEX, kept: { key: own, head, length: body.length } }, body)
}

class SocacheWriter implements CacheWriter {
  readonly #r: Request
  readonly #cache: Socache
  readonly #key: string
  readonly #head: CachedHead
  readonly #expected: number | undefined
  #pieces: Uint8Array[] = []
  #bytes = 0
  #failed = false
  #sinceOthers = 0

  constructor(r: Request, cache: Socache, key: string, head: CachedHead, expected: number | undefined) {
    this.#r = r
    this.#cache = cache
    this.#key = key
    this.#head = head
    this.#expected = expected
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failed || this.#head.headOnly) return undefined
    const { maxSize: most, readSize } = this.#r.dir(perDirectory)
    this.#bytes += bytes.length
    if (this.#bytes > most) {
      this.#r.log('debug', 'cache_socache', `AH02378: URL ${this.#key} failed the buffer size check (${this.#bytes}>=${most})`)
      this.cancel()
      return undefined
    }
    this.#pieces.push(bytes)
    this.#sinceOthers += bytes.length
    if (readSize === 0 || this.#sinceOthers < readSize) return undefined
    this.#sinceOthers = 0
    return new Promise((resolve) => void setImmediate(resolve))
  }

  commit(): Answer<boolean> {
    if (this.#failed) return false
    if (!this.#head.headOnly && this.#expected !== undefined && this.#expected !== this.#bytes) {
      this.#r.log('debug', 'cache_socache', `AH02381: URL ${this.#key} didn't receive complete response, not caching`)
      return false
    }
    return storeEntry(this.#r, this.#cache, this.#key, this.#head, Buffer.concat(this.#pieces))
  }

  cancel(): void {
    this.#failed = true
    this.#pieces = []
  }
}

function create(r: Request, key: string, head: CachedHead, length: number | undefined): CacheWriter | undefined {
  const { cache } = r.server.get(perServer)
  if (cache === undefined) return undefined
  const { maxSize: most } = r.dir(perDirectory)
  if (head.status === 206) {
    r.log('debug', 'cache_socache', `AH02345: URL ${key} partial content response not cached`)
    return undefined
  }
  if (length !== undefined && length > most) {
    r.log('debug', 'cache_socache', `AH02347: URL '${key}' body larger than limit, ignoring (${length} > ${most})`)
    return undefined
  }
  return new SocacheWriter(r, cache, key, head, length)
}

/** Acts on the cache of the request's server, if it has one. */
const withCache = <T>(r: Request, act: (cache: Socache) => Answer<T>, otherwise: T): Answer<T> => {
  const { cache } = r.server.get(perServer)
  return cache === undefined ? otherwise : act(cache)
}

async function invalidate(r: Request, cache: Socache, key: string): Promise<void> {
  const found = await retrieve(r, cache, key)
  if (found === undefined) return
  const { kept, body } = found
  await keep(r, cache, key, { index: { varies: found.index.varies, invalidated: Date.now() }, ...(kept && { kept }) }, body)
}

async function remove(r: Request, cache: Socache, key: string): Promise<void> {
  const found = await retrieve(r, cache, key)
  if (found !== undefined) await cache.remove(idOf(keyFor(r, key, found.index)), r.server)
}

const provider: CacheProvider = {
  open,
  create,
  refresh: (r, key, entry, head) => withCache(r, (cache) => storeEntry(r, cache, key, head, (entry as SocacheEntry).body()), false),
  remove: (r, key) => withCache(r, (cache) => remove(r, cache, key), undefined),
  invalidate: (r, key) => withCache(r, (cache) => invalidate(r, cache, key), undefined),
}

registerCacheProvider('socache', provider)

const inOneGo = (name: string, what: string): string => `${name} argument must be a non-negative integer representing the max amount of ${what} to cache in go.`
const seconds = (name: string, which: string): string => `${name} argument must be the ${which} amount of time in seconds to cache an entry.`

export const module = {
  name: 'cache_socache_module',
  file: 'mod_cache_socache.c',
  settings: [perServer, perDirectory],
  directives: [
    perServer.directive('CacheSocache', [word], (said: { cache?: Socache | undefined }, command, text) => void (said.cache = choose(command, text)),
      RSRC_CONF, 'The shared object cache to store cache files'),
    perDirectory.directive('CacheSocacheMaxTime', [amount(seconds('CacheSocacheMaxTime', 'maximum'), 1000)], 'maxTime', RSRC_AND_ACCESS,
      'The maximum cache expiry age to cache a document in seconds'),
    perDirectory.directive('CacheSocacheMinTime', [amount(seconds('CacheSocacheMinTime', 'minimum'), 1000)], 'minTime', RSRC_AND_ACCESS,
      'The minimum cache expiry age to cache a document in seconds'),
    perDirectory.directive('CacheSocacheMaxSize', [maxSize], 'maxSize', RSRC_AND_ACCESS,
      'The maximum cache entry size (headers and body) to cache a document'),
    perDirectory.directive('CacheSocacheReadSize', [amount(inOneGo('CacheSocacheReadSize', 'data'), 1)], 'readSize', RSRC_AND_ACCESS,
      'The maximum quantity of data to attempt to read and cache in one go'),
    perDirectory.directive('CacheSocacheReadTime', [amount(inOneGo('CacheSocacheReadTime', 'time taken'), 1)], 'readTime', RSRC_AND_ACCESS,
      'The maximum time taken to attempt to read and cache in go'),
  ],
  register({ postConfig }, on) {
    on(postConfig, openCaches)
  },
} satisfies Module
