/**
 * The program httpd: command line in, exit code out. Reads the configuration
 * once for whatever was asked: a check, a dump, a signal to the running server,
 * or a start, in the foreground or detached. Exit codes are 0 and 1 only.
 */
import { openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from '../config/errors.ts'
import { byteString } from '../config/include.ts'
import type { FixedLimits } from '../hook/hooks.ts'
import type { BuildInfo } from './build_info.ts'
import { capacityText } from './capacity.ts'
import { parseCommandLine, usageText, wordsOf, type CommandLine } from './cli.ts'
import { globalCore } from './core_settings.ts'
import { directivesText, includeText, INCLUDES_HEADING, loadedModulesText, vhostsText } from './dumps.ts'
import { firstMpm } from './mpm_choice.ts'
import { rootOfDebian } from './native_modules.ts'
import { errnoPrefix, isShown, readable, type Note } from './notes.ts'
import { isRunning, readPidFile } from './pidfile.ts'
import { startDetached, StatusPipe, STATUS_VARIABLE, type Spawn } from './program_detach.ts'
import { runConfigText } from './program_run_config.ts'
import { decide, sendSignal } from './program_signal.ts'
import { reportingForServer, type PassedSocket } from './service_manager.ts'
import { modulesText, settingsText, versionText } from './program_version.ts'
import {
  linkedModules, prepare, type Prepared, type PrepareOptions, type ProgramParts, type Refused,
} from './startup.ts'

/** Defines that ask for a dump instead of a start. */
const DUMPS: readonly string[] = ['DUMP_VHOSTS', 'DUMP_RUN_CFG', 'DUMP_MODULES', 'DUMP_INCLUDES']

export type Write = (text: string | Uint8Array) => void

export interface ProgramDeps extends ProgramParts {
  readonly buildInfo: BuildInfo
  /** The control process: runs the server in this process until it ends; answers the exit code. */
  readonly serve: (start: ServerStart) => Promise<number>
  /** How this program is run again: `node`, and what stands before the arguments that `runProgram` is given. */
  readonly relaunch: { readonly command: string; readonly args: readonly string[] }
  readonly dup2: (from: number, to: number) => void
  /** This process is going to serve: restarts that are asked for from now on are done once it does. */
  readonly beginServing?: () => void
  /** Sockets of a service manager, which a detached server is handed. */
  readonly sockets?: readonly PassedSocket[]
  /** Both write at once and completely. */
  readonly stdout: Write
  readonly stderr: Write
  /** Of this process; the name of the status pipe is taken out of it. */
  readonly env: NodeJS.ProcessEnv
  readonly spawn?: Spawn
}

/** What the control process is given. */
export interface ServerStart {
  readonly prepared: Prepared
  /**
   * Reads the configuration again, for a restart: nothing is printed, messages are notes.
   * @param fixed what the first start decided for good
   */
  readonly again: (fixed?: FixedLimits) => Promise<Prepared | Refused>
  readonly line: CommandLine
  /** As AH00094 shows it: without -k, each option by itself. */
  readonly commandLine: string
  /** The arguments of `runProgram`, without -k. */
  readonly argv: readonly string[]
  /** Absolute. */
  readonly pidFile: string
  /** The same for a configuration that is read later. */
  readonly pidFileOf: (prepared: Prepared) => string
  /** -X, -D DEBUG, -D ONE_PROCESS: serve in this very process. */
  readonly oneProcess: boolean
  readonly detached: boolean
  /** Shows a message of the start on standard error, if its level is to be shown. */
  readonly show: (note: Note) => void
  readonly stderr: Write
  /** To be called once the server answers connections. @param log the error log's descriptor, the new standard error */
  readonly ready: (log?: number) => void
}

/**
 * @param argv the program as invoked, ServerRoot unless -d says otherwise, then the person's arguments
 * @returns the exit code
 */
export async function runProgram(argv: readonly string[], deps: ProgramDeps): Promise<number> {
  const [invokedAs = 'httpd', defaultRoot = deps.buildInfo.httpdRoot, ...words] = argv
  let linkedMpm
  try {
    linkedMpm = firstMpm(linkedModules(deps.prelinked).loaded)
  } catch (error) {
    // A module that was linked in for another machine than this.
    if (!(error instanceof ConfigError)) throw error
    deps.stderr(`${invokedAs}: ${error.message}\n`)
    return 1
  }
  const parsed = parseCommandLine(invokedAs, words, linkedMpm !== undefined)
  switch (parsed.kind) {
    case 'usage':
      deps.stderr(`${parsed.message === undefined ? '' : `${parsed.message}\n`}${usageText(invokedAs)}`)
      return 1
    case 'version':
      deps.stdout(versionText(deps.buildInfo))
      return 0
    case 'settings':
      deps.stdout(settingsText(deps.buildInfo, linkedMpm?.traits, process.versions))
      deps.stdout(await capacityIfAny(invokedAs, defaultRoot, words, deps))
      return 0
    case 'modules':
      deps.stdout(modulesText(deps.prelinked))
      return 0
    case 'run':
      return new Run(parsed.line, defaultRoot, deps).run()
  }
}

/** For -V, which tells of the program whether or not there is a configuration, and wherever -V stands in the line. */
async function capacityIfAny(
  invokedAs: string, defaultRoot: string, words: readonly string[], deps: ProgramDeps,
): Promise<string> {
  const { kind, line } = parseCommandLine(invokedAs, words, false)
  if (kind === 'usage') return ''
  const defines = line.defines.filter((define) => !DUMPS.includes(define))
  return new Run({ ...line, defines, errorFile: undefined }, defaultRoot, deps).capacity()
}

/** One run of the program, its command line understood. */
class Run {
  readonly #line: CommandLine
  readonly #deps: ProgramDeps
  readonly #defaultRoot: string
  readonly #root: string
  readonly #stderr: Write
  /** Status pipe of a detached server; undefined in a process that a person started. */
  readonly #status: StatusPipe | undefined

  constructor(line: CommandLine, defaultRoot: string, deps: ProgramDeps) {
    this.#line = line
    this.#deps = deps
    this.#defaultRoot = resolve(defaultRoot)
    this.#root = resolve(line.serverRoot ?? rootOfDebian(line.configFile) ?? defaultRoot)
    this.#stderr = line.errorFile === undefined ? deps.stderr : this.#errorFile(line.errorFile)
    const fd = Number(deps.env[STATUS_VARIABLE])
    this.#status = fd > 2 ? new StatusPipe(fd, deps.dup2) : undefined
    delete deps.env[STATUS_VARIABLE]
  }

  async run(): Promise<number> {
    const line = this.#line
    const dumping = line.defines.some((define) => DUMPS.includes(define))
    const checkOnly = line.check || dumping
    if (line.defines.includes('DUMP_INCLUDES')) this.#deps.stdout(INCLUDES_HEADING)
    const stopping = line.signal === 'stop' || line.signal === 'graceful-stop'
    const here = this.#status !== undefined || this.#foreground
    if (here && !checkOnly) this.#deps.beginServing?.()
    const answer = await this.#prepare({ checking: checkOnly || stopping || !here, testing: checkOnly, restart: false })
    // The process that started a detached server has shown these already.
    if (this.#status === undefined) answer.notes.forEach(this.#show)
    if (answer.kind === 'refused') return this.#refused(answer)
    if (line.showSettings)
      return this.#print(settingsText(this.#deps.buildInfo, answer.mpm.traits, process.versions) + capacityText(answer))
    if (line.listDirectives) return this.#print(directivesText(answer.modules))
    if (dumping) return this.#print(this.#dumps(answer))
    if (line.check) {
      this.#print(capacityText(answer))
      this.#stderr('Syntax OK\n')
      return 0
    }
    return this.#act(answer)
  }

  /** The capacity plan; empty if the configuration cannot be read. */
  async capacity(): Promise<string> {
    try {
      const answer = await this.#prepare({ checking: true, testing: false, restart: false })
      return answer.kind === 'prepared' ? readable(capacityText(answer)) : ''
    } catch {
      return ''
    }
  }

  #errorFile(file: string): Write {
    try {
      const fd = openSync(resolve(this.#root, file), 'a', 0o644)
      return (text) => void (typeof text === 'string' ? writeSync(fd, text) : writeSync(fd, text))
    } catch (error) {
      this.#deps.stderr(`${errnoPrefix(error)}AH00086: ${this.#line.program}: could not open error log file ${file}.\n`)
      return this.#deps.stderr
    }
  }

  #prepare(mode: Pick<PrepareOptions, 'checking' | 'testing' | 'restart' | 'fixed'>): Promise<Prepared | Refused> {
    const { program, pre, post, defines } = this.#line
    const { prelinked, face, known, log, env, stdout, buildInfo } = this.#deps
    const includes = defines.includes('DUMP_INCLUDES') && !mode.restart
    return prepare({
      ...mode, program, pre, post, defines, prelinked, face, env,
      serverRoot: this.#root,
      // Those of the build tree, which may have been moved, or of the installation.
      moduleDirectories: [resolve(this.#defaultRoot, 'modules'), ...(buildInfo.directories ? [buildInfo.directories.libexecdir] : [])],
      configFile: this.#line.configFile ?? buildInfo.serverConfigFile,
      configFileIsDefault: this.#line.configFile === undefined,
      checkDirectories: !this.#line.skipDocumentRoot,
      ...(log && { log }),
      ...(known && { known }),
      ...(includes && { onInclude: (depth, line, path) => stdout(readable(includeText(depth, line, path))) }),
    })
  }

  readonly #show = (note: Note): void => {
    if (isShown(note, this.#line.level ?? 'warn')) this.#stderr(`${readable(note.text)}\n`)
  }

  #print(text: string): 0 {
    this.#deps.stdout(readable(text))
    return 0
  }

  #refused(answer: Refused): 1 {
    for (const text of answer.texts) this.#stderr(`${text}\n`)
    if (this.#line.showSettings)
      this.#deps.stdout(settingsText(this.#deps.buildInfo, firstMpm(answer.modules.loaded)?.traits, process.versions))
    return 1
  }

  #dumps(prepared: Prepared): string {
    const asked = (name: string) => this.#line.defines.includes(name)
    return (asked('DUMP_VHOSTS') ? vhostsText(prepared.vhosts) : '')
      + (asked('DUMP_RUN_CFG') ? this.#runConfig(prepared) + capacityText(prepared) : '')
      + (asked('DUMP_MODULES') ? loadedModulesText(prepared.modules) : '')
  }

  #runConfig({ servers, modules, serverRoot, defines }: Prepared): string {
    return runConfigText({
      main: servers[0]!, modules, serverRoot, defines, build: this.#deps.buildInfo,
      defaultDocumentRoot: byteString(resolve(this.#defaultRoot, 'htdocs')), isRoot: process.geteuid?.() === 0,
    })
  }

  #pidFile(main: Prepared['servers'][number], serverRoot: string): { readonly name: string; readonly path: string } {
    const name = main.get(globalCore).pidFile ?? this.#deps.buildInfo.defaultPidLog
    return { name, path: readable(resolve(serverRoot, name)) }
  }

  /** What -k asks for, or a start. */
  async #act(prepared: Prepared): Promise<number> {
    const { signal, program } = this.#line
    const { name, path } = this.#pidFile(prepared.servers[0]!, prepared.serverRoot)
    if (this.#status !== undefined) return this.#serve(prepared, path)
    const pidFile = readPidFile(path)
    const running = pidFile.kind === 'pid' && isRunning(pidFile.pid, program)
    const decision = decide({ signal, pidFileName: name, pidFile, running })
    if (decision.do === 'kill') return sendSignal(decision.pid, decision.with, this.#stderr)
    if (decision.stdout !== undefined) this.#deps.stdout(decision.stdout)
    if (decision.do === 'nothing') {
      if (decision.stderr !== undefined) this.#stderr(decision.stderr)
      return decision.code
    }
    if (this.#foreground) return this.#serve(prepared, path)
    const { relaunch, env, spawn, sockets = [] } = this.#deps
    return startDetached({
      command: relaunch.command, args: [...relaunch.args, ...this.#argv], env: reportingForServer(env, process.pid),
      program, stderr: this.#stderr, sockets,
      ...(spawn && { spawn }),
    })
  }

  get #foreground(): boolean {
    return ['FOREGROUND', 'NO_DETACH', 'ONE_PROCESS', 'DEBUG'].some((name) => this.#line.defines.includes(name))
  }

  /** With -d made absolute: a detached server runs in another directory. */
  get #argv(): string[] {
    const { invokedAs, options } = this.#line
    const absolute = options.map((option) => (option.letter === 'd' ? { letter: 'd', value: this.#root } : option))
    return [invokedAs, this.#defaultRoot, ...wordsOf(absolute)]
  }

  #serve(prepared: Prepared, pidFile: string): Promise<number> {
    const line = this.#line
    return this.#deps.serve({
      prepared, line, pidFile, pidFileOf: ({ servers, serverRoot }) => this.#pidFile(servers[0]!, serverRoot).path,
      again: (fixed) => this.#prepare({ checking: false, testing: false, restart: true, fixed }),
      commandLine: [line.invokedAs, ...wordsOf(line.options)].join(' '),
      argv: this.#argv,
      oneProcess: ['DEBUG', 'ONE_PROCESS'].some((name) => line.defines.includes(name)),
      detached: this.#status !== undefined,
      show: this.#show,
      stderr: this.#stderr,
      ready: (log) => this.#status?.ready(log),
    })
  }
}
