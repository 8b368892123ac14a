/**
 * Loadable modules: JavaScript bundles that are read, checked and run at
 * LoadModule. One rule: nothing of a file runs before its first line has said
 * that it was made for this core.
 */
import { readFileSync } from 'node:fs'
import { compile, wrapped, type Wrapper } from '../base/code_cache.ts'
import { serverRootRelative } from '../base/path.ts'
import { MODULE_MAGIC_NUMBER, MODULE_SIGNATURE } from '../base/version.ts'
import { loadDirectives } from '../config/early.ts'
import { ConfigError } from '../config/errors.ts'
import { fsPath, reasonOf } from '../config/include.ts'
import type { Position } from '../config/server_conf.ts'
import type { Module } from '../hook/module.ts'
import type { LoadedModule, ModuleList } from '../hook/modules.ts'
import { insteadText, isNative, LINKED_IN_APACHE, noModuleOfOurs, ownFile } from './native_modules.ts'

export const so = {
  name: 'so_module',
  file: 'mod_so.c',
  directives: loadDirectives,
} satisfies Module

/** How many modules may be loaded (DYNAMIC_MODULE_LIMIT). */
const MODULE_LIMIT = 256

/** The first line of a bundle: `/* switchyard module: AP24 20120211 *` and a slash. */
const BANNER = /^\/\* switchyard module: (\S+) (\d+)\b[^*]*\*\//

export interface ModuleLoaderOptions {
  /** What `require('httpd')` gives: the face of the running core. */
  readonly face: unknown
  /** Where loaded modules are added. */
  readonly modules: ModuleList
  /** Texts by absolute path, instead of files: what the control process handed over. */
  readonly sources?: ReadonlyMap<string, string>
  /** Where this build's loadable modules are, for lines that name native ones. */
  readonly directories?: readonly string[]
  readonly note?: (level: 'warn' | 'notice' | 'debug', text: string) => void
}

type Linkage = LoadedModule['linkage']

/** What a line says, or a line that is not there. */
interface Line {
  readonly path: string
  /** `path`, absolute. */
  readonly full: string
  readonly position: Position
  readonly linkage: Linkage
}

export class ModuleLoader {
  /** Texts of all files loaded, by absolute path. */
  readonly sources: Map<string, string>
  readonly #face: unknown
  readonly #modules: ModuleList
  readonly #directories: readonly string[]
  readonly #note: (level: 'warn' | 'notice' | 'debug', text: string) => void
  /** Lines that name native modules. */
  #natives: { count: number; readonly first: Position } | undefined

  constructor({ face, modules, sources, directories, note }: ModuleLoaderOptions) {
    this.#face = face
    this.#modules = modules
    this.#directories = directories ?? []
    this.sources = new Map(sources)
    this.#note = note ?? (() => undefined)
  }

  /**
   * LoadModule.
   * @param path relative to ServerRoot, or absolute
   * @throws ConfigError with Apache's text
   */
  load(symbol: string, path: string, position: Position, serverRoot: string): void {
    const full = serverRootRelative(serverRoot, path)
    if (!this.sources.has(full) && isNative(full)) this.#loadInstead(symbol, path, position)
    else this.#load(symbol, { path, full, position, linkage: 'shared' })
  }

  /** Says what was loaded in place of native modules, if anything was. To be called once the files are read. */
  noteNatives(): void {
    if (this.#natives !== undefined) this.#note('notice', insteadText(this.#natives.count, this.#natives.first))
  }

  /** A line names a native module: this build's own is loaded, unless it is there. @throws ConfigError */
  #loadInstead(symbol: string, path: string, position: Position): void {
    if (this.#natives === undefined) {
      this.#natives = { count: 0, first: position }
      for (const name of LINKED_IN_APACHE) this.#loadOwn(`${name}_module`, position, 'static')
    }
    const linked = this.#modules.loaded.some((each) => each.symbol === symbol && each.linkage === 'static')
    if (!linked && !this.#loadOwn(symbol, position, 'shared')) throw noModuleOfOurs(symbol, path, this.#modules.loaded)
    this.#natives.count++
  }

  /** @param linkage `static` for what apache2 has linked in: no line loads it @returns false if this build has no such module */
  #loadOwn(symbol: string, position: Position, linkage: Linkage): boolean {
    if (linkage === 'static' && this.#modules.has(symbol)) return true
    const file = ownFile(this.#directories, symbol.replace(/_module$/, ''))
    if (file !== undefined) this.#load(symbol, { path: file, full: file, position, linkage })
    return file !== undefined
  }

  #load(symbol: string, { path, full, position, linkage }: Line): void {
    const { loaded } = this.#modules
    const same = loaded.filter((each) => each.symbol === symbol)
    if (same.some((each) => each.path !== undefined))
      return this.#note('warn', `AH01574: module ${symbol} is already loaded, skipping`)
    if (same.some(({ module }) => module.file === fileOf(symbol)))
      throw new ConfigError(`module ${symbol} is built-in and can't be loaded`)
    if (loaded.filter((each) => each.path !== undefined).length >= MODULE_LIMIT) {
      throw new ConfigError(`Module "${fileOf(symbol)}" could not be loaded, because the dynamic module limit was ` +
        'reached. Please increase DYNAMIC_MODULE_LIMIT and recompile.')
    }
    const source = this.#read(path, full)
    checkBanner(source, symbol, full)
    const exports = this.#run(source, path, full)
    const module = exports['module'] ?? exports['mpm']
    if (!isModule(module) || module.name !== symbol) {
      throw new ConfigError(`Can't locate API module structure \`${symbol}' in file ${full}: ${full}: ` +
        `undefined symbol: ${symbol}`)
    }
    this.#modules.add({ module, symbol, linkage, path: full, at: position })
    this.#note('debug', `AH01575: loaded module ${symbol} from ${full}`)
  }

  /** LoadFile: runs a file for what it does; it need not be a module. @throws ConfigError */
  loadFile(path: string, _position: Position, serverRoot: string): void {
    const full = serverRootRelative(serverRoot, path)
    if (!this.sources.has(full) && isNative(full)) {
      throw new ConfigError(`Cannot load ${path} into server: it is native code, and no module of this server needs it. ` +
        'Remove this line')
    }
    this.#run(this.#read(path, full), path, full)
    this.#note('debug', `AH01576: loaded file ${full}`)
  }

  #read(path: string, full: string): string {
    const kept = this.sources.get(full)
    if (kept !== undefined) return kept
    try {
      const text = readFileSync(fsPath(full), 'utf8')
      this.sources.set(full, text)
      return text
    } catch (error) {
      // A name without a slash is looked for elsewhere by the system's loader, which names it as it is.
      const name = path.includes('/') ? full : path
      throw new ConfigError(`Cannot load ${path} into server: ${name}: cannot open shared object file: ` +
        reasonOf(error))
    }
  }

  #run(source: string, path: string, full: string): Readonly<Record<string, unknown>> {
    const module: { exports: Record<string, unknown> } = { exports: {} }
    try {
      const run = compile(wrapped(source), full).runInThisContext() as Wrapper
      run(module, module.exports, (id) => this.#require(id))
    } catch (error) {
      throw new ConfigError(`Cannot load ${path} into server: ${full}: ${String(error)}`)
    }
    return module.exports
  }

  #require(id: string): unknown {
    if (id === 'httpd') return this.#face
    const builtin = id.startsWith('node:') ? process.getBuiltinModule(id) as unknown : undefined
    if (builtin === undefined) throw new Error(`Cannot require "${id}": a module may require httpd and node:NAME`)
    return builtin
  }
}

const fileOf = (symbol: string): string => `mod_${symbol.replace(/_module$/, '')}.c`

function checkBanner(source: string, symbol: string, full: string): void {
  const banner = BANNER.exec(source.slice(0, 256))
  const saw = banner?.[1] ?? source.slice(0, 4)
  if (saw !== MODULE_SIGNATURE) {
    throw new ConfigError(`API module structure '${symbol}' in file ${full} is garbled - expected signature ` +
      `${hexOf(MODULE_SIGNATURE)} but saw ${hexOf(saw)} - perhaps this is not an Apache module DSO, or was compiled ` +
      'for a different Apache version?')
  }
  const version = Number(banner![2])
  if (version !== MODULE_MAGIC_NUMBER) {
    throw new ConfigError(`Module "${fileOf(symbol)}" is not compatible with this version of Apache (found ` +
      `${version}, need ${MODULE_MAGIC_NUMBER}). Please contact the vendor for the correct version.`)
  }
}

/** Four bytes as eight hexadecimal digits. */
const hexOf = (text: string): string =>
  Buffer.from(text.padEnd(4, '\0'), 'latin1').subarray(0, 4).toString('hex')

const isModule = (value: unknown): value is Module =>
  typeof value === 'object' && value !== null && 'name' in value && 'file' in value
