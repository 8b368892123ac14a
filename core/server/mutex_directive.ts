/**
 * Mutex: which mechanism serves which lock between processes. Children of this
 * server share descriptors and atomics and need none of the mechanisms; what is
 * written is checked as Apache does and kept for `httpd -S`.
 */
import type { Command } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import type { GlobalCore } from './core_settings.ts'

const MECHANISMS = "'none', 'default', 'flock:/path/to/file', 'fcntl:/path/to/file', 'file:/path/to/file', " +
  "'pthread', 'sysvsem', 'posixsem', 'sem'"

/** Mechanisms that take a path, and those that do not. */
const WITH_PATH = ['flock', 'fcntl', 'file']
const PLAIN = ['none', 'default', 'pthread', 'sysvsem', 'posixsem', 'sem', ...WITH_PATH]

/** Kinds of mutexes, with the modules that have one in Apache, any of which makes the name known. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'mpm-accept': ['mpm_prefork_module', 'mpm_worker_module'],
  'authn-socache': ['authn_socache_module'],
  'watchdog-callback': ['watchdog_module'],
}

/** Those of a server with these modules. */
export const mutexKinds = (has: (module: string) => boolean): string[] =>
  Object.keys(KINDS).filter((kind) => KINDS[kind]!.some(has))

export function mutex(said: Partial<GlobalCore>, command: Command, words: readonly string[]): void {
  const [mechanism, ...rest] = words as [string, ...string[]]
  if (mechanism.toLowerCase() === 'omitpid')
    throw new ConfigError(`Mutex requires at least a mechanism argument (Mutex mechanisms are: ${MECHANISMS})`)
  if (!isMechanism(mechanism))
    throw new ConfigError(`Invalid Mutex argument ${mechanism} (Mutex mechanisms are: ${MECHANISMS})`)
  const omitPid = rest.at(-1)?.toLowerCase() === 'omitpid'
  const types = omitPid ? rest.slice(0, -1) : rest
  for (const type of types) checkType(type, mechanism, command)
  said.mutexes = [...(said.mutexes ?? []), {
    mechanism, types: types.map((type) => type.toLowerCase()).filter((type) => type !== 'default'), omitPid,
  }]
}

function isMechanism(text: string): boolean {
  const [name, path] = text.split(':', 2) as [string, string?]
  return PLAIN.includes(name.toLowerCase()) && (path === undefined || WITH_PATH.includes(name.toLowerCase()))
}

function checkType(type: string, mechanism: string, command: Command): void {
  const lower = type.toLowerCase()
  if (lower === 'default') return
  if (!mutexKinds((symbol) => command.table?.has(symbol) ?? true).includes(lower)) throw new ConfigError(`Mutex type ${type} is not valid`)
  if (mechanism.toLowerCase() === 'none') throw new ConfigError(`None is not allowed for mutex type ${type}`)
}
