/**
 * From files to servers: the one way to read a configuration, for a check, a
 * start, a restart and, from the tree alone, in a child process.
 *
 *   read (LoadModule runs) ─► one MPM? ─► pre_config ─► carry out ─► check_config ─► test_config
 *
 * Nothing is printed: messages come back as notes, refusals as texts.
 */
import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { LANGUAGE_LEVEL } from '../base/version.ts'
import { byteString } from '../config/include.ts'
import { readConfig, type ReadResult, type TreeNode } from '../config/reader.ts'
import type { WalkInput } from '../config/walk.ts'
import type { FixedLimits } from '../hook/hooks.ts'
import { ModuleList } from '../hook/modules.ts'
import type { Prelinked } from './build_info.ts'
import type { HostsFile } from './hosts_file.ts'
import type { Mpm } from './mpm.ts'
import { chooseMpm } from './mpm_choice.ts'
import { Notes, readable, type Note, type TakeNote } from './notes.ts'
import type { ServerLog } from './server.ts'
import { settle, walkFaults, type Settled } from './settle.ts'
import { ModuleLoader } from './so_module.ts'

/** What every process of a server has in common. */
export interface ProgramParts {
  readonly prelinked: readonly Prelinked[]
  /** The core's face, for loadable modules. */
  readonly face: unknown
  /** Which module a directive would come from, for advice on unknown ones. */
  readonly known?: NonNullable<WalkInput['known']>
  /** Where servers log once there are logs; until then messages become notes. */
  readonly log?: ServerLog
}

export interface PrepareOptions extends ProgramParts {
  readonly program: string
  /** ServerRoot before the configuration says otherwise; absolute. */
  readonly serverRoot: string
  /** Where this build's loadable modules are, for LoadModule lines that name native ones; absolute. */
  readonly moduleDirectories?: readonly string[]
  /** -f or its default; relative to ServerRoot. */
  readonly configFile: string
  /** It is the default: it may be missing when -C or -c say something. */
  readonly configFileIsDefault?: boolean
  /** -C and -c. */
  readonly pre: readonly string[]
  readonly post: readonly string[]
  /** -D */
  readonly defines: readonly string[]
  /** False for -T. */
  readonly checkDirectories: boolean
  /** `-t`, a dump, or a signal to a running server: take nothing into use. */
  readonly checking: boolean
  /** Runs test_config as well. */
  readonly testing: boolean
  readonly restart: boolean
  /** At a restart: what holds since the first start. */
  readonly fixed?: FixedLimits | undefined
  readonly env: NodeJS.ProcessEnv
  /** Told of each file as it is opened (DUMP_INCLUDES). */
  readonly onInclude?: (depth: number, line: number | undefined, path: string) => void
  /** This machine's name and its table of hosts, if not what the system says. */
  readonly hosts?: HostsFile
  readonly hostname?: string
}

/** A configuration that may be served. */
export interface Prepared extends Settled {
  readonly kind: 'prepared'
  readonly program: string
  readonly modules: ModuleList
  readonly mpm: Mpm
  readonly tree: readonly TreeNode[]
  readonly serverRoot: string
  /** DefaultRuntimeDir, absolute, if it was given. */
  readonly runtimeDir: string | undefined
  readonly defines: ReadonlyMap<string, string | undefined>
  /** Texts of LoadModule and LoadFile by path, in the order of loading: a child gets these and reads no file. */
  readonly moduleSources: ReadonlyMap<string, string>
  readonly notes: readonly Note[]
}

export interface Refused {
  readonly kind: 'refused'
  /** Complete texts, the first as Apache has it, without line breaks at their ends. */
  readonly texts: readonly string[]
  readonly notes: readonly Note[]
  /** What was loaded until then. */
  readonly modules: ModuleList
}

/** Reads and checks a configuration. */
export async function prepare(options: PrepareOptions): Promise<Prepared | Refused> {
  const { program } = options
  const notes = new Notes()
  const modules = linkedModules(options.prelinked)
  const loader = new ModuleLoader({
    face: options.face, modules, directories: (options.moduleDirectories ?? []).map(byteString),
    note: (level, text) => notes.take(level, 'so', text),
  })
  const refused = (texts: readonly string[]): Refused => ({ kind: 'refused', texts, notes: notes.list, modules })

  const read = readFiles(options, modules, loader, notes.take)
  loader.noteNatives()
  const { tree, serverRoot, runtimeDir, defines } = read
  const input = { ...options, tree, serverRoot, runtimeDir, defines, modules, note: notes.take }
  if (read.faults.length > 0) {
    const further = read.walkable ? await walkFaults(input) : []
    return refused([...read.faults.map(({ text }) => text), ...further])
  }
  const configFile = resolve(options.serverRoot, options.configFile)
  const choice = chooseMpm(modules.loaded, { program, configFile, available: availableMpms(serverRoot) })
  if (!choice.ok) return refused([choice.text])
  const settled = await settle(input)
  if (settled.kind === 'refused') return refused(settled.texts)
  return {
    ...settled, kind: 'prepared', program, modules, mpm: choice.mpm, tree, serverRoot, runtimeDir, defines,
    moduleSources: loader.sources, notes: notes.list,
  }
}

function readFiles(options: PrepareOptions, modules: ModuleList, loader: ModuleLoader, note: TakeNote): ReadResult {
  return readConfig({
    program: options.program,
    serverRoot: options.serverRoot,
    file: options.configFile,
    fileIsDefault: options.configFileIsDefault ?? false,
    pre: options.pre,
    post: options.post,
    defines: options.defines,
    table: modules,
    loadModule: (symbol, path, position, serverRoot) => loader.load(symbol, path, position, serverRoot),
    loadFile: (path, position, serverRoot) => loader.loadFile(path, position, serverRoot),
    env: options.env,
    languageLevel: LANGUAGE_LEVEL,
    note: (level, text) => note(level, 'core', text),
    ...(options.onInclude && { onInclude: options.onInclude }),
  })
}

/** The modules that are part of the program, in load order. */
export function linkedModules(prelinked: readonly Prelinked[]): ModuleList {
  const modules = new ModuleList()
  for (const { symbol, module } of prelinked) modules.add({ symbol, module, linkage: 'static' })
  return modules
}

/** Bundles of MPMs under ServerRoot, as LoadModule names them. */
function availableMpms(serverRoot: string): string[] {
  try {
    const names = readdirSync(readable(resolve(serverRoot, 'modules')))
    return names.filter((name) => /^mod_mpm_\w+\.so$/.test(name)).sort().map((name) => `modules/${name}`)
  } catch {
    return []
  }
}
