/*
 * mod_cache: keeps responses, and answers with them for as long as they hold (RFC 9111). Where they are kept is the affair
 * of other modules (mod_cache_disk, mod_cache_socache). One rule: whoever asks gets what the origin would say, or is told
 * that it is older. docs/adr/0033 says how it sits among hooks and filters.
 */
import {
  after, DECLINED, each, FilterType, flag, HANDOVER, OK, optional, Order, RSRC_AND_ACCESS, RSRC_CONF, word,
  type Answer, type Configured, type Module, type OutputFilter, type Request, type Status,
} from 'httpd'
import { Caching, cachingOf, confOf, letGo, providersFor, remember, serverWide, tell } from './cache/caching.ts'
import { instead, invalidateFilter, removeFilter, SAVE_TYPE, saveFilter, usableOnError } from './cache/save.ts'
import { select, type Hit } from './cache/select.ts'
import { wear, withoutBody } from './cache/serve.ts'
import {
  baseUrl, disable, enable, factor, fieldNames, identifiers, lockAge, perDirectory, perServer, seconds, type DirectorySettings,
} from './cache/settings.ts'

/** Configuration sets it (`SetOutputFilter CACHE`) where the content is to be kept, if not behind all that makes it. */
const marker: OutputFilter = {
  name: 'CACHE', type: FilterType.contentSet - 1, quick: true, keepsLength: true, begin: () => undefined,
}

/** quick_handler: with nothing but the URL to go by, so it is what the server says for all that holds. */
export const answerQuickly = (r: Request): Answer<Status> => answer(r, serverWide(r), true)

/** handler: the sections are known, access was granted, and filters are in place. */
export function answerLate(r: Request): Answer<Status> {
  return answer(r, r.dir(perDirectory), false)
}

const IGNORED = 'but we have been configured to ignore it and serve cached content anyway'
const INVALIDATING = new Set(['PUT', 'POST', 'DELETE', 'PATCH'])

function answer(r: Request, dir: DirectorySettings, quickly: boolean): Answer<Status> {
  // What led here may have asked questions of its own.
  for (let at = r.prev; at !== undefined; at = at.prev) cachingOf(at)?.takeBack(r)
  // Neither parts of other responses, nor what an ErrorDocument says: that has another status each time.
  if (r.main !== undefined || (r.prev !== undefined && r.status !== 200)) return DECLINED
  const conf = confOf(r)
  const providers = providersFor(r, conf, dir)
  if (providers.length === 0) return DECLINED
  // What is stored is read from a disk, or asked for elsewhere.
  if (!r.mayBlock) return HANDOVER
  const caching = new Caching(r, conf, providers)
  if (caching.control.noStore) {
    if (!conf.ignoreControl) return DECLINED
    r.log('info', 'cache', `AH02658: Incoming request is asking for a no-store version of ${r.uri}, ${IGNORED}`)
  }
  if (quickly && r.headersIn.get('Authorization') !== undefined) return DECLINED
  if (INVALIDATING.has(r.method)) return invalidate(r, caching)
  if (r.method !== 'GET' && r.method !== 'HEAD') {
    r.log('debug', 'cache', `${quickly ? 'AH02462' : 'AH02464'}: cache: Method '${r.method}' not cacheable by mod_cache, ignoring: ${r.uri}`)
    return DECLINED
  }
  remember(r, caching)
  if (conf.ignoreControl && caching.control.noCache)
    r.log('info', 'cache', `AH02657: Incoming request is asking for an uncached version of ${r.uri}, ${IGNORED}`)
  const found = caching.wanted.noCache ? undefined : select(r, caching)
  return after(found, (hit) => hit === undefined ? ask(r, caching, quickly) : serve(r, hit, dir, quickly))
}

function invalidate(r: Request, caching: Caching): Status {
  remember(r, caching)
  // Those that led here have lost their filters on the way.
  const all = [caching]
  for (let at = r.prev; at !== undefined; at = at.prev) {
    const before = cachingOf(at)
    if (before !== undefined) all.push(before)
  }
  r.addOutputFilter(invalidateFilter(all))
  return DECLINED
}

/** Nothing that may be used: the response is kept when it comes. */
function ask(r: Request, caching: Caching, quickly: boolean): Status {
  if (caching.control.onlyIfCached) {
    r.log('debug', 'cache', `AH00696: cache: 'only-if-cached' requested and no cached entity, returning 504 Gateway Timeout for: ${r.uri}`)
    return 504
  }
  const lock = caching.lock(r)
  if (lock === 'taken' || lock === 'failed') {
    r.log('debug', 'cache', `${quickly ? 'AH00752' : 'AH00760'}: Cache locked for url, not caching response: ${r.uri}`)
    caching.takeBack(r)
    return DECLINED
  }
  const filters = r.outputFilters
  if (filters.includes(marker)) {
    const save = saveFilter(caching, marker.type)
    r.outputFilters = filters.map((filter) => filter === marker ? save : filter)
  } else r.addOutputFilter(saveFilter(caching, SAVE_TYPE))
  r.addOutputFilter(removeFilter(caching))
  return DECLINED
}

function serve(r: Request, { entry, fields }: Hit, dir: DirectorySettings, quickly: boolean): Answer<Status> {
  const caching = cachingOf(r)!
  const body = entry.body(r)
  // Gone since it was found.
  if (body === undefined && !entry.head.headOnly) return ask(r, caching, quickly)
  keepLaterFilters(r)
  wear(r, entry.head, fields)
  tell(r, dir, 'hit', 'cache hit')
  r.log('debug', 'cache', `AH00764: cache: serving ${r.uri}`)
  r.status = 200
  const status = r.meetsConditions()
  if (status !== OK) {
    if (status !== 304) return status
    r.status = status
    withoutBody(r)
    return OK
  }
  r.status = entry.head.status
  return body === undefined ? OK : after(r.write(body), () => OK)
}

/** What comes before the place where it was kept has had its say then. */
function keepLaterFilters(r: Request): void {
  const filters = r.outputFilters
  if (filters.length === 0) return
  const at = filters.indexOf(marker)
  r.outputFilters = at >= 0 ? filters.slice(at + 1) : filters.filter(({ type }) => type > SAVE_TYPE)
}

/** insert_error_filter: rather something old than an error (RFC 9111 section 4.2.4). */
export function answerInstead(r: Request): void {
  const caching = cachingOf(r)
  if (caching === undefined || r.status < 500 || !r.dir(perDirectory).staleOnError) return
  caching.keepsStale = true
  const stale = usableOnError(caching)
  if (stale === undefined) return
  r.addOutputFilter({
    name: 'CACHE_OUT', type: SAVE_TYPE, keepsLength: true, quick: true, begin: (of, next) => instead(of, caching, stale, next),
  })
}

const keepsHere = (settings: Configured): boolean => settings.dir(perDirectory).enabled.length > 0 && !settings.dir(perDirectory).disabled
const keeps = (settings: Configured): boolean => settings.server(perServer).enabled.length > 0

export const module = {
  name: 'cache_module',
  file: 'mod_cache.c',
  settings: [perServer, perDirectory],
  outputFilters: [marker],
  directives: [
    perDirectory.directive('CacheEnable', [word, optional(word)], (_, command, type, url) => enable(command, type, url),
      RSRC_AND_ACCESS, 'A cache type and partial URL prefix below which caching is enabled'),
    perDirectory.directive('CacheDisable', [word], (_, command, url) => disable(command, url),
      RSRC_AND_ACCESS, 'A partial URL prefix below which caching is disabled'),
    perDirectory.directive('CacheMaxExpire', [seconds], 'maxExpire', RSRC_AND_ACCESS, 'The maximum time in seconds to cache a document'),
    perDirectory.directive('CacheMinExpire', [seconds], 'minExpire', RSRC_AND_ACCESS, 'The minimum time in seconds to cache a document'),
    perDirectory.directive('CacheDefaultExpire', [seconds], 'defaultExpire', RSRC_AND_ACCESS,
      'The default time in seconds to cache a document'),
    perServer.directive('CacheQuickHandler', [flag], 'quick', RSRC_CONF, 'Run the cache in the quick handler, default on'),
    perDirectory.directive('CacheIgnoreNoLastMod', [flag], 'ignoreNoLastMod', RSRC_AND_ACCESS,
      'Ignore Responses where there is no Last Modified Header'),
    perServer.directive('CacheIgnoreCacheControl', [flag], 'ignoreControl', RSRC_CONF,
      'Ignore requests from the client for uncached content'),
    perDirectory.directive('CacheStoreExpired', [flag], 'storeExpired', RSRC_AND_ACCESS,
      'Ignore expiration dates when populating cache, resulting in an If-Modified-Since request to the backend on retrieval'),
    perDirectory.directive('CacheStorePrivate', [flag], 'storePrivate', RSRC_AND_ACCESS,
      "Ignore 'Cache-Control: private' and store private content"),
    perDirectory.directive('CacheStoreNoStore', [flag], 'storeNoStore', RSRC_AND_ACCESS,
      "Ignore 'Cache-Control: no-store' and store sensitive content"),
    perServer.directive('CacheIgnoreHeaders', [each(word)],
      (said: { ignoredFields?: readonly string[] }, _, words) => void (said.ignoredFields = fieldNames(said.ignoredFields ?? [], words)),
      RSRC_CONF, 'A space separated list of headers that should not be stored by the cache'),
    perServer.directive('CacheIgnoreQueryString', [flag], 'ignoreQuery', RSRC_CONF, 'Ignore query-string when caching'),
    perServer.directive('CacheIgnoreURLSessionIdentifiers', [each(word)],
      (said: { sessions?: readonly string[] }, _, words) => void (said.sessions = identifiers(said.sessions ?? [], words)), RSRC_CONF,
      'A space separated list of session identifiers that should be ignored for creating the key of the cached entity.'),
    perDirectory.directive('CacheLastModifiedFactor', [factor], 'factor', RSRC_AND_ACCESS,
      'The factor used to estimate Expires date from LastModified date'),
    perServer.directive('CacheLock', [flag], 'lock', RSRC_CONF, 'Enable or disable the thundering herd lock.'),
    perServer.directive('CacheLockPath', [word], (said: { lockPath?: string | undefined }, command, path) =>
      void (said.lockPath = command.serverRootRelative(path)), RSRC_CONF,
    "The thundering herd lock path. Defaults to the '/mod_cache-lock' directory in the system temp directory."),
    perServer.directive('CacheLockMaxAge', [lockAge], 'lockMaxAge', RSRC_CONF, 'Maximum age of any thundering herd lock.'),
    perDirectory.directive('CacheHeader', [flag], 'header', RSRC_AND_ACCESS, 'Add a X-Cache header to responses. Default is off.'),
    perDirectory.directive('CacheDetailHeader', [flag], 'detailHeader', RSRC_AND_ACCESS,
      'Add a X-Cache-Detail header to responses. Default is off.'),
    perServer.directive('CacheKeyBaseURL', [baseUrl], 'base', RSRC_CONF, 'Override the base URL of reverse proxied cache keys.'),
    perDirectory.directive('CacheStaleOnError', [flag], 'staleOnError', RSRC_AND_ACCESS,
      'Serve stale content on 5xx errors if present. Defaults to on.'),
  ],
  register({ quickHandler, handler, insertErrorFilter, logTransaction }, on) {
    const usesCache = (settings: Configured): boolean => keeps(settings) || keepsHere(settings)
    on(quickHandler, answerQuickly, {
      order: Order.first, quick: true, when: (settings) => keeps(settings) && settings.server(perServer).quick,
    })
    on(handler, answerLate, {
      order: Order.reallyFirst, quick: true, when: (settings) => usesCache(settings) && !settings.server(perServer).quick,
    })
    on(insertErrorFilter, answerInstead, { order: Order.middle, quick: true, when: usesCache })
    on(logTransaction, (r) => {
      letGo(r)
      return DECLINED
    }, { order: Order.first, quick: true, when: usesCache })
  },
} satisfies Module
