/*
 * mod_socache_memcache: small objects kept by memcached servers (`memcache:HOST[:PORT],…`). Each thread has a connection
 * of its own to each, made on first use and closed when it is idle (MemcacheConnTTL).
 */
import { loadMemcached, registerSocache, RSRC_CONF, Settings, type Module } from 'httpd'
import { remoteCache, type Backend, type Endpoint, type Kind, type Times } from './shared/socache/remote.ts'
import { upToAnHour } from './shared/socache/times.ts'

/** ms. */
const settings = new Settings('server', { idle: 15_000 })

/** ms; Apache's client has no directive for it. */
const TIMEOUT = 5_000
/** Seconds; what is more is a date to memcached. */
const LONGEST = 30 * 24 * 60 * 60

/** A server that has no room for this object is there for all others. @throws Error of other kinds */
function notTaken(error: unknown): false {
  if (error instanceof Error && /: (?:Value too large|Item not stored|Out of memory)$/.test(error.message)) return false
  throw error
}

function connect({ host, port }: Endpoint, { timeout }: Times): Backend {
  const seconds = timeout / 1000
  const client = loadMemcached().Client.create(`localhost:${port}`, {
    timeout: seconds, conntimeout: seconds, retries: 1, logger: { log: () => undefined },
  })
  // Its own reader of lists takes an address of IPv6 for a name and ports.
  Object.assign(client.servers[0]!, { host })
  return {
    get: async (key) => (await client.get(key)).value ?? undefined,
    set: (key, value, ms) => client.set(key, value, { expires: Math.min(LONGEST, Math.ceil(ms / 1000)) }).catch(notTaken),
    remove: (key) => client.delete(key),
    close: () => client.close(),
  }
}

const kind: Kind = {
  name: 'memcache', port: 11_211, connect,
  times: (server) => ({ ...server.get(settings), timeout: TIMEOUT }),
}

registerSocache('memcache', (argument) => remoteCache(argument, kind))

export const module = {
  name: 'socache_memcache_module',
  file: 'mod_socache_memcache.c',
  settings: [settings],
  directives: [
    settings.directive('MemcacheConnTTL', [upToAnHour], 'idle', RSRC_CONF,
      'TTL used for the connection with the memcache server(s)'),
  ],
} satisfies Module
