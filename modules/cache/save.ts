/**
 * The filters that a request goes through when its response is not there, or no longer good: CACHE_SAVE keeps the
 * response on its way to the client, or finds that what was kept still holds; CACHE_REMOVE_URL forgets what was kept when
 * something else has come; CACHE_INVALIDATE, when a request may have changed what it stands for.
 */
import {
  after, eachPiece, FilterType, isPromise, OK,
  type Answer, type CachedHead, type CacheWriter, type Data, type OutputFilter, type Request, type Sink, type Wait,
} from 'httpd'
import { tell, type Caching, type Found } from './caching.ts'
import { controlOf } from './select.ts'
import { strip, wear, withoutEntity } from './serve.ts'
import { perDirectory, type DirectorySettings } from './settings.ts'
import { newHead, out, reasonFor, refreshedHead } from './store.ts'

/** Where what is kept is made: behind all that makes the content, so that it need not be made again. */
export const SAVE_TYPE = FilterType.contentSet + 1

/** @param type where it stands: SAVE_TYPE, or that of the marker that configuration has set */
export const saveFilter = (caching: Caching, type: number): OutputFilter => ({
  name: 'CACHE_SAVE', type, keepsLength: true, quick: true, begin: (r, next) => save(r, caching, next),
})

export const removeFilter = (caching: Caching): OutputFilter => ({
  name: 'CACHE_REMOVE_URL', type: FilterType.protocol, keepsLength: true, quick: true,
  begin: (r) => {
    caching.removeStale(r)
    return undefined
  },
})

function save(r: Request, caching: Caching, next: Sink): Sink | undefined {
  const dir = r.dir(perDirectory)
  if (r.status >= 500 && dir.staleOnError) {
    caching.keepsStale = true
    const stale = usableOnError(caching)
    if (stale !== undefined) return instead(r, caching, stale, next)
  }
  const reason = reasonFor(r, caching, dir)
  if (reason !== undefined) return refuse(r, caching, dir, reason, next)
  return r.status === 304 ? refresh(r, caching, dir, caching.stale!, next) : begin(r, caching, dir, next)
}

/** What may be sent although the origin has failed (RFC 9111 section 4.2.4). */
export function usableOnError({ stale }: Caching): Found | undefined {
  if (stale === undefined) return undefined
  const { mustRevalidate, proxyRevalidate, sMaxage } = controlOf(stale.entry.head)
  return mustRevalidate || proxyRevalidate || sMaxage !== undefined ? undefined : stale
}

/** The stored response in the place of an error. */
export function instead(r: Request, caching: Caching, { entry, body }: Found, next: Sink): Sink {
  const failed = r.status
  strip(r)
  wear(r, entry.head, entry.head.fields)
  const warned = r.headersOut.get('Warning')
  if (warned?.includes('111') !== true) r.headersOut.merge('Warning', '111 Revalidation failed')
  caching.takeBack(r)
  tell(r, r.dir(perDirectory), 'hit', `cache hit: ${failed} status; stale content returned`)
  caching.unlock()
  return bodyOnly(body, next)
}

/** Takes what comes for nothing, and gives this at its end. */
function bodyOnly(body: Data | undefined, next: Sink): Sink {
  const nothing = (): Wait => undefined
  return {
    write: nothing, flush: nothing,
    end: () => after(body === undefined ? undefined : next.write(body), () => next.end()) as Wait,
  }
}

function refuse(r: Request, caching: Caching, dir: DirectorySettings, reason: string, next: Sink): Sink | undefined {
  r.log('debug', 'cache', `AH00768: cache: ${r.unparsedUri} not cached for request ${r.uri}. Reason: ${reason}`)
  const { stale } = caching
  caching.unlock()
  // We have asked, not the client: that one wants the response. It holds for now, but is not to be kept.
  if (r.status === 304 && stale !== undefined && caching.questions !== undefined) {
    caching.removeStale(r)
    const sink = confirmed(r, caching, refreshedHead(r, caching, stale.entry.head, dir), stale.body, next)
    tell(r, dir, 'miss', `conditional cache miss: 304 was uncacheable, entity removed: ${reason}`)
    return sink
  }
  caching.takeBack(r)
  if (r.status === 304) withoutEntity(r)
  tell(r, dir, 'miss', reason)
  return undefined
}

/** The origin says that what is stored still holds. */
function refresh(r: Request, caching: Caching, dir: DirectorySettings, { provider, entry, body }: Found, next: Sink): Sink {
  const head = refreshedHead(r, caching, entry.head, dir)
  const kept = provider.refresh(r, caching.key, entry, head)
  caching.keepsStale = kept !== false
  caching.removeStale(r)
  const sink = confirmed(r, caching, head, body, next)
  tell(r, dir, 'revalidate', `conditional cache hit: entity ${kept === false ? 'refresh failed' : 'refreshed'}`)
  const end = (): Wait => {
    caching.unlock()
    return sink.end()
  }
  return { ...sink, end: () => isPromise(kept) ? kept.then(end) : end() }
}

/** A 304 that only we have asked for becomes the response itself, or what the client has asked. */
function confirmed(r: Request, caching: Caching, head: CachedHead, body: Data | undefined, next: Sink): Sink {
  wear(r, head, head.fields)
  caching.takeBack(r)
  r.status = 200
  const status = r.meetsConditions()
  r.status = status === OK ? head.status : status
  if (status !== OK) withoutEntity(r)
  return bodyOnly(status === OK ? body : undefined, next)
}

/** A new entry. */
function begin(r: Request, caching: Caching, dir: DirectorySettings, next: Sink): Sink | undefined {
  caching.takeBack(r)
  const head = newHead(r, caching, dir)
  const length = out(r, 'Content-Length')
  const writer = createIn(r, caching, head, length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined)
  if (writer === undefined) {
    caching.unlock()
    tell(r, dir, 'miss', 'cache miss: cache unwilling to store response')
    return undefined
  }
  r.log('debug', 'cache', `AH00769: cache: Caching url ${r.unparsedUri} for request ${r.uri}`)
  caching.keepsStale = true
  tell(r, dir, 'miss', 'cache miss: attempting entity save')
  return tee(r, caching, writer, next)
}

function createIn(r: Request, { providers, key }: Caching, head: CachedHead, length: number | undefined): CacheWriter | undefined {
  for (const provider of providers) {
    const writer = provider.create(r, key, head, length)
    if (writer !== undefined) return writer
  }
  return undefined
}

/** What comes goes on as it came, and into the cache. */
function tee(r: Request, caching: Caching, writer: CacheWriter, next: Sink): Sink {
  let isOver = false
  const over = (act: () => void): void => {
    if (isOver) return
    isOver = true
    act()
  }
  return {
    write: (data) => {
      const wait = eachPiece(data, (bytes) => writer.write(bytes))
      return wait === undefined ? next.write(data) : wait.then(() => next.write(data))
    },
    flush: () => next.flush(),
    end: () => {
      let stored: boolean | Promise<boolean> = false
      over(() => {
        if (r.connection.aborted) writer.cancel()
        else stored = writer.commit()
      })
      return after(stored as boolean | Promise<boolean>, () => {
        caching.unlock()
        return next.end()
      }) as Wait
    },
    cancel: () => {
      over(() => writer.cancel())
      caching.unlock()
    },
  }
}

/** RFC 9111 section 4.4: what was asked for, and what the answer names besides, if they are of this server. */
export const invalidateFilter = (cachings: readonly Caching[]): OutputFilter => ({
  name: 'CACHE_INVALIDATE', type: FilterType.protocol, keepsLength: true, quick: true,
  begin: (r, next) => {
    if (r.status >= 300) {
      r.log('debug', 'cache', `AH02466: cache: response status to '${r.method}' method is ${r.status} (>=HTTP_MULTIPLE_CHOICES), not invalidating cached entity: ${r.uri}`)
      return undefined
    }
    r.log('debug', 'cache', `AH02467: cache: Invalidating all cached entities in response to '${r.method}' request for ${r.uri}`)
    tell(r, r.dir(perDirectory), 'invalidate', `cache invalidated by ${r.method}`)
    const late = cachings.flatMap((caching) => invalidateAll(r, caching)).filter(isPromise)
    if (late.length === 0) return undefined
    return { write: (data) => next.write(data), flush: () => next.flush(), end: () => Promise.all(late).then(() => next.end()) }
  },
})

const invalidateAll = (r: Request, { providers, key }: Caching): Answer<void>[] =>
  [key, ...namedKeys(r, key)].flatMap((each) => providers.map((provider) => provider.invalidate(r, each)))

/** Keys that Location and Content-Location name, of the same server. */
function namedKeys(r: Request, key: string): string[] {
  const origin = /^[^:]+:\/\/[^/]*/.exec(key)?.[0] ?? ''
  // A key always has its port; who redirects leaves the usual one out.
  const usual = /^(?:http(?=:.*:80$)|https(?=:.*:443$)).*(?=:\d+$)/.exec(origin)?.[0]
  return ['Location', 'Content-Location'].flatMap((name) => {
    const url = out(r, name)
    if (url === undefined) return []
    const same = [origin, usual].find((each) => each !== undefined && url.toLowerCase().startsWith(`${each.toLowerCase()}/`))
    const plain = same === undefined ? url : url.slice(same.length)
    // Only a path of this server; a key always has its question mark.
    return /^\/(?!\/)[^#?]*(?:\?[^#]*)?$/.test(plain) ? [`${origin}${plain}${plain.includes('?') ? '' : '?'}`] : []
  })
}
