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

export interface Payload {
  readonly program: string
  readonly argv: readonly string[]
  readonly tree: readonly TreeNode[]
  /** Loadable modules in load order. */
  readonly modules: readonly { readonly symbol: string; readonly path: string; readonly at: Position }[]
  /** Their texts by path. */
  readonly sources: Readonly<Record<string, string>>
  readonly serverRoot: string
  readonly runtimeDir: string | null
  readonly defines: readonly (readonly [name: string, value: string | null])[]
  readonly hosting: Hosting
}

/** What a child is handed. @param argv the command line, for modules and logs that show it */
export function payloadOf(prepared: Prepared, argv: readonly string[]): Payload {
  const { program, tree, modules, moduleSources, serverRoot, runtimeDir, defines, hosting } = prepared
  return {
    program, argv, tree, serverRoot, hosting, runtimeDir: runtimeDir ?? null,
    modules: modules.loaded.filter(({ linkage }) => linkage === 'shared')
      .map(({ symbol, path, at }) => ({ symbol, path: path!, at: at! })),
    sources: Object.fromEntries(moduleSources),
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
  const sources = new Map(Object.entries(payload.sources))
  const loader = new ModuleLoader({ face: parts.face, modules, sources })
  for (const { symbol, path, at } of payload.modules) loader.load(symbol, path, at, serverRoot)
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
