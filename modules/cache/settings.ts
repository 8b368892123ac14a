/** What mod_cache's directives say. Data only. */
import { tmpdir } from 'node:os'
import {
  byteString, checkContext, ConfigError, numberOf, parsed, Settings, type Arg, type Command,
} from 'httpd'
import type { KeyRules, BaseUrl, Prefix } from './key.ts'
import { prefixOf } from './key.ts'
import type { LockRules } from './lock.ts'

/** CacheEnable: a kind of cache, and what is kept in it. */
export interface Enabled { readonly type: string; readonly prefix: Prefix }

const joined = <T>(outer: readonly T[], inner: readonly T[]): readonly T[] => [...outer, ...inner]

/** Per virtual host. */
export const perServer = new Settings('server', {
  enabled: [] as readonly Enabled[],
  disabled: [] as readonly Prefix[],
  quick: true,
  ignoreControl: false,
  ignoreQuery: false,
  /** Names of fields that are not kept, in lower case. */
  ignoredFields: [] as readonly string[],
  sessions: [] as readonly string[],
  base: undefined as BaseUrl | undefined,
  lock: false,
  lockPath: undefined as string | undefined,
  lockMaxAge: 5000,
}, { enabled: joined, disabled: joined })

/** Per section. */
export const perDirectory = new Settings('directory', {
  enabled: [] as readonly Enabled[],
  disabled: false,
  maxExpire: 86_400_000,
  minExpire: 0,
  defaultExpire: 3_600_000,
  factor: 0.1,
  ignoreNoLastMod: false,
  storePrivate: false,
  storeNoStore: false,
  storeExpired: false,
  staleOnError: true,
  header: false,
  detailHeader: false,
}, { enabled: joined })

export type ServerSettings = Readonly<typeof perServer.defaults>
export type DirectorySettings = Readonly<typeof perDirectory.defaults>

const lockRules = new WeakMap<ServerSettings, LockRules>()

/** Undefined: there is no CacheLock. */
export function lockRulesOf(settings: ServerSettings): LockRules | undefined {
  if (!settings.lock) return undefined
  let rules = lockRules.get(settings)
  if (rules === undefined) {
    rules = { directory: settings.lockPath ?? `${byteString(tmpdir())}/mod_cache-lock`, maxAge: settings.lockMaxAge }
    lockRules.set(settings, rules)
  }
  return rules
}

export const keyRulesOf = ({ base, ignoreQuery, sessions }: ServerSettings): KeyRules => ({ base, ignoreQuery, sessions })

/** Seconds; kept in ms. */
export const seconds: Arg<number> = parsed((text) => numberOf(text) * 1000)

export const factor: Arg<number> = parsed((text) => {
  if (!/^\s*[-+]?(\d|\.\d)/.test(text)) throw new ConfigError('CacheLastModifiedFactor value must be a float')
  return Number.parseFloat(text)
})

export const lockAge: Arg<number> = parsed((text) => {
  if (numberOf(text) <= 0) throw new ConfigError('CacheLockMaxAge value must be a non-zero positive integer')
  return numberOf(text) * 1000
})

/** `None` among the words: none of those before it. */
export const fieldNames = (before: readonly string[], words: readonly string[]): readonly string[] =>
  words.reduce<readonly string[]>((names, word) => /^none$/i.test(word) ? [] : [...names, word.toLowerCase()], before)

export const identifiers = (before: readonly string[], words: readonly string[]): readonly string[] =>
  words.reduce<readonly string[]>((names, word) => /^none$/i.test(word) ? [] : [...names, word], before)

export const baseUrl: Arg<BaseUrl> = parsed((text) => {
  const parts = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:[^/@]*@)?(\[[^\]/]*\]|[^:/?#[\]]*)(?::(\d*))?)?(?!\/\/)(?:[/?#].*)?$/.exec(text)
  if (parts === null && /[[\]]|:\/\//.test(text)) throw new ConfigError(`Could not parse '${text}' as an URL.`)
  const [, scheme, host, port] = parts ?? []
  if (!scheme && !host && !port) throw new ConfigError(`URL '${text}' must contain at least one of a scheme, a hostname or a port.`)
  return { scheme: scheme?.toLowerCase(), host: host || undefined, port: port || undefined }
})

export function enable(command: Command, type: string, url: string | undefined): void {
  checkContext(command, { directory: true, files: true })
  if (type.startsWith('/')) throw new ConfigError(`provider (${type}) starts with a '/'.  Are url and provider switched?`)
  const prefix = url ?? command.path
  if (prefix === undefined) throw new ConfigError(`CacheEnable provider (${type}) is missing an URL.`)
  if (command.path !== undefined && !prefix.startsWith(command.path))
    throw new ConfigError('When in a Location, CacheEnable must specify a path or an URL below that location.')
  const said = command.path === undefined ? command.vector('server').said(perServer) : command.vector('directory').said(perDirectory)
  said.enabled = [...(said.enabled ?? []), { type, prefix: prefixOf(prefix) }]
}

export function disable(command: Command, url: string): void {
  if (command.path !== undefined) {
    if (url.toLowerCase() !== 'on') throw new ConfigError("CacheDisable must be followed by the word 'on' when in a Location.")
    command.vector('directory').said(perDirectory).disabled = true
    return
  }
  if (!url.startsWith('/') && !url.includes(':')) throw new ConfigError('CacheDisable must specify a path or an URL.')
  const said = command.vector('server').said(perServer)
  said.disabled = [...(said.disabled ?? []), prefixOf(url)]
}
