/** What mod_cache_disk's directives say. Data only. */
import { ConfigError, numberOf, parsed, Settings, type Arg } from 'httpd'

export const perServer = new Settings('server', {
  root: undefined as string | undefined,
  levels: 2,
  length: 2,
})

/** Bytes; ms, 0: any. */
export const perDirectory = new Settings('directory', { minFile: 1, maxFile: 1_000_000, readSize: 0, readTime: 0 })

/** Most letters of a name that folders are made of. */
const MOST_LETTERS = 20

export interface Said { levels?: number; length?: number }

export function letters(said: Said, part: 'levels' | 'length', directive: string, text: string): void {
  const number = numberOf(text)
  if (number < 1) throw new ConfigError(`${directive} value must be an integer greater than 0`)
  const other = part === 'levels' ? 'length' : 'levels'
  if (number * (said[other] ?? perServer.defaults[other]) > MOST_LETTERS) throw new ConfigError('CacheDirLevels*CacheDirLength value must not be higher than 20')
  said[part] = number
}

/** A number that is not below zero, with Apache's words for another one. */
export const size = (message: string): Arg<number> => parsed((text) => {
  // As strtoll: what is no number is 0.
  const number = Number.parseInt(text, 10) || 0
  if (number < 0) throw new ConfigError(message)
  return number
})
