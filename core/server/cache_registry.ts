/**
 * Where responses are kept (Apache's cache_provider): what mod_cache, which decides, and the modules that hold entries
 * (mod_cache_disk, mod_cache_socache) agree upon.
 *
 * It is a cache: what was stored may be gone at any time. None of these functions throws or rejects; what goes wrong is
 * logged, and the answer is as if there were nothing. All of them may block, so they run where that is allowed.
 */
import type { Data } from '../hook/filter.ts'
import type { Answer } from '../hook/hook.ts'
import type { Request } from '../hook/types.ts'

export type Field = readonly [name: string, value: string]

/** What is known of a stored response, apart from its body. Times are ms since the epoch. */
export interface CachedHead {
  readonly status: number
  /** When the origin made it, when it was asked for and when it was there (RFC 9111 section 4.2.3). */
  readonly date: number
  readonly requestTime: number
  readonly responseTime: number
  readonly expires: number
  /** Cache-Control and Pragma as they were. */
  readonly control: string | undefined
  readonly pragma: string | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly contentLanguages: readonly string[]
  readonly fields: readonly Field[]
  /** The fields of the request that `Vary` names, one for each name: undefined where there was none. */
  readonly varied: readonly (readonly [name: string, value: string | undefined])[]
  /** Stored for HEAD: there is no body. */
  readonly headOnly: boolean
}

export interface CacheEntry {
  readonly head: CachedHead
  /** Something has changed what it stands for (RFC 9111 section 4.4): it must be asked for again. */
  readonly invalidated: boolean
  /** Undefined: it is gone. What there is stays there as long as the request lasts. */
  body(r: Request): Data | undefined
}

/** An entry that is being made. One of `commit` and `cancel` is called, once. */
export interface CacheWriter {
  /** Undefined: go on; a promise: wait. What it is given it does not change. After a failure it takes what comes, for nothing. */
  write(bytes: Uint8Array): Promise<void> | undefined
  /** The body is complete. False: it was not stored. */
  commit(): Answer<boolean>
  cancel(): void
}

export interface CacheProvider {
  /** What there is for a key and the fields of this request. */
  open(r: Request, key: string): Answer<CacheEntry | undefined>
  /** @param length of the body, if that is known @returns undefined: unwilling */
  create(r: Request, key: string, head: CachedHead, length: number | undefined): CacheWriter | undefined
  /** The body stays, all else is new. False: that failed. */
  refresh(r: Request, key: string, entry: CacheEntry, head: CachedHead): Answer<boolean>
  remove(r: Request, key: string): Answer<void>
  /** All that is kept for a key, whatever it varies by, is from now on `invalidated`. */
  invalidate(r: Request, key: string): Answer<void>
}

const providers = new Map<string, CacheProvider>()

/** @param name as `CacheEnable` says it */
export const registerCacheProvider = (name: string, provider: CacheProvider): void => void providers.set(name, provider)

export const cacheProvider = (name: string): CacheProvider | undefined => providers.get(name)
