/* What RewriteEngine, RewriteOptions, RewriteBase, RewriteMap and the rules say, for a server and for directories. */
import { addTo, ConfigError, Settings, type Command, type ServerConf } from 'httpd'
import { readMap, type RewriteMap } from './maps.ts'
import { readCondition, readRule, type Condition, type Rule } from './rule.ts'
import type { Template } from './template.ts'

/** Names of RewriteOptions, in lower case. */
export type Option =
  | 'inherit' | 'inheritbefore' | 'inheritdown' | 'inheritdownbefore' | 'ignoreinherit' | 'allownoslash' | 'allowanyuri'
  | 'mergebase' | 'ignorecontextinfo' | 'legacyprefixdocroot' | 'unsafeprefixstat'

const OPTIONS: readonly Option[] = [
  'inherit', 'inheritbefore', 'inheritdown', 'inheritdownbefore', 'ignoreinherit', 'allownoslash', 'allowanyuri',
  'mergebase', 'ignorecontextinfo', 'legacyprefixdocroot', 'unsafeprefixstat',
]
const NO_OPTIONS: ReadonlySet<Option> = new Set()

/** Rules in the order in which they are applied. */
export class RuleList {
  readonly rules: readonly Rule[]
  /** Conditions that no rule has followed yet. */
  readonly pending: readonly Condition[]
  #facts: Facts | undefined

  constructor(rules: readonly Rule[], pending: readonly Condition[]) {
    this.rules = rules
    this.pending = pending
  }

  /** Found out once, when somebody first asks. */
  get facts(): Facts {
    return (this.#facts ??= factsOf(this.rules))
  }

  followedBy(other: RuleList): RuleList {
    return new RuleList([...this.rules, ...other.rules], [...this.pending, ...other.pending])
  }
}

export interface Facts {
  /** Nothing in them blocks the thread, apart from maps, nor do they go round and round (N). */
  readonly quick: boolean
  readonly maps: readonly string[]
  /** T or H stands somewhere. */
  readonly forces: boolean
}

function factsOf(rules: readonly Rule[]): Facts {
  const templates = rules.flatMap(({ output, conditions, flags }) =>
    [output, flags.type, flags.handler, ...flags.env, ...flags.cookies, ...conditions.map(({ input }) => input)]
      .filter((template): template is Template => template !== undefined))
  const expressions = rules.flatMap(({ conditions }) =>
    conditions.flatMap(({ test }) => (test.kind === 'expression' ? [test.expression] : [])))
  return {
    quick: templates.every(({ quick }) => quick) && expressions.every(({ quick }) => quick) &&
      !rules.some(({ flags }) => flags.again),
    maps: [...new Set(templates.flatMap(({ maps }) => maps))],
    forces: rules.some(({ flags }) => flags.type !== undefined || flags.handler !== undefined),
  }
}

/** What both a server and a directory say. */
interface Said {
  /** Undefined: nothing was said. */
  readonly engine: boolean | undefined
  readonly options: ReadonlySet<Option> | undefined
  readonly list: RuleList
}

export interface ServerRewrite extends Said {
  /** The server whose lines these are: a virtual host without a line of its own has no rules, not even its main server's. */
  readonly owner: ServerConf
  readonly maps: ReadonlyMap<string, RewriteMap>
}

export interface DirectoryRewrite extends Said {
  /** With a slash at its end; undefined outside of sections. */
  readonly directory: string | undefined
  readonly base: string | undefined
}

const EMPTY = new RuleList([], [])

const has = (said: Said | undefined, option: Option): boolean => said?.options?.has(option) ?? false

/** How the rules of two places come together, or undefined if the inner ones stand alone. */
function joined(outer: Said, inner: Said, options: ReadonlySet<Option>): RuleList | undefined {
  const down = !has(inner, 'ignoreinherit')
  if (options.has('inherit') || (down && has(outer, 'inheritdown'))) return inner.list.followedBy(outer.list)
  if (options.has('inheritbefore') || (down && has(outer, 'inheritdownbefore'))) return outer.list.followedBy(inner.list)
  return undefined
}

function mergeServers(outer: ServerRewrite | undefined, inner: ServerRewrite | undefined): ServerRewrite | undefined {
  if (outer === undefined || inner === undefined) return inner ?? outer
  const options = inner.options ?? outer.options ?? NO_OPTIONS
  const list = joined(outer, inner, options)
  return {
    owner: inner.owner, engine: inner.engine ?? outer.engine, options, list: list ?? inner.list,
    maps: list === undefined ? inner.maps : new Map([...outer.maps, ...inner.maps]),
  }
}

function mergeDirectories(
  outer: DirectoryRewrite | undefined, inner: DirectoryRewrite | undefined,
): DirectoryRewrite | undefined {
  if (outer === undefined || inner === undefined) return inner ?? outer
  const options = inner.options ?? outer.options ?? NO_OPTIONS
  return {
    engine: inner.engine ?? outer.engine, options, list: joined(outer, inner, options) ?? inner.list,
    directory: inner.directory, base: inner.base ?? (options.has('mergebase') ? outer.base : undefined),
  }
}

export const perServer = new Settings('server', { rewrite: undefined as ServerRewrite | undefined },
  { rewrite: mergeServers })
export const perDirectory = new Settings('directory', { rewrite: undefined as DirectoryRewrite | undefined },
  { rewrite: mergeDirectories })

const inSection = (command: Command): boolean => command.path !== undefined || command.htaccess

/** What a line changes: of the server, and of the place that it stands in. */
interface Change {
  readonly server?: (said: ServerRewrite) => Partial<ServerRewrite>
  readonly directory?: (said: DirectoryRewrite) => Partial<DirectoryRewrite>
}

function change(command: Command, { server, directory }: Change): void {
  // Wherever in a virtual host a line stands, that has a configuration of its own then.
  const ofServer = command.vector('server').said(perServer)
  const before = ofServer.rewrite ??
    { owner: command.server, engine: undefined, options: undefined, list: EMPTY, maps: new Map() }
  ofServer.rewrite = { ...before, ...server?.(before) }
  const ofDirectory = command.vector('directory').said(perDirectory)
  const here = ofDirectory.rewrite ??
    { engine: undefined, options: undefined, list: EMPTY, base: undefined, directory: directoryOf(command) }
  ofDirectory.rewrite = { ...here, ...directory?.(here) }
}

/** What a rule's subject is taken from the front of: for sections that are no directories, something that is never there. */
function directoryOf({ path, section }: Command): string | undefined {
  if (path === undefined) return undefined
  const name = section?.kind === 'If' ? '*If' : path
  return name.endsWith('/') ? name : `${name}/`
}

/** Adds to what the server says, or to the section. */
function add(command: Command, to: (said: Said) => Partial<Said>): void {
  change(command, inSection(command) ? { directory: to } : { server: to })
}

export function engine(_: unknown, command: Command, on: boolean): void {
  const to = (): Partial<Said> => ({ engine: on })
  change(command, inSection(command) ? { directory: to } : { server: to, directory: to })
}

export function options(_: unknown, command: Command, names: readonly string[]): void {
  const chosen = names.flatMap((name) => optionOf(name, command))
  const to = (said: Said): Partial<Said> => ({ options: new Set([...said.options ?? [], ...chosen]) })
  change(command, inSection(command) ? { directory: to } : { server: to, directory: to })
}

function optionOf(name: string, command: Command): Option[] {
  if (/^MaxRedirects=/i.test(name)) {
    command.note('warn', 'AH00664: RewriteOptions: MaxRedirects option has been removed in favor of the global ' +
      'LimitInternalRecursion directive and will be ignored.')
    return []
  }
  const found = OPTIONS.find((option) => option === name.toLowerCase())
  if (found === undefined) throw new ConfigError(`RewriteOptions: unknown option '${name}'`)
  return [found]
}

export function base(_: unknown, command: Command, url: string): void {
  if (!inSection(command)) throw new ConfigError('RewriteBase: only valid in per-directory config files')
  if (!url.startsWith('/')) throw new ConfigError('RewriteBase: argument is not a valid URL')
  change(command, { directory: () => ({ base: url }) })
}

export function map(_: unknown, command: Command, name: string, source: string, third: string | undefined): void {
  const read = readMap(command, name, source, third)
  change(command, { server: ({ maps }) => ({ maps: new Map([...maps, [name, read]]) }) })
}

export function condition(_: unknown, command: Command): void {
  const read = readCondition(command)
  add(command, ({ list }) => ({ list: list === EMPTY ? new RuleList([], [read]) : new RuleList(list.rules, addTo(list.pending, read)) }))
}

export function rule(_: unknown, command: Command): void {
  add(command, ({ list }) => {
    const read = readRule(command, list.pending)
    return { list: new RuleList(addTo(list === EMPTY ? undefined : list.rules, read), []) }
  })
}
