/**
 * A generation as one JSON text, and the way back: a child process has the same
 * modules, tree and names as its control process, even if files change meanwhile.
 */
import { ModuleLoader } from './so_module.ts'
import { firstMpm } from './mpm_choice.ts'
import { settle } from './settle.ts'
import { linkedModules, type Prepared, type ProgramParts } from './startup.ts'
import type { TreeNode } from '../config/reader.ts'
import type { Position } from '../config/server_conf.ts'
import type { Hosting } from './virtual_hosts.ts'

interface Load {
  readonly path: string
  readonly source: string
  readonly module: { readonly symbol: string; readonly at: Position } | null
}

export interface Payload {
  readonly program: string
  readonly argv: readonly string[]
  readonly tree: readonly TreeNode[]
  /** What LoadModule and LoadFile ran, in that order; a file that is no module has no symbol. */
  readonly loads: readonly Load[]
  readonly serverRoot: string
  readonly runtimeDir: string | null
  readonly defines: readonly (readonly [name: string, value: string | null])[]
  readonly hosting: Hosting
  /** Of what modules have opened: the descriptors are told apart. */
  readonly descriptorNames: readonly string[]
}

/** What a child is handed. @param argv the command line, for modules and logs that show it */
export function payloadOf(prepared: Prepared, argv: readonly string[], descriptorNames: readonly string[]): Payload {
  const { program, tree, modules, moduleSources, serverRoot, runtimeDir, defines, hosting } = prepared
  return {
    program, argv, tree, serverRoot, hosting, descriptorNames, runtimeDir: runtimeDir ?? null,
    loads: [...moduleSources].map(([path, source]) => {
      const loaded = modules.loaded.find((each) => each.path === path)
      return { path, source, module: loaded === undefined ? null : { symbol: loaded.symbol, at: loaded.at! } }
    }),
    defines: [...defines].map(([name, value]) => [name, value ?? null]),
  }
}

/**
 * The same generation out of a payload. Messages were shown by the control process: they are dropped here.
 * @throws Error if the payload does not give the configuration that the control process accepted
 */
export async function rebuild(payload: Payload, parts: ProgramParts): Promise<Prepared> {
  const { program, tree, serverRoot, hosting } = payload
  const modules = linkedModules(parts.prelinked)
  const sources = new Map(payload.loads.map(({ path, source }) => [path, source]))
  const loader = new ModuleLoader({ face: parts.face, modules, sources })
  for (const { path, module } of payload.loads) {
    if (module === null) loader.loadFile(path, { file: path, line: 0 }, serverRoot)
    else loader.load(module.symbol, path, module.at, serverRoot)
  }
  const defines = new Map(payload.defines.map(([name, value]) => [name, value ?? undefined]))
  const runtimeDir = payload.runtimeDir ?? undefined
  const settled = await settle({
    ...parts, program, tree, serverRoot, runtimeDir, defines, modules, hosting,
    checkDirectories: false, checking: false, testing: false, restart: false, note: () => undefined,
  })
  if (settled.kind === 'refused') throw new Error(`Cannot rebuild the configuration: ${settled.texts.join('\n')}`)
  const mpm = firstMpm(modules.loaded)
  if (mpm === undefined) throw new Error('Cannot rebuild the configuration: no MPM loaded')
  return {
    ...settled, kind: 'prepared', program, modules, mpm, tree, serverRoot, runtimeDir, defines,
    moduleSources: sources, notes: [],
  }
}
