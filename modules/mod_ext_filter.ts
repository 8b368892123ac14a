/*
 * mod_ext_filter: programs as filters. ExtFilterDefine names one; a body goes into it, and what it writes goes on in the
 * body's place. One program runs for each body, and ends with it.
 */
import {
  ACCESS_CONF, BodyError, ConfigError, each, eachPiece, FilterError, parsed, raw, RSRC_CONF, serverCore, Settings, tableValue,
  type Command, type Data, type InputFilter, type Module, type OutputFilter, type Request, type Sink, type Source, type Wait,
} from 'httpd'
import { parseDefinition, type Definition } from './ext_filter/define.ts'
import { environmentOf } from './ext_filter/environment.ts'
import { NotStarted, Program, type Options } from './ext_filter/program.ts'
import { Turns } from './ext_filter/turns.ts'

const definitions = new Settings('server', { all: {} as Readonly<Record<string, Definition>> }, {
  all: (outer, inner) => ({ ...outer, ...inner }),
})
const handling = new Settings('directory', { logsErrors: false, removesOnFailure: false })

/** Programs that one thread has running; who comes after waits for one of them to end. */
const turns = new Turns(32)

function define(said: { all?: Readonly<Record<string, Definition>> }, { args, table }: Command): void {
  const definition = parseDefinition(args)
  const { name, mode, type } = definition
  if (said.all !== undefined && Object.hasOwn(said.all, name))
    throw new ConfigError(`ExtFilter ${/^\s*"?([^"\s]*)/.exec(args)![1]!} is already defined`)
  said.all = { ...said.all, [name]: definition }
  if (mode === 'output') table?.addFilters({ outputFilters: [outputFilter(name, type)] })
  else table?.addFilters({ inputFilters: [inputFilter(name, type)] })
}

const OPTIONS: Readonly<Record<string, Partial<typeof handling.defaults>>> = {
  logstderr: { logsErrors: true }, nologstderr: { logsErrors: false },
  'onfail=remove': { removesOnFailure: true }, 'onfail=abort': { removesOnFailure: false },
}

const option = parsed((text) => {
  const found = Object.hasOwn(OPTIONS, text.toLowerCase()) ? OPTIONS[text.toLowerCase()] : undefined
  if (found === undefined) throw new ConfigError(`Invalid ExtFilterOptions option: ${text}`)
  return found
})

/** What the filter of that name is for this request; undefined: it does nothing here. */
function definitionFor(r: Request, name: string): Definition | undefined {
  const { all } = r.server.get(definitions)
  const definition = all[name] ?? r.server.main.get(definitions).all[name]
  if (definition === undefined) {
    r.log('error', 'ext_filter', `AH01459: couldn't find definition of filter '${name}'`)
    throw new FilterError('AH01459')
  }
  const { mode, inType, enabledBy, disabledBy } = definition
  const type = mode === 'output' ? r.contentType : r.headersIn.get('Content-Type')
  if (inType !== undefined && type?.split(';', 1)[0]!.toLowerCase() !== inType.toLowerCase()) return undefined
  if (enabledBy !== undefined && tableValue(r.env, enabledBy) === undefined) return undefined
  return disabledBy !== undefined && tableValue(r.env, disabledBy) !== undefined ? undefined : definition
}

/** Undefined: it cannot be started, which has been logged, and the body goes on without it. */
function started(r: Request, { words, name, mode }: Definition, take: Options['take']): Program | undefined {
  const { logsErrors, removesOnFailure } = r.dir(handling)
  const complaint = (line: string): void => r.log('error', 'ext_filter', `SY00166: ${name}: ${line}`)
  try {
    return new Program({ words, env: environmentOf(r), patience: r.server.get(serverCore).timeout, complaint: logsErrors ? complaint : undefined, take })
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error
    const message = `${mode === 'output' ? 'AH01467' : 'AH01470'}: can't initialise ${mode} filter ${name}: ${removesOnFailure ? 'removing' : 'aborting'}`
    void error.reason.then((reason) => {
      r.log('error', 'ext_filter', `AH01458: couldn't create child process to run \`${words[0]}'`, reason)
      r.log('error', 'ext_filter', message)
    })
    if (removesOnFailure) return undefined
    throw mode === 'output' ? new FilterError(message) : new ProgramError(message)
  }
}

class ProgramError extends BodyError {
  readonly status = 500
}

/** The sink in front of a program, which is started with the first piece, when there is a turn for it. */
class Through implements Sink {
  readonly #r: Request
  readonly #definition: Definition
  readonly #next: Sink
  /** `next` itself, if the program cannot be started. */
  #program: Program | Sink | undefined
  #starting: Promise<void> | undefined
  #holdsTurn = false
  #cancelled = false

  constructor(r: Request, definition: Definition, next: Sink) {
    this.#r = r
    this.#definition = definition
    this.#next = next
  }

  write(data: Data): Wait {
    const wait = this.#started()
    if (wait !== undefined) return wait.then(() => this.write(data))
    const to = this.#program!
    return to instanceof Program ? eachPiece(data, (bytes) => to.write(bytes)) : to.write(data)
  }

  flush(): Wait {
    return this.#next.flush()
  }

  async end(): Promise<void> {
    await this.#started()
    try {
      if (this.#program instanceof Program) await this.#program.end()
    } catch (error) {
      throw this.#failed(error)
    } finally {
      this.#release()
    }
    if (!this.#cancelled) await this.#next.end()
  }

  cancel(): void {
    this.#cancelled = true
    if (this.#program instanceof Program) this.#program.stop()
    this.#release()
  }

  #started(): Wait {
    if (this.#program !== undefined) return undefined
    if (this.#starting !== undefined) return this.#starting
    const wait = turns.take()
    if (wait === undefined) return this.#start()
    return (this.#starting = wait.then(() => this.#start()))
  }

  #start(): undefined {
    this.#holdsTurn = true
    if (this.#cancelled) {
      this.#release()
      throw new FilterError('the client is gone')
    }
    try {
      this.#program = started(this.#r, this.#definition, (bytes) => (this.#cancelled ? undefined : this.#next.write(bytes))) ?? this.#next
    } finally {
      if (!(this.#program instanceof Program)) this.#release()
    }
    if (this.#program instanceof Program) describe(this.#r, this.#definition)
    return undefined
  }

  #release(): void {
    if (this.#holdsTurn) turns.give()
    this.#holdsTurn = false
  }

  #failed(error: unknown): unknown {
    this.#program = this.#next
    if (this.#cancelled || error instanceof FilterError || error instanceof BodyError) return error
    const message = `AH01468: ef_unified_filter() failed: ${this.#definition.words[0]} ${(error as Error).message}`
    this.#r.log('error', 'ext_filter', message)
    return new FilterError(message)
  }
}

/** Nothing has left yet when the first piece comes: the head may be changed still. */
function describe(r: Request, { outType, keepsLength }: Definition): void {
  if (outType !== undefined) r.contentType = outType
  if (!keepsLength) r.headersOut.unset('Content-Length')
}

const outputFilter = (name: string, type: number): OutputFilter => ({
  name, type, keepsLength: true,
  begin(r, next) {
    const definition = definitionFor(r, name)
    return definition && new Through(r, definition, next)
  },
})

/** Puts a body through a program; a piece is asked for when the program has room for it. */
class Fed implements Source {
  readonly #r: Request
  readonly #definition: Definition
  readonly #source: Source
  readonly #ready: Uint8Array[] = []
  #program: Program | undefined
  #wake: (() => void) | undefined
  #room: (() => void) | undefined
  #begun = false
  #ended = false
  /** The request has been answered: nobody reads any more. */
  #isOver = false
  #failure: unknown

  constructor(r: Request, definition: Definition, source: Source) {
    this.#r = r
    this.#definition = definition
    this.#source = source
  }

  async read(): Promise<Uint8Array | null> {
    if (!this.#begun) await this.#begin()
    if (this.#program === undefined) return this.#source.read()
    this.#room?.()
    while (this.#ready.length === 0 && !this.#ended) await new Promise<void>((resolve) => void (this.#wake = resolve))
    const piece = this.#ready.shift()
    if (piece !== undefined) return piece
    if (this.#failure !== undefined) throw this.#failure as Error
    return null
  }

  async #begin(): Promise<void> {
    this.#begun = true
    this.#r.onEnd({ over: () => this.#giveUp() })
    await turns.take()
    try {
      if (this.#isOver) throw new ProgramError('the request is over')
      this.#program = started(this.#r, this.#definition, (bytes) => this.#take(bytes))
    } finally {
      if (this.#program === undefined) turns.give()
    }
    if (this.#program !== undefined) void this.#feed(this.#program)
  }

  /** What has been left unread would keep the program, and its turn, for good. */
  #giveUp(): void {
    this.#isOver = true
    if (!this.#ended) this.#program?.stop()
    this.#room?.()
  }

  #take(bytes: Uint8Array): Wait {
    if (this.#isOver) return undefined
    this.#ready.push(bytes)
    this.#wake?.()
    return new Promise((resolve) => void (this.#room = resolve))
  }

  async #feed(program: Program): Promise<void> {
    try {
      for (let piece = await this.#source.read(); piece !== null && !this.#isOver; piece = await this.#source.read()) {
        await program.write(piece)
        // What would be read now is the next request.
        if (this.#isOver) break
      }
      await program.end()
    } catch (error) {
      program.stop()
      this.#failure = error instanceof BodyError ? error : new ProgramError(`${this.#definition.words[0]} ${(error as Error).message}`)
    }
    turns.give()
    this.#ended = true
    this.#wake?.()
  }
}

const inputFilter = (name: string, type: number): InputFilter => ({
  name, type,
  begin(r, source) {
    const definition = definitionFor(r, name)
    return definition && new Fed(r, definition, source)
  },
})

export const module = {
  name: 'ext_filter_module',
  file: 'mod_ext_filter.c',
  settings: [definitions, handling],
  directives: [
    definitions.directive('ExtFilterDefine', [raw], (said, command) => define(said, command), RSRC_CONF,
      'A program as a filter: NAME [mode=] cmd= [intype=] [outtype=] [ftype=] [enableenv=] [disableenv=] [PreservesContentLength]'),
    handling.directive('ExtFilterOptions', [each(option)], (said, _, options) => void Object.assign(said, ...options), ACCESS_CONF,
      'LogStderr or NoLogStderr, Onfail=remove or Onfail=abort'),
  ],
} satisfies Module
