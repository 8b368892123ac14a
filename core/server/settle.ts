/**
 * The second half of reading a configuration, common to the control process
 * and its children: carry out the tree, name the servers, let modules check.
 */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { ConfigError } from '../config/errors.ts'
import type { TreeNode } from '../config/reader.ts'
import { ServerConf } from '../config/server_conf.ts'
import { carryOut, type Configuration, type WalkInput } from '../config/walk.ts'
import { DECLINED, OK, type Hook, type Status } from '../hook/hook.ts'
import type { FixedLimits, Startup } from '../hook/hooks.ts'
import type { ModuleList } from '../hook/modules.ts'
import type { Server } from '../hook/types.ts'
import type { Shared } from '../port/port.ts'
import { coreOptions } from './core_options.ts'
import { globalCore } from './core_settings.ts'
import { readHosts, type HostsFile } from './hosts_file.ts'
import type { TakeNote } from './notes.ts'
import { sharedMemory } from './shared_memory.ts'
import { buildServers, type ServerLog } from './server.ts'
import { findHosting, nameServers, type AddressFault, type Hosting } from './virtual_hosts.ts'
import { VhostTable } from './vhost_table.ts'

export interface SettleInput {
  readonly program: string
  readonly tree: readonly TreeNode[]
  readonly serverRoot: string
  /** DefaultRuntimeDir, absolute, if it was given. */
  readonly runtimeDir: string | undefined
  readonly defines: ReadonlyMap<string, string | undefined>
  readonly modules: ModuleList
  readonly checkDirectories: boolean
  readonly checking: boolean
  readonly testing: boolean
  readonly restart: boolean
  /** At a restart: what holds since the first start. */
  readonly fixed?: FixedLimits | undefined
  readonly note: TakeNote
  readonly log?: ServerLog
  readonly known?: NonNullable<WalkInput['known']>
  /** What the control process found out; a child asks nobody. */
  readonly hosting?: Hosting
  readonly hosts?: HostsFile
  readonly hostname?: string
}

export interface Settled {
  readonly configuration: Configuration
  /** Main server first. */
  readonly servers: readonly Server[]
  readonly vhosts: VhostTable
  readonly hosting: Hosting
  /** For hooks that run later (open_logs, post_config): messages go to `note`. */
  startup(note: TakeNote, descriptor: Startup['descriptor'], shared: Shared): Startup
}

export type SettleAnswer =
  | (Settled & { readonly kind: 'settled' })
  | { readonly kind: 'refused'; readonly texts: readonly string[] }

export async function settle(input: SettleInput): Promise<SettleAnswer> {
  const { modules, note } = input
  const { checkConfig, testConfig } = modules.hooks
  const log = logOf(input)
  const refused = (...texts: readonly string[]): SettleAnswer => ({ kind: 'refused', texts })

  const early = await beforeConfiguration(input)
  if (early !== undefined) return refused(...early, 'AH00013: Pre-configuration failed')

  const configuration = carryOutWith(input)
  if (configuration.faults.length > 0) return refused(...configuration.faults.map(({ text }) => text))
  const { hosting, faults } = hostingOf(configuration, input)
  if (faults.length > 0) return refused(...faults.map(addressFaultText))
  nameServers(configuration, hosting)

  const servers = buildServers(configuration, log)
  const [main, ...virtual] = servers
  const startup = startupOf(input, main!, note, noDescriptor)
  const late = await runHook(checkConfig, startup)
  if (late !== undefined) return refused(...late, 'AH00014: Configuration check failed')
  if (input.testing) await testConfig.run(startup)
  const vhosts = new VhostTable(main!, virtual.map((server, i) => ({ server, addresses: hosting.addresses[i] ?? [] })))
  return {
    kind: 'settled', configuration, servers, vhosts, hosting,
    startup: (take, descriptor, shared) => startupOf(input, main!, take, descriptor, shared),
  }
}

/** The faults of a tree that is not to be served: some of its files had faults already. */
export async function walkFaults(input: SettleInput): Promise<readonly string[]> {
  if (await beforeConfiguration(input) !== undefined) return []
  return carryOutWith(input).faults.map(({ text }) => text)
}

const logOf = ({ log, note }: SettleInput): ServerLog => log ?? ((_, level, module, text) => note(level, module, text))

/** Runs pre_config, which meets a server that nothing has been said of yet. */
function beforeConfiguration(input: SettleInput): Promise<readonly string[] | undefined> {
  const [blank] = buildServers({ main: new ServerConf(false, { file: '', line: 0 }), virtual: [] }, logOf(input))
  return runHook(input.modules.hooks.preConfig, startupOf(input, blank!, input.note, noDescriptor))
}

function hostingOf(configuration: Configuration, input: SettleInput): ReturnType<typeof findHosting> {
  if (input.hosting !== undefined) return { hosting: input.hosting, faults: [] }
  return findHosting(configuration, {
    program: input.program, note: input.note, hosts: input.hosts ?? readHosts(), hostname: input.hostname ?? hostname(),
  })
}

function carryOutWith(input: SettleInput): Configuration {
  const before = coreOptions.checkDirectories
  coreOptions.checkDirectories = input.checkDirectories
  try {
    const configuration = carryOut(input.tree, {
      program: input.program,
      table: input.modules,
      serverRoot: input.serverRoot,
      checking: input.checking,
      defines: input.defines,
      note: (level, text) => input.note(level, 'core', text),
      ...(input.known && { known: input.known }),
    })
    if (input.runtimeDir !== undefined) configuration.main.vector.said(globalCore).defaultRuntimeDir = input.runtimeDir
    return configuration
  } finally {
    coreOptions.checkDirectories = before
  }
}

/** Runs a hook that may refuse. Answers the texts that go before the program's own, or undefined if all is well. */
async function runHook(hook: Hook<Startup, Status>, startup: Startup): Promise<readonly string[] | undefined> {
  try {
    const status = await hook.run(startup)
    return status === OK || status === DECLINED ? undefined : []
  } catch (error) {
    if (error instanceof ConfigError) return [error.message]
    throw error
  }
}

const startupOf = (
  input: SettleInput, server: Server, note: TakeNote, descriptor: Startup['descriptor'], shared?: Shared,
): Startup => ({
  server,
  modules: input.modules,
  tree: input.tree,
  inChild: input.hosting !== undefined,
  checking: input.checking,
  restart: input.restart,
  fixed: input.fixed,
  defines: input.defines,
  serverRootRelative: (path) => resolve(input.serverRoot, path),
  note,
  descriptor,
  sharedMemory: (name, bytes, prepare) => sharedMemory(descriptor, shared, name, bytes, prepare),
})

/** Descriptors are opened from open_logs on, never while a configuration is checked. */
const noDescriptor = (name: string): never => {
  throw new Error(`Cannot open descriptor "${name}": the configuration is still being checked`)
}

const addressFaultText = ({ conf, message }: AddressFault): string =>
  `AH00526: Syntax error on line ${conf.at.line} of ${conf.at.file}:\n${message}`
