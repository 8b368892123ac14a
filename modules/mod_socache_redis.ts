/*
 * mod_socache_redis: small objects kept by redis servers (`redis:HOST[:PORT],…`). Each thread has a connection of its own
 * to each, made on first use and closed when it is idle (RedisConnPoolTTL).
 */
import { loadRedis, registerSocache, RSRC_CONF, Settings, type Module } from 'httpd'
import { remoteCache, type Backend, type Endpoint, type Kind, type Times } from './shared/socache/remote.ts'
import { upToAnHour } from './shared/socache/times.ts'

/** ms. */
const settings = new Settings('server', { idle: 15_000, timeout: 5_000 })

function connect({ host, port }: Endpoint, { timeout }: Times): Backend {
  const { Redis } = loadRedis()
  const redis = new Redis({
    host, port,
    // 0: as long as it takes.
    ...(timeout > 0 && { connectTimeout: timeout, commandTimeout: timeout }),
    // Who does not answer is given up: the next question makes a new connection.
    retryStrategy: null, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false,
  })
  let failed: Error | undefined
  redis.on('error', (error: Error) => void (failed = error))
  // Each question says in its own name what has become of it: why the connection was lost says more.
  const asked = <T>(answer: Promise<T>): Promise<T> => answer.catch((error: unknown) => { throw failed ?? error })
  return {
    get: (key) => asked(redis.getBuffer(key)).then((value) => value ?? undefined),
    set: (key, value, ms) => asked(redis.set(key, value, 'PX', ms)).then((answer) => answer === 'OK'),
    remove: (key) => asked(redis.del(key)).then((count) => count > 0),
    close: () => redis.disconnect(),
  }
}

const kind: Kind = { name: 'redis', port: 6379, times: (server) => server.get(settings), connect }

registerSocache('redis', (argument) => remoteCache(argument, kind))

export const module = {
  name: 'socache_redis_module',
  file: 'mod_socache_redis.c',
  settings: [settings],
  directives: [
    settings.directive('RedisConnPoolTTL', [upToAnHour], 'idle', RSRC_CONF,
      'TTL used for the connection pool with the Redis server(s)'),
    settings.directive('RedisTimeout', [upToAnHour], 'timeout', RSRC_CONF,
      'R/W timeout used for the connection with the Redis server(s)'),
  ],
} satisfies Module
