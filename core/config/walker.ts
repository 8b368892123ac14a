/**
 * Carries out the lines of a tree, one after the other: is the directive
 * known, may it stand here, then its function. One rule: a fault ends its
 * line, never the walk.
 */
import { serverRootRelative } from '../base/path.ts'
import type { Command, Directive, Inside, Limit, ModuleTable } from './directive.ts'
import { insideBrackets } from './early.ts'
import { ConfigError } from './errors.ts'
import { wordsOf } from './lexer.ts'
import type { NoteLevel, TreeNode } from './reading.ts'
import { allows, type Rights } from './rights.ts'
import { ServerConf, type Position, type Section } from './server_conf.ts'
import { ConfigVector, type Scope } from './settings.ts'
import { adviceFor, type Known } from './suggest.ts'

export interface WalkInput {
  readonly table: ModuleTable
  /** Absolute; relative paths of directives start here. */
  readonly serverRoot: string
  readonly checking: boolean
  /** What the program is called in messages. */
  readonly program?: string
  readonly defines?: ReadonlyMap<string, string | undefined>
  readonly note: (level: NoteLevel, text: string) => void
  /** Looks up a directive that no loaded module has, by its name as in the file. */
  readonly known?: (name: string) => Known | undefined
}

/** Where lines stand. */
export interface Place {
  readonly server: ServerConf
  /** What directives of scope `server` write. */
  readonly serverVector: ConfigVector
  /** What directives of scope `directory` write. */
  readonly vector: ConfigVector
  readonly section: Section | undefined
  /** Enclosing sections as written, the innermost first. */
  readonly within: readonly string[]
  readonly limit?: Limit
  /** In .htaccess. */
  readonly rights?: Rights
}

export const outermost = (server: ServerConf): Place =>
  ({ server, serverVector: server.vector, vector: server.defaults, section: undefined, within: [] })

export type TakeFault = (at: Position, message: string) => void

export class Walker {
  readonly #input: WalkInput
  readonly #fault: TakeFault
  /** Virtual hosts met, in order. */
  readonly virtual: ServerConf[] = []

  constructor(input: WalkInput, fault: TakeFault) {
    this.#input = input
    this.#fault = fault
  }

  walk(nodes: readonly TreeNode[], place: Place): void {
    for (const node of nodes) this.#line(node, place)
  }

  #line(node: TreeNode, place: Place): void {
    const rows = this.#input.table.find(node.name)
    if (rows.length === 0) return this.#unknown(node, place)
    try {
      const sections = rows.filter(({ directive }) => directive.section !== undefined)
      // Modules may share a directive: each has its say. A section is carried out once.
      if (sections.length > 0) this.#section(sections[0]!.directive, node, place)
      else for (const { directive } of rows) this.#plain(directive, node, place)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.#fault(node, error.message)
    }
  }

  #unknown(node: TreeNode, place: Place): void {
    const { note, known, table } = this.#input
    if (place.rights?.nonfatalUnknown) {
      return note('warn', `AH02296: Unknown directive ${node.name.toLowerCase()} perhaps misspelled or defined by a ` +
        'module not included in the server configuration')
    }
    const advice = place.rights === undefined ? adviceFor(node.name, known?.(node.name), table.names()) : undefined
    this.#fault(node, `Invalid command '${node.name}', perhaps misspelled or defined by a module not included in the ` +
      `server configuration${advice === undefined ? '' : `\n${advice}`}`)
  }

  #plain(directive: Directive, node: TreeNode, place: Place): void {
    if (this.#mayStand(directive, place))
      directive.apply(new Line(directive, node, place, this.#input), wordsOf(node.args))
  }

  #section(directive: Directive, node: TreeNode, place: Place): void {
    let walked = false
    try {
      if (!this.#mayStand(directive, place)) return
      const words = wordsOf(insideBrackets(directive.name, node.args))
      directive.section!(new Line(directive, node, place, this.#input), words, (inside = {}) => {
        walked = true
        this.#inside(node, inside, place)
      })
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.#fault(node, error.message)
      // The lines inside may have faults of their own; what they say is thrown away.
      if (!walked && place.rights === undefined) this.walk(node.body ?? [], limbo(node, place))
    }
  }

  #inside(node: TreeNode, { server, section, limit }: Inside, place: Place): void {
    if (server !== undefined) this.virtual.push(server)
    const outer = server === undefined ? place : outermost(server)
    this.walk(node.body ?? [], {
      ...outer,
      ...(section && { section, vector: section.vector }),
      ...(limit && { limit }),
      within: [node.name, ...place.within],
    })
  }

  /** @returns false if the line is skipped without a fault @throws ConfigError */
  #mayStand(directive: Directive, place: Place): boolean {
    const { name, where } = directive
    const { rights, section, server, within } = place
    const may = rights !== undefined ? allows(rights, directive) : section === undefined ? where.rsrc : where.access
    if (!may) {
      if (rights?.nonfatalOverride) {
        this.#input.note('warn', `AH02295: ${name} in .htaccess forbidden by AllowOverride`)
        return false
      }
      throw new ConfigError(`${name} not allowed ${within.length > 0 ? `in ${within[0]}> context` : 'here'}`)
    }
    if (where.globalOnly && server.virtual)
      throw new ConfigError(`${name}${name.startsWith('<') ? '>' : ''} cannot occur within <VirtualHost> section`)
    return true
  }
}

/** A place like the inside of a section that could not be made. */
function limbo(node: TreeNode, place: Place): Place {
  const within = [node.name, ...place.within]
  if (node.name.toLowerCase() === '<virtualhost') return { ...outermost(new ServerConf(true, node)), within }
  const vector = new ConfigVector()
  const section: Section = {
    kind: 'Directory', pattern: '', at: node, vector, inner: [], matches: () => false,
  }
  const server = new ServerConf(place.server.virtual, place.server.at)
  return { ...place, server, serverVector: server.vector, section, vector, within }
}

/** The line, as its function sees it. */
class Line implements Command {
  readonly directive: Directive
  readonly name: string
  readonly args: string
  readonly file: string
  readonly line: number
  readonly server: ServerConf
  readonly path: string | undefined
  readonly within: readonly string[]
  readonly section: Section | undefined
  declare readonly limit?: Limit
  declare readonly overrideOptions?: number
  readonly htaccess: boolean
  readonly table: ModuleTable
  readonly checking: boolean
  readonly #place: Place
  readonly #input: WalkInput

  constructor(directive: Directive, node: TreeNode, place: Place, input: WalkInput) {
    this.directive = directive
    this.name = node.name
    this.args = node.args
    this.file = node.file
    this.line = node.line
    this.server = place.server
    this.path = place.section?.pattern
    this.within = place.within
    this.section = place.section
    if (place.limit !== undefined) this.limit = place.limit
    if (place.rights?.options !== undefined) this.overrideOptions = place.rights.options
    this.htaccess = place.rights !== undefined
    this.table = input.table
    this.checking = input.checking
    this.#place = place
    this.#input = input
  }

  vector(scope: Scope): ConfigVector {
    return scope === 'server' ? this.#place.serverVector : this.#place.vector
  }

  usage(takes: string): ConfigError {
    const { name, help } = this.directive
    // For these two Apache says no more.
    const silent = help === '' || takes === 'must be On or Off' || takes === 'takes no arguments'
    return new ConfigError(`${name} ${takes}${silent ? '' : `, ${help}`}`)
  }

  serverRootRelative(path: string): string {
    return serverRootRelative(this.#input.serverRoot, path)
  }

  note(level: NoteLevel, text: string): void {
    this.#input.note(level, text)
  }
}
