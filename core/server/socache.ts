/**
 * Small objects that all processes and threads of a server share for a while (Apache's ap_socache_provider_t): what
 * modules that keep some (mod_authn_socache, mod_cache_socache, sessions of TLS) and modules that hold them
 * (mod_socache_shmcb, _dbm, _redis, _memcache) agree upon.
 *
 * It is a cache: whatever was stored may be gone at any time, and a store that is too busy or out of order answers as if
 * it had nothing. Nobody's request fails for it.
 */
import type { Command } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import type { Answer } from '../hook/hook.ts'
import type { Startup } from '../hook/hooks.ts'
import type { Server } from '../hook/types.ts'

/** What the objects will be like: for what is laid out beforehand. */
export interface SocacheHints {
  /** Bytes; 0: not known. */
  readonly averageObject: number
  readonly averageId: number
  /** How often what has expired is to be thrown away, ms. */
  readonly expiryInterval: number
}

/** One cache. Ids and values are any bytes; times are ms since the epoch. None of these rejects, none throws. */
export interface Socache {
  /** No call of it answers a promise or blocks: event's listener may make it. */
  readonly quick: boolean
  /**
   * Called once in post_config by the control process, and again in each thread of each child. What costs anything is
   * opened on first use.
   * @param name of the use, the same in all of them: `authn`
   * @throws Error why it cannot be, which refuses the configuration
   */
  open(name: string, hints: SocacheHints, startup: Startup): Answer<void>
  /** Replaces what the id had. False: it was not kept (too large, too busy, out of order). */
  store(id: Uint8Array, value: Uint8Array, expires: number, server: Server): Answer<boolean>
  /** The caller's own copy; undefined: not there, or over its time. */
  retrieve(id: Uint8Array, server: Server): Answer<Uint8Array | undefined>
  /** False: it was not there. */
  remove(id: Uint8Array, server: Server): Answer<boolean>
  /**
   * All that is there, in no order; absent where the provider cannot tell. `false` from `each` ends it. What is stored or
   * removed meanwhile may be seen or not.
   */
  iterate?(each: (id: Uint8Array, value: Uint8Array, expires: number) => boolean | void, server: Server): Answer<void>
  /** Figures by name, for mod_status; undefined: there are none. */
  status?(): Readonly<Record<string, number | string>> | undefined
}

/**
 * Reads what stands behind the name of the provider (`shmcb:ARGUMENT`) and makes a cache that is not open yet.
 * @throws ConfigError
 */
export type SocacheProvider = (argument: string | undefined, command: Command | undefined) => Socache

const providers = new Map<string, SocacheProvider>()

/** Makes a provider available under a name. */
export const registerSocache = (name: string, provider: SocacheProvider): void => void providers.set(name, provider)

/** Where none is named. */
const DEFAULT_PROVIDER = 'shmcb'

/** The cache of a configuration that names none; undefined: no module has the provider. */
export const defaultSocache = (): Socache | undefined => providers.get(DEFAULT_PROVIDER)?.(undefined, undefined)

/**
 * Reads `NAME` or `NAME:ARGUMENT`, as SSLSessionCache, AuthnCacheSOCache and CacheSocache take it.
 * @throws ConfigError with Apache's text, behind the directive's name
 */
export function readSocache(command: Command, text: string): Socache {
  const colon = text.indexOf(':')
  const provider = providers.get(colon < 0 ? text : text.slice(0, colon))
  try {
    if (provider === undefined) {
      throw new ConfigError(`Unknown socache provider '${text}'. Maybe you need to load the appropriate socache module ` +
        `(mod_socache_${text}?)`)
    }
    return provider(colon < 0 ? undefined : text.slice(colon + 1), command)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`${command.directive.name}: ${error.message}`)
  }
}
