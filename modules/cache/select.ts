/** Looks for what is stored, and decides whether it may be used as it is. */
import { after, type Answer, type CachedHead, type CacheEntry, type CacheProvider, type Field, type Request } from 'httpd'
import type { Caching } from './caching.ts'
import { disagrees, Questions } from './conditions.ts'
import { parseControl, type CacheControl } from './control.ts'
import { judge, shownFields, STALE_WARNING } from './freshness.ts'

/** What may be sent, with its fields as they leave. */
export interface Hit { readonly entry: CacheEntry; readonly fields: readonly Field[] }

/** Undefined: the origin is to be asked, perhaps about `caching.stale`. */
export function select(r: Request, caching: Caching, from = 0): Answer<Hit | undefined> {
  const provider = caching.providers[from]
  if (provider === undefined) return undefined
  return after(provider.open(r, caching.key), (entry) => {
    if (entry === undefined || (entry.head.headOnly && !r.isHead)) {
      if (entry !== undefined) r.log('debug', 'cache', `AH00707: HEAD request cached, non-HEAD requested, ignoring: ${caching.key}`)
      return select(r, caching, from + 1)
    }
    return weigh(r, caching, provider, entry) ?? (caching.stale === undefined ? select(r, caching, from + 1) : undefined)
  })
}

function weigh(r: Request, caching: Caching, provider: CacheProvider, entry: CacheEntry): Hit | undefined {
  const { head } = entry
  const isOther = disagrees(r, head.fields)
  const fields = isOther ? undefined : freshFields(r, caching, entry)
  if (fields !== undefined) return { entry, fields }
  // Only what is stored will do, and this will not.
  if (caching.control.onlyIfCached) return undefined
  const body = entry.body(r)
  // Gone since it was found: there is nothing to ask about.
  if (body === undefined && !head.headOnly) return undefined
  caching.stale = { provider, entry, body }
  if (!isOther) {
    r.log('debug', 'cache', `AH00695: Cached response for ${r.uri} isn't fresh. Adding conditional request headers.`)
    caching.questions = new Questions(r, head.fields)
  }
  return undefined
}

export const controlOf = ({ control, pragma }: CachedHead): CacheControl => parseControl(control, pragma)

function freshFields(r: Request, caching: Caching, { head, invalidated }: CacheEntry): readonly Field[] | undefined {
  const stored = controlOf(head)
  const { wanted, control } = caching
  if (control.noCache && !wanted.noCache) r.log('info', 'cache', `AH00781: Incoming request is asking for a uncached version of ${r.uri}, but we have been configured to ignore it and serve a cached response anyway`)
  // Fields that `no-cache` names were not stored.
  if (wanted.noCache || stored.noCache || invalidated) return undefined
  const verdict = judge({ head, stored, wanted, now: r.requestTime })
  if (verdict.fresh) return shownFields(head.fields, verdict)
  return isLocked(r, caching) ? shownFields(head.fields, { ...verdict, warnings: [STALE_WARNING] }) : undefined
}

const LOCK_TEXTS = {
  taken: 'AH00783: Cache already locked for stale cached URL, pretend it is fresh: ',
  failed: 'AH00784: Attempt to obtain a cache lock for stale cached URL failed, revalidating entry anyway: ',
  got: 'AH00782: Cache lock obtained for stale cached URL, revalidating entry: ',
}

/** Somebody else asks for it just now: until that one has an answer, this one is good enough. */
function isLocked(r: Request, caching: Caching): boolean {
  const lock = caching.lock(r)
  if (lock === 'none') return false
  r.log('debug', 'cache', `${LOCK_TEXTS[typeof lock === 'object' ? 'got' : lock]}${r.unparsedUri}`)
  return lock === 'taken'
}
