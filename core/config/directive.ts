/**
 * One row of a directive table, and what its function is told of the line
 * that it runs for (Apache's command_rec and cmd_parms).
 */
import type { ConfigError } from './errors.ts'
import type { AnySettings, ConfigVector, Scope } from './settings.ts'
import type { Section, ServerConf } from './server_conf.ts'
import type { Where } from './where.ts'

export interface Directive {
  readonly name: string
  readonly where: Where
  readonly help: string
  /** Apache's words for the number of arguments, for example `takes one argument`. */
  readonly takes: string
  /** Which of the two vectors it writes; sections write neither. */
  readonly scope: Scope
  /**
   * For a section (name begins with `<`, for example `<RequireAll`): runs the lines inside by
   * calling `walk`, in between whatever the section means. `apply` is not called for it. The words
   * are those before the `>`.
   */
  readonly section?: (command: Command, words: readonly string[], walk: (inside?: Inside) => void) => void
  /** For a row with `where.early`: runs as the line is read, and nothing of it comes into the tree. @throws ConfigError */
  readonly read?: (line: ReadLine) => void
  /** @throws ConfigError with Apache's text, without file and line */
  apply(command: Command, words: readonly string[]): void
}

/** A line as it stands in its file: blanks at its ends gone, continuation lines joined, nothing replaced. */
export interface PlainLine {
  readonly text: string
  /** Number of its last physical line, from 1. */
  readonly line: number
}

/** A line that does something to the reading itself (Apache's EXEC_ON_READ). */
export interface ReadLine {
  /** The rest of the line, variables replaced; a section's still has its `>`. */
  readonly args: string
  readonly file: string
  readonly line: number
  /** Takes the next line of the file away; undefined at its end. */
  next(): PlainLine | undefined
  /** Has lines read in the place of this one, under a name for messages. */
  insert(file: string, lines: readonly PlainLine[]): void
  /** Something kept from one line to the next, as long as this reading takes. */
  memory<T extends object>(make: new () => T): T
  note(level: 'warn' | 'info' | 'notice' | 'error', text: string): void
}

/** What is different for the lines inside of a section; what is not given stays as it is around it. */
export interface Inside {
  /** A virtual host: they configure it. */
  readonly server?: ServerConf
  /** They say what holds in this section. */
  readonly section?: Section
  readonly limit?: Limit
}

/** Inside <Limit> (or, with `except`, <LimitExcept>): the methods named there; GET stands for HEAD as well. */
export interface Limit {
  readonly methods: readonly string[]
  readonly except: boolean
}

/** The line being carried out. */
export interface Command {
  readonly directive: Directive
  /** Name as written in the file. */
  readonly name: string
  /** The rest of the line as written, after variable replacement. */
  readonly args: string
  readonly file: string
  readonly line: number
  /** The server being configured. */
  readonly server: ServerConf
  /** Path or pattern of the enclosing section, if any (for .htaccess: the directory). */
  readonly path: string | undefined
  /** Names of the enclosing sections as written (`<Directory`), the innermost first. */
  readonly within?: readonly string[]
  /** The enclosing section, if any; in .htaccess one that stands for the whole file. */
  readonly section?: Section | undefined
  readonly limit?: Limit
  /** In .htaccess under `AllowOverride Options=a,b`: the options that it may switch. */
  readonly overrideOptions?: number
  /** The modules loaded. */
  readonly table?: ModuleTable
  /** True inside .htaccess. */
  readonly htaccess: boolean
  /** Where what this line says is kept. */
  vector(scope: Scope): ConfigVector
  /** The error for a wrong number of arguments: `NAME <takes>, HELP`. */
  usage(takes: string): ConfigError
  /** A path made absolute from ServerRoot. */
  serverRootRelative(path: string): string
  /** A message that does not stop the server: shown at start, logged on restart. */
  note(level: 'warn' | 'info' | 'notice' | 'error', text: string): void
  /** True while the file is only checked (`-t`) or a signal is sent: take nothing into use. */
  readonly checking: boolean
}

/** What the reader asks about loaded modules; core/hook's ModuleList answers. */
export interface ModuleTable {
  /** Rows of that name (any case of letters), with the module that brings them; a section's name begins with `<`. */
  find(name: string): readonly { readonly directive: Directive; readonly symbol: string; readonly file: string }[]
  /** True for the symbol (`mime_module`) or source file (`mod_mime.c`) of a module loaded so far. */
  has(name: string): boolean
  /** All names of directives, for a suggestion. */
  names(): Iterable<string>
  settings(): readonly AnySettings[]
  /** The type of an output filter that a module loaded so far has; undefined if none has it. */
  outputFilterType(name: string): number | undefined
  /** Filters that the configuration itself defines; a later one of a name counts. */
  addFilters(filters: Filters): void
}

/** Of modules: core/hook knows what they are. */
interface Filters {
  readonly outputFilters?: readonly { readonly name: string; readonly type: number }[]
  readonly inputFilters?: readonly { readonly name: string; readonly type: number }[]
}

/** What a module brings to the configuration. */
export interface Configures {
  readonly settings?: readonly AnySettings[]
  readonly directives?: readonly Directive[]
}
