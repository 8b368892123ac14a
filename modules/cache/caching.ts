/** What the cache knows of one request: made when it is one that may be kept, gone with it. */
import { cacheProvider, serverCore, type CacheEntry, type CacheProvider, type Data, type Request } from 'httpd'
import type { Questions } from './conditions.ts'
import { parseControl, type CacheControl } from './control.ts'
import { covers, keyOf } from './key.ts'
import { tryLock, type Locking } from './lock.ts'
import { keyRulesOf, lockRulesOf, perDirectory, perServer, type DirectorySettings, type Enabled, type ServerSettings } from './settings.ts'

/** An entry and who has it. */
export interface Found {
  readonly provider: CacheProvider
  readonly entry: CacheEntry
  /** Undefined: it has none. Kept for as long as the request lasts, whoever removes the entry meanwhile. */
  readonly body: Data | undefined
}

const NOTHING_SAID = parseControl(undefined, undefined)

export class Caching {
  readonly key: string
  readonly conf: ServerSettings
  readonly providers: readonly CacheProvider[]
  /** What the request says of caches. */
  readonly control: CacheControl
  /** What there is but cannot be used as it is. */
  stale: Found | undefined
  /** Ours, while they stand in the place of the client's. */
  questions: Questions | undefined
  /** What is stale stays, whatever comes. */
  keepsStale = false
  #lock: Locking | undefined

  constructor(r: Request, conf: ServerSettings, providers: readonly CacheProvider[]) {
    this.conf = conf
    this.providers = providers
    this.key = keyOf(r, keyRulesOf(conf))
    this.control = parseControl(r.headersIn.get('Cache-Control'), r.headersIn.get('Pragma'))
  }

  /** The same as far as it counts for what may be served. */
  get wanted(): CacheControl {
    return this.conf.ignoreControl ? NOTHING_SAID : this.control
  }

  /** True: the origin may be asked. A request that wants it to be asked waits for nobody. */
  lock(r: Request): Locking | 'none' {
    const rules = this.control.noCache ? undefined : lockRulesOf(this.conf)
    if (rules === undefined) return 'none'
    return typeof this.#lock === 'object' ? this.#lock : (this.#lock = tryLock(r, rules, this.key))
  }

  unlock(): void {
    if (typeof this.#lock === 'object') this.#lock.release()
    this.#lock = undefined
  }

  /** The client's headers are its own again. */
  takeBack(r: Request): void {
    this.questions?.takeBack(r)
    this.questions = undefined
  }

  removeStale(r: Request): void {
    if (this.stale === undefined || this.keepsStale) return
    this.keepsStale = true
    r.log('debug', 'cache', `AH00691: cache: Removing url ${this.key} from the cache`)
    for (const provider of this.providers) void provider.remove(r, this.key)
  }
}

const known = new WeakMap<Request, Caching>()

export const cachingOf = (r: Request): Caching | undefined => known.get(r)

/** Forgotten with the request: what is left of it is let go of. */
export function remember(r: Request, caching: Caching): void {
  known.get(r)?.unlock()
  known.set(r, caching)
}

/** log_transaction: of this request and of those that it was redirected to. */
export function letGo(r: Request): void {
  for (let at: Request | undefined = r; at !== undefined; at = at.next) known.get(at)?.unlock()
}

/** What may keep the request; none: it is not to be kept. @param dir what sections say, as far as that is known */
export function providersFor(r: Request, conf: ServerSettings, dir: DirectorySettings): readonly CacheProvider[] {
  if (dir.disabled || conf.disabled.some((prefix) => covers(prefix, r.uri))) return NONE
  const names: Enabled[] = [...dir.enabled, ...conf.enabled.filter(({ prefix }) => covers(prefix, r.uri))]
  if (names.length === 0) return NONE
  return names.map(({ type }) => cacheProvider(type)).filter((each) => each !== undefined)
}

const NONE: readonly CacheProvider[] = []

/** What the server says for all that no section is known for. */
export const serverWide = (r: Request): DirectorySettings => r.server.conf.defaults.holds(perDirectory)
export const confOf = (r: Request): ServerSettings => r.server.get(perServer)

export type Outcome = 'hit' | 'revalidate' | 'miss' | 'invalidate'

/** For logs and conditions the variables `cache-status` and `cache-hit` etc.; for clients X-Cache and X-Cache-Detail. */
export function tell(r: Request, dir: DirectorySettings, outcome: Outcome, reason: string): void {
  r.env.set('cache-status', reason)
  r.env.set(`cache-${outcome}`, reason)
  if (!dir.header && !dir.detailHeader) return
  const name = r.server.get(serverCore).serverName ?? ''
  if (dir.header) r.headersOut.set('X-Cache', `${outcome.toUpperCase()} from ${name}`)
  if (dir.detailHeader) r.headersOut.set('X-Cache-Detail', `"${reason}" from ${name}`)
}
