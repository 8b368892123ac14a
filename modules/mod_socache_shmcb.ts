/*
 * mod_socache_shmcb: small objects in memory that all processes of the server share (`shmcb`, `shmcb:PATH(BYTES)`). The
 * memory has no name: the path, which Apache keeps a file of its library at, is read and means nothing. A restart begins
 * with an empty cache. See ADR 32.
 */
import { ConfigError, ownThreadId, registerSocache, type Module, type Socache } from 'httpd'
import { SharedCache } from './socache_shmcb/cache.ts'

const DEFAULT_BYTES = 512 * 1024
const LEAST_BYTES = 8192
/** Positions are words of 32 bits. Apache's own limit is higher, and nobody's. */
const MOST_BYTES = 2 ** 31

/** Reads `PATH(BYTES)`. @throws ConfigError */
export function sizeIn(argument: string | undefined): number {
  if (argument === undefined || argument === '') return DEFAULT_BYTES
  const open = argument.lastIndexOf('(')
  if (open < 0) {
    if (argument.endsWith(')')) throw new ConfigError('Invalid argument: no opening parenthesis')
    return DEFAULT_BYTES
  }
  if (!argument.endsWith(')')) {
    throw new ConfigError('Invalid argument: no closing parenthesis or cache size missing after pathname with parenthesis')
  }
  const text = argument.slice(open + 1, -1)
  if (!/^(?:[ \t]*[-+]?\d+)?$/.test(text)) throw new ConfigError('Invalid argument: cache size not numerical')
  const bytes = Number(text)
  if (bytes < LEAST_BYTES) throw new ConfigError(`Invalid argument: size has to be >= ${LEAST_BYTES} bytes`)
  if (bytes >= MOST_BYTES) throw new ConfigError(`Invalid argument: size has to be < ${MOST_BYTES} bytes on this platform`)
  return bytes
}

/** A cache of so many bytes. */
export function shmcb(bytes: number): Socache {
  let open: () => SharedCache = () => { throw new Error('Cannot use a socache before post_config') }
  let cache: SharedCache | undefined
  const use = (): SharedCache => (cache ??= open())
  return {
    quick: true,
    open(name, hints, startup) {
      const map = startup.sharedMemory(`socache-${name}`, bytes)
      open = () => new SharedCache(map(), hints, { self: ownThreadId })
    },
    store: (id, value, expires) => use().store(id, value, expires),
    retrieve: (id) => use().retrieve(id),
    remove: (id) => use().remove(id),
    iterate: (each) => use().iterate(each),
    status: () => ({ type: 'SHMCB', ...use().figures() }),
  }
}

registerSocache('shmcb', (argument) => shmcb(sizeIn(argument)))

export const module = {
  name: 'socache_shmcb_module',
  file: 'mod_socache_shmcb.c',
} satisfies Module
