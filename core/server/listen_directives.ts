/**
 * Directives that all MPMs share: where to listen, and how the process
 * population is kept. Refusals are those of Apache's listen.c and mpm_common.c.
 */
import { statSync } from 'node:fs'
import { isIP } from 'node:net'
import { atoi, each, flag, parsed, word } from '../config/args.ts'
import type { Command, Directive } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import { fsPath } from '../config/include.ts'
import { GLOBAL_ONLY } from '../config/where.ts'
import { coreOptions } from './core_options.ts'
import { globalCore, type GlobalCore, type ListenAt } from './core_settings.ts'
import { atLeastOne, path } from './directive_values.ts'
import { readHosts } from './hosts_file.ts'
import { mutex } from './mutex_directive.ts'
import { recycling } from './recycle.ts'

type Said = Partial<GlobalCore>

/** `[address:]port` as APR reads it: an IPv6 address stands in brackets. */
export function parseAddressPort(text: string): { address: string | undefined; port: number } {
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d*)$/.exec(text) ?? /^(\[[^\]]*\]|[^:[\]]+)()$/.exec(text)
  if (match === null) throw new ConfigError('Invalid address or port')
  const [, host, digits] = match
  const port = Number(digits)
  if (digits !== '' && (port < 1 || port > 65535)) throw new ConfigError('Invalid address or port')
  if (host?.includes('%')) throw new ConfigError('Scope id is not supported')
  if (digits === '') throw new ConfigError('Port must be specified')
  return { address: host === undefined || host === '*' ? undefined : numeric(host.replace(/^\[|\]$/g, '')), port }
}

/** A numeric address for a name that this machine's hosts file knows. */
function numeric(host: string): string {
  if (isIP(host) !== 0) return host.toLowerCase()
  const address = readHosts().addressesOf(host)[0]
  if (address !== undefined) return address
  throw new ConfigError(`Listen setup failed: cannot find the address of "${host}", give it as a number`)
}

function listen(said: Said, command: Command, words: readonly string[]): void {
  if (words.length > 2) throw new ConfigError('Listen requires 1 or 2 arguments.')
  const { address, port } = parseAddressPort(words[0]!)
  const protocol = words[1]?.toLowerCase() ?? (port === 443 ? 'https' : 'http')
  const before = said.listen ?? []
  if (before.some((other) => other.port === port && other.address === address))
    throw new ConfigError('Cannot define multiple Listeners on the same IP:port')
  const at: ListenAt = { address, port, protocol, at: { file: command.file, line: command.line } }
  said.listen = [...before, at]
}

const buffer = (name: string) => parsed((text) => {
  const bytes = Number.parseInt(text, 10) || 0
  if (bytes < 512 && bytes !== 0) throw new ConfigError(`${name} must be >= 512 bytes, or 0 for system default.`)
  return bytes
})

/** As strtol: a number that C cannot hold is refused, other text is 0. */
const kilobytes = parsed((text) => {
  const value = Number.parseInt(text, 10) || 0
  if (!Number.isSafeInteger(value * 1024)) throw new ConfigError(`Invalid MaxMemFree value: ${text}`)
  return value * 1024
})

const stackSize = parsed((text) => {
  const value = Number.parseInt(text, 10) || 0
  if (value < 0 || !Number.isSafeInteger(value)) throw new ConfigError(`Invalid ThreadStackSize value: ${text}`)
  return value
})

const coreDumpDirectory = parsed((text, command) => {
  const directory = command.serverRootRelative(text)
  if (!coreOptions.checkDirectories) return directory
  const stat = statSync(fsPath(directory), { throwIfNoEntry: false })
  if (stat === undefined) throw new ConfigError(`CoreDumpDirectory ${directory} does not exist`)
  if (!stat.isDirectory()) throw new ConfigError(`CoreDumpDirectory ${directory} is not a directory`)
  return directory
})

function maxConnections(said: Said, command: Command, count: number): void {
  if (command.name.toLowerCase() === 'maxrequestsperchild')
    command.note('info', 'AH00545: MaxRequestsPerChild is deprecated, use MaxConnectionsPerChild instead.')
  said.maxConnectionsPerChild = count
}

const sockets: readonly Directive[] = [
  globalCore.directive('Listen', [each(word)], listen, GLOBAL_ONLY,
    'A port or address and port to listen at, and optionally the protocol spoken there'),
  globalCore.directive('ListenBacklog', [atLeastOne('ListenBacklog')], 'listenBacklog', GLOBAL_ONLY,
    'Longest queue of connections that wait to be accepted'),
  globalCore.directive('ListenCoresBucketsRatio', [atLeastOne('ListenCoresBucketsRatio')], 'listenCoresBucketsRatio',
    GLOBAL_ONLY, 'Processors for each set of listening sockets'),
  globalCore.directive('SendBufferSize', [buffer('SendBufferSize')], 'sendBufferSize', GLOBAL_ONLY,
    'Send buffer of a socket in bytes (0 = the system default)'),
  globalCore.directive('ReceiveBufferSize', [buffer('ReceiveBufferSize')], 'receiveBufferSize', GLOBAL_ONLY,
    'Receive buffer of a socket in bytes (0 = the system default)'),
]

const processes: readonly Directive[] = [
  globalCore.directive('PidFile', [path], 'pidFile', GLOBAL_ONLY, 'A file for logging the server process ID'),
  globalCore.directive('ScoreBoardFile', [path], 'scoreBoardFile', GLOBAL_ONLY,
    'A file for the state of all workers, which other programs can read'),
  globalCore.directive('CoreDumpDirectory', [coreDumpDirectory], 'coreDumpDirectory', GLOBAL_ONLY,
    'Directory for core dumps'),
  globalCore.directive('GracefulShutdownTimeout', [atoi], (said, _, seconds) => {
    said.gracefulShutdownTimeout = seconds * 1000
  }, GLOBAL_ONLY, 'Longest time in seconds that a graceful stop waits (0 = no limit)'),
  globalCore.directive('MaxConnectionsPerChild', [atoi], maxConnections, GLOBAL_ONLY,
    'Connections after which a child is replaced (0 = no limit)'),
  globalCore.directive('MaxRequestsPerChild', [atoi], maxConnections, GLOBAL_ONLY,
    'Old name of MaxConnectionsPerChild'),
  globalCore.directive('RecycleChild', [each(word)], (said, _, words) => {
    said.recycle = recycling(words)
  }, GLOBAL_ONLY, 'Limits after which a child is replaced: requests=N, memory=SIZE, age=TIME, and jitter=PERCENT'),
  globalCore.directive('MaxMemFree', [kilobytes], 'maxMemFree', GLOBAL_ONLY,
    'Most free memory in kilobytes that an allocator keeps (0 = no limit)'),
  globalCore.directive('ThreadStackSize', [stackSize], 'threadStackSize', GLOBAL_ONLY,
    'Stack of a thread in bytes (0 = the system default)'),
  globalCore.directive('ExtendedStatus', [flag], 'extendedStatus', GLOBAL_ONLY,
    'Whether the server status tells of single requests'),
  globalCore.directive('Mutex', [each(word)], mutex, GLOBAL_ONLY,
    'Mechanism and types of locks between processes, with OmitPID to leave the process ID out of file names'),
]

/** All of them, in the order in which they are listed. */
export const listenDirectives: readonly Directive[] = [...sockets, ...processes]
