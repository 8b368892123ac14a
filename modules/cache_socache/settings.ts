/** What mod_cache_socache's directives say. Data only. */
import { ConfigError, numberOf, parsed, readSocache, Settings, type Arg, type Command, type Socache } from 'httpd'

export const perServer = new Settings('server', { cache: undefined as Socache | undefined })

/** Times in ms; sizes in bytes; 0 for the two of reading: any. */
export const perDirectory = new Settings('directory', {
  maxTime: 86_400_000, minTime: 600_000, maxSize: 102_400, readSize: 0, readTime: 0,
})

export type DirectorySettings = Readonly<typeof perDirectory.defaults>

const LEAST_SIZE = 1024
const MOST_SIZE = 0xffffffff

/** The provider is all that Apache names where it does not know it. */
export function choose(command: Command, text: string): Socache {
  try {
    return readSocache(command, text)
  } catch (error) {
    if (!(error instanceof ConfigError) || !error.message.includes('Unknown socache provider')) throw error
    const name = text.split(':', 1)[0]!
    throw new ConfigError(`Unknown socache provider '${name}'. Maybe you need to load the appropriate socache module (mod_socache_${name}?)`)
  }
}

export const maxSize: Arg<number> = parsed((text) => {
  const size = Number.parseInt(text, 10) || 0
  if (size >= LEAST_SIZE && size <= MOST_SIZE) return size
  throw new ConfigError('CacheSocacheMaxSize argument must be a integer representing the max size of a cached entry (headers and body), ' +
    `at least ${LEAST_SIZE} and at most (${MOST_SIZE}U)`)
})

/** A number that is not below zero, with Apache's words for another one; times `unit`. */
export const amount = (message: string, unit: number): Arg<number> => parsed((text) => {
  const number = numberOf(text)
  if (number < 0) throw new ConfigError(message)
  return number * unit
})
