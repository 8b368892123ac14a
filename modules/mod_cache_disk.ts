/*
 * mod_cache_disk: keeps what mod_cache is given in files below CacheRoot, for all processes and for the time after a
 * restart. What it has leaves by sendfile.
 */
import {
  parsed, registerCacheProvider, RSRC_AND_ACCESS, RSRC_CONF, word,
  type CachedHead, type CacheEntry, type CacheProvider, type CacheWriter, type Data, type FileInfo, type Module, type Request,
} from 'httpd'
import { headFromJson, keyFor, keyOfHead } from './shared/cache/variants.ts'
import { bodyPath, placeOf, readEntry, readIndex, removeEntry, renewEntry, writeIndex, type Layout, type Stored } from './cache_disk/files.ts'
import { letters, perDirectory, perServer, size, type Said } from './cache_disk/settings.ts'
import { DiskWriter } from './cache_disk/writer.ts'

const NO_INDEX = { varies: [], invalidated: 0 }
const NOTHING = new Uint8Array(0)

let told = false

/** Undefined: it is not said where. */
function layoutOf(r: Request): Layout | undefined {
  const { root, levels, length } = r.server.get(perServer)
  if (root !== undefined) return { root, levels, length }
  if (!told) r.log('error', 'cache_disk', 'AH00703: Cannot cache files to disk without a CacheRoot specified.')
  told = true
  return undefined
}

class DiskEntry implements CacheEntry {
  readonly stored: Stored
  readonly head: CachedHead
  readonly invalidated: boolean
  readonly #place: string

  constructor(stored: Stored, place: string, invalidated: boolean) {
    this.stored = stored
    this.head = headFromJson(stored.head)
    this.invalidated = invalidated
    this.#place = place
  }

  body(r: Request): Data | undefined {
    const { body, length } = this.stored
    if (body === undefined) return this.head.headOnly ? undefined : NOTHING
    const path = bodyPath(this.#place, body)
    const found = r.stat(path)
    if (found.type !== 'file' || found.size !== length) return undefined
    try {
      return r.filePart(path, 0, length)
    } catch {
      // Somebody has removed it just now.
      return undefined
    }
  }
}

function open(r: Request, key: string): CacheEntry | undefined {
  const layout = layoutOf(r)
  if (layout === undefined) return undefined
  const look = (path: string): FileInfo => r.stat(path)
  const url = placeOf(layout, key)
  const index = readIndex(url, look) ?? NO_INDEX
  const wanted = keyFor(r, key, index)
  const place = wanted === key ? url : placeOf(layout, wanted)
  const stored = readEntry(place, wanted, look)
  return stored === undefined ? undefined : new DiskEntry(stored, place, stored.head.responseTime <= index.invalidated)
}

function create(r: Request, key: string, head: CachedHead, length: number | undefined): CacheWriter | undefined {
  const layout = layoutOf(r)
  if (layout === undefined) return undefined
  const bounds = r.dir(perDirectory)
  if (head.status === 206) {
    r.log('debug', 'cache_disk', `AH00700: URL ${key} partial content response not cached`)
    return undefined
  }
  if (length !== undefined && length > bounds.maxFile) {
    r.log('debug', 'cache_disk', `AH00701: URL ${key} failed the size check (${length} > ${bounds.maxFile})`)
    return undefined
  }
  if (length !== undefined && length < bounds.minFile) {
    r.log('debug', 'cache_disk', `AH00702: URL ${key} failed the size check (${length} < ${bounds.minFile})`)
    return undefined
  }
  return new DiskWriter(r, layout, key, head, length, bounds)
}

/** Carries out what may fail; that is logged. */
function attempt(r: Request, key: string, act: (layout: Layout) => void): boolean {
  const layout = layoutOf(r)
  if (layout === undefined) return false
  try {
    act(layout)
    return true
  } catch (error) {
    r.log('warn', 'cache_disk', `AH00726: could not write info to header file ${placeOf(layout, key)}.entry`, error)
    return false
  }
}

const provider: CacheProvider = {
  open,
  create,
  refresh: (r, key, entry, head) => attempt(r, key, (layout) => {
    const variant = keyOfHead(key, head)
    renewEntry(placeOf(layout, variant), { ...(entry as DiskEntry).stored, key: variant, head })
  }),
  remove: (r, key) => void attempt(r, key, (layout) => {
    const index = readIndex(placeOf(layout, key)) ?? NO_INDEX
    const place = placeOf(layout, keyFor(r, key, index))
    if (removeEntry(place)) r.log('debug', 'cache_disk', `AH00711: Deleting ${place}.entry from cache.`)
  }),
  invalidate: (r, key) => void attempt(r, key, (layout) => {
    const place = placeOf(layout, key)
    const index = readIndex(place)
    if (index !== undefined || readEntry(place, key) !== undefined)
      writeIndex(place, { varies: index?.varies ?? [], invalidated: Date.now() })
  }),
}

registerCacheProvider('disk', provider)

const argument = (name: string, what: string): string => `${name} argument must be a non-negative integer representing the max ${what}`

export const module = {
  name: 'cache_disk_module',
  file: 'mod_cache_disk.c',
  settings: [perServer, perDirectory],
  directives: [
    perServer.directive('CacheRoot', [parsed((path, command) => command.serverRootRelative(path))], 'root', RSRC_CONF,
      'The directory to store cache files'),
    perServer.directive('CacheDirLevels', [word], (said: Said, _, text) => letters(said, 'levels', 'CacheDirLevels', text), RSRC_CONF,
      'The number of levels of subdirectories in the cache'),
    perServer.directive('CacheDirLength', [word], (said: Said, _, text) => letters(said, 'length', 'CacheDirLength', text), RSRC_CONF,
      'The number of characters in subdirectory names'),
    perDirectory.directive('CacheMinFileSize', [size('CacheMinFileSize argument must be a non-negative integer representing the min size of a file to cache in bytes.')],
      'minFile', RSRC_AND_ACCESS, 'The minimum file size to cache a document'),
    perDirectory.directive('CacheMaxFileSize', [size(argument('CacheMaxFileSize', 'size of a file to cache in bytes.'))],
      'maxFile', RSRC_AND_ACCESS, 'The maximum file size to cache a document'),
    perDirectory.directive('CacheReadSize', [size(argument('CacheReadSize', 'amount of data to cache in go.'))],
      'readSize', RSRC_AND_ACCESS, 'The maximum quantity of data to attempt to read and cache in one go'),
    perDirectory.directive('CacheReadTime', [size(argument('CacheReadTime', 'amount of time taken to cache in go.'))],
      'readTime', RSRC_AND_ACCESS, 'The maximum time taken to attempt to read and cache in go'),
  ],
} satisfies Module
