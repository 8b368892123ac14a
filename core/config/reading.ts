/**
 * The state of one reading: what early directives change and ask. One rule:
 * it belongs to one reading and is thrown away with it.
 */
import type { Directive, ModuleTable } from './directive.ts'
import { ConfigError } from './errors.ts'
import type { Fault } from './faults.ts'
import { byteString } from './include.ts'
import type { Position } from './server_conf.ts'

/** One line of the configuration, and for a section the lines it encloses. Plain data: it goes to children as JSON. */
export interface TreeNode {
  /** As written; a section's begins with `<`. */
  readonly name: string
  /** The rest of the line, variables replaced; a section's still has its `>`. */
  readonly args: string
  readonly file: string
  readonly line: number
  readonly body?: TreeNode[]
}

export type NoteLevel = 'warn' | 'info' | 'notice' | 'error'

export interface ReadingInput {
  readonly serverRoot: string
  /** Names of -D. */
  readonly defines: readonly string[]
  readonly table: ModuleTable
  /** @throws ConfigError */
  readonly loadModule: (symbol: string, path: string, position: Position, serverRoot: string) => void
  /** LoadFile. @throws ConfigError */
  readonly loadFile?: (path: string, position: Position, serverRoot: string) => void
  /** Told of each file as it is opened; depth 1 and no line for the main file. */
  readonly onInclude?: (depth: number, line: number | undefined, path: string) => void
  readonly env: NodeJS.ProcessEnv
  /** What <IfVersion> compares with. */
  readonly languageLevel: string
  readonly note: (level: NoteLevel, text: string) => void
  /** In .htaccess: whether a directive may be used at all. Absent: any may. */
  readonly allows?: (directive: Directive) => boolean
}

export class Reading {
  readonly input: ReadingInput
  serverRoot: string
  runtimeDir: string | undefined
  readonly faults: Fault[] = []
  /** What -D and Define name, with the value if one was given. */
  readonly defines = new Map<string, string | undefined>()
  /** False once sections do not fit together or a module is missing: more faults would follow from that alone. */
  walkable = true
  /** Values by their name in lower case: `${NAME}` asks in any case of letters. */
  readonly #values = new Map<string, string>()
  readonly #memory = new Map<unknown, unknown>()

  constructor(input: ReadingInput) {
    this.input = input
    this.serverRoot = byteString(input.serverRoot)
    for (const name of input.defines) this.defines.set(name, undefined)
  }

  define(name: string, value: string | undefined): void {
    const given = value === '' ? undefined : value
    this.defines.set(name, given)
    if (given !== undefined) this.#values.set(name.toLowerCase(), given)
  }

  undefine(name: string): void {
    this.defines.delete(name)
    this.#values.delete(name.toLowerCase())
  }

  /** For `${NAME}`: a Define with a value, else the environment. */
  readonly value = (name: string): string | undefined => {
    const defined = this.#values.get(name.toLowerCase())
    if (defined !== undefined) return defined
    const inherited = Object.hasOwn(this.input.env, name) ? this.input.env[name] : undefined
    return inherited === undefined ? undefined : byteString(inherited)
  }

  /** What a module keeps for as long as this reading takes; the class tells whose it is. */
  memory<T extends object>(make: new () => T): T {
    let kept = this.#memory.get(make) as T | undefined
    if (kept === undefined) this.#memory.set(make, kept = new make())
    return kept
  }

  readonly unknownVariable = (name: string): void =>
    this.input.note('warn', `AH00111: Config variable \${${name}} is not defined`)

  loadModule(symbol: string, path: string, position: Position): void {
    try {
      this.input.loadModule(symbol, path, position, this.serverRoot)
    } catch (error) {
      this.walkable = false
      throw error
    }
  }

  loadFile(path: string, position: Position): void {
    const { loadFile } = this.input
    if (loadFile === undefined) throw new ConfigError(`Cannot load ${path} into server: LoadFile is not available`)
    loadFile(path, position, this.serverRoot)
  }
}
