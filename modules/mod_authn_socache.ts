/*
 * mod_authn_socache: password hashes that other providers have found, kept for a while in memory that all processes
 * share (AuthBasicProvider socache dbm). One rule: a cache that does not answer is one that has nothing.
 *
 * What is kept are hashes, so that a password is still checked for each request. Until its time is over a hash counts,
 * whatever has become of the user since.
 */
import {
  ACCESS_CONF, after, allowedBy, atoi, defaultSocache, each, GLOBAL_ONLY, OK, PasswordError, raw, readSocache,
  registerAuthn, registerCredentialCache, serverCore, Settings, verifyPassword, word,
  type Answer, type AuthnStatus, type Command, type ConfigVector, type Module, type Request, type Socache,
  type Startup, type Status,
} from 'httpd'

/** Of all servers together, said in the main one. */
const shared = new Settings('server', {
  cache: undefined as Socache | undefined,
  enabled: false,
})

const perDirectory = new Settings('directory', {
  /** Names of the providers whose hashes are kept. */
  providers: [] as readonly string[],
  /** Seconds; 0: nothing was said. */
  timeout: 0,
  context: 'directory',
}, {
  timeout: (outer, inner) => inner || outer,
})

/** Seconds. */
const DEFAULT_TIMEOUT = 300
const HINTS = { averageObject: 64, averageId: 32, expiryInterval: 60_000 }

/** The cache of the configuration that this thread serves; undefined: nobody wants one. */
let cache: Socache | undefined

/** post_config, in each thread as well: a configuration that keeps nothing makes no cache. */
export function openCache(startup: Startup): Answer<Status> {
  cache = undefined
  const settings = startup.server.all.map((server) => server.get(shared))
  if (!settings.some(({ enabled }) => enabled)) return OK
  const chosen = settings.find(({ cache: said }) => said !== undefined)?.cache ?? defaultSocache()
  if (chosen === undefined) {
    startup.note('crit', 'authn_socache', 'AH01674: Please select a socache provider with AuthnCacheSOCache (no default ' +
      'found on this platform). Maybe you need to load mod_socache_shmcb or another socache module first')
    return 500
  }
  const failed = (error: unknown): Status => {
    startup.note('crit', 'authn_socache', `AH01677: failed to initialise authn-socache cache: ${(error as Error).message}`)
    return 500
  }
  try {
    const opened = chosen.open('authn', HINTS, startup)
    cache = chosen
    return opened instanceof Promise ? opened.then(() => OK, failed) : OK
  } catch (error) {
    return failed(error)
  }
}

/** The parts cannot run into each other: none has a NUL in it. */
function keyOf(r: Request, context: string, user: string, realm: string | undefined): Uint8Array {
  return Buffer.from([contextOf(r, context), user, ...(realm === undefined ? [] : [realm])].join('\0'), 'latin1')
}

function contextOf(r: Request, context: string): string {
  if (context !== 'directory' && context !== 'server') return context
  const host = r.server.get(serverCore).serverName ?? ''
  return context === 'server' ? host : host + r.uri.slice(0, Math.max(0, r.uri.lastIndexOf('/')))
}

function keep(r: Request, provider: string, user: string, realm: string | undefined, hash: string): void {
  const { providers, context, timeout } = r.dir(perDirectory)
  if (cache === undefined || !providers.includes(provider)) return
  const expires = Date.now() + 1000 * (timeout || DEFAULT_TIMEOUT)
  void after(cache.store(keyOf(r, context, user, realm), Buffer.from(hash, 'latin1'), expires, r.server), (stored) => {
    if (stored) r.log('debug', 'authn_socache', `AH01681: Cached authn credentials for ${user} in ${context}`)
    // As Apache, which names the provider here.
    else r.log('error', 'authn_socache', `AH01682: Failed to cache authn credentials for ${provider} in ${context}`)
  })
}

/** What is known of a user; undefined: nothing. The numbers are those of Apache's two places. */
function lookUp(
  r: Request, user: string, realm: string | undefined, conf: ConfigVector, numbers: readonly [none: string, found: string],
): Answer<string | undefined> {
  const { providers, context } = conf.holds(perDirectory)
  if (cache === undefined || providers.length === 0) return undefined
  return after(cache.retrieve(keyOf(r, context, user, realm), r.server), (hash) => {
    r.log('debug', 'authn_socache', hash === undefined ? `${numbers[0]}: Authn cache: no credentials found for ${user}`
      : `${numbers[1]}: Authn cache: found credentials for ${user}`)
    return hash && Buffer.from(hash).toString('latin1')
  })
}

function checkPassword(r: Request, user: string, password: string, conf: ConfigVector): Answer<AuthnStatus> {
  return after(lookUp(r, user, undefined, conf, ['AH01684', 'AH01685']), (hash): AuthnStatus => {
    if (hash === undefined) return 'userNotFound'
    try {
      return verifyPassword(password, hash) ? 'granted' : 'denied'
    } catch (error) {
      if (!(error instanceof PasswordError)) throw error
      r.log('error', 'authn_socache', `SY00175: Cannot check the password of user ${user}: ${error.message}`)
      return 'error'
    }
  })
}

registerAuthn('socache', {
  checkPassword,
  realmHash: (r, user, realm, conf) => after(lookUp(r, user, realm, conf, ['AH01687', 'AH01688']),
    (hash) => hash === undefined ? 'userNotFound' : { hash }),
})
registerCredentialCache(keep)

function provideFor(said: { providers?: readonly string[] }, command: Command, names: readonly string[]): void {
  said.providers = [...said.providers ?? [], ...names]
  // As Apache: in .htaccess it does something only where the server has a cache already.
  if (!command.htaccess) command.vector('server').said(shared).enabled = true
}

function choose(said: { cache?: Socache | undefined }, command: Command, text: string): void {
  said.cache = readSocache(command, text)
}

const enable = (said: { enabled?: boolean }): void => void (said.enabled = true)

const AUTHCFG = allowedBy('AuthConfig')

export const module = {
  name: 'authn_socache_module',
  file: 'mod_authn_socache.c',
  settings: [shared, perDirectory],
  directives: [
    shared.directive('AuthnCacheSOCache', [word], choose, GLOBAL_ONLY, 'socache provider for authn cache'),
    // Apache does not look at what follows.
    shared.directive('AuthnCacheEnable', [raw], enable, GLOBAL_ONLY,
      'enable socache configuration in htaccess even if not enabled anywhere else'),
    perDirectory.directive('AuthnCacheProvideFor', [each(word)], provideFor, AUTHCFG,
      'Determine what authn providers to cache for'),
    perDirectory.directive('AuthnCacheTimeout', [atoi], 'timeout', AUTHCFG, 'Timeout (secs) for cached credentials'),
    perDirectory.directive('AuthnCacheContext', [word], 'context', ACCESS_CONF, 'Context for authn cache'),
  ],
  register({ postConfig }, on) {
    on(postConfig, openCache)
  },
} satisfies Module
