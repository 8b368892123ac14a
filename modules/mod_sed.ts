/*
 * mod_sed: the filter Sed, which puts response and request bodies through scripts of sed.
 */
import {
  ACCESS_CONF, BodyError, ConfigError, eachPiece, FilterError, FilterType, MatchError, Settings, word,
  type Data, type InputFilter, type Module, type OutputFilter, type Request, type Sink, type Source, type Wait,
} from 'httpd'
import { FileError, SedError } from './sed/error.ts'
import { MOST_BYTES, Run } from './sed/run.ts'
import { compile, type Script } from './sed/script.ts'

interface Conf {
  readonly texts: readonly string[]
  readonly script: Script | undefined
}

const NONE: Conf = { texts: [], script: undefined }

/** One value: as in Apache a place that says any of it inherits nothing of the rest. */
export const scripts = new Settings('directory', { conf: { output: NONE, input: NONE } })
type Said = { conf?: { readonly output: Conf; readonly input: Conf } }

function add(said: Said, which: 'output' | 'input', text: string): void {
  const conf = said.conf ?? scripts.defaults.conf
  const texts = [...conf[which].texts, text]
  try {
    said.conf = { ...conf, [which]: { texts, script: compile(texts) } }
  } catch (error) {
    if (error instanceof SedError) throw new ConfigError(`Failed to compile sed expression. ${error.message}`)
    throw error
  }
}

const LINE_FEED = 10

/** Pieces of output above this go on before the next line is looked at. */
const PIECE = 64 * 1024

/** What an error that a script met becomes; it has been logged. */
type Failure = (message: string) => Error

/** Cuts a body into lines and hands them to a script. */
class Lines {
  readonly #run: Run
  #text = ''
  #at = 0
  /** There is no line feed before this. */
  #searched = 0
  /** Nor behind it. */
  #hasNone = true
  #ended = false

  /** @throws SedError */
  constructor(script: Script) {
    if (script.fault !== undefined) throw new SedError(script.fault)
    this.#run = new Run(script)
  }

  get done(): boolean {
    return this.#run.done
  }

  /** @throws SedError */
  feed(bytes: Uint8Array): void {
    if (this.done) return
    this.#hasNone &&= !bytes.includes(LINE_FEED)
    this.#text = this.#text.slice(this.#at) + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    this.#searched -= this.#at
    this.#at = 0
    if (this.#text.length > MOST_BYTES) throw new SedError('out of memory')
  }

  finish(): void {
    this.#ended = true
  }

  /** Something of what the lines that have come come to; undefined: nothing more for now. @throws SedError, MatchError */
  next(): Uint8Array | undefined {
    let out = ''
    for (let line = this.#line(); line !== undefined; line = this.#line()) {
      out += this.#run.take(line, this.#ended && this.#at >= this.#text.length)
      if (out.length >= PIECE) break
    }
    return out === '' ? undefined : Buffer.from(out, 'latin1')
  }

  // One that nothing follows yet may be the last.
  #line(): string | undefined {
    const text = this.#text
    if (this.done || this.#at >= text.length) return undefined
    // To look into a text that has grown copies all of it: not for each of many small pieces.
    if (!this.#ended && this.#hasNone && text.length - this.#searched < PIECE) return undefined
    const end = text.indexOf('\n', this.#searched)
    if (!this.#ended && (end < 0 || end === text.length - 1)) {
      this.#searched = end < 0 ? text.length : end
      this.#hasNone = end < 0
      return undefined
    }
    const line = text.slice(this.#at, end < 0 ? undefined : end)
    this.#at = this.#searched = end < 0 ? text.length : end + 1
    this.#hasNone = this.#at >= text.length
    return line
  }
}

/** Carries out a step of a script; what goes wrong in it is logged. */
function attempt<T>(r: Request, message: string, failure: Failure, step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof SedError) && !(error instanceof MatchError)) throw error
    r.log('error', 'sed', `AH02998: ${error.message}`)
    if (!(error instanceof FileError)) r.log('error', 'sed', message)
    throw failure(message)
  }
}

class ScriptSink implements Sink {
  readonly #r: Request
  readonly #next: Sink
  readonly #lines: Lines

  constructor(r: Request, script: Script, next: Sink) {
    this.#r = r
    this.#next = next
    this.#lines = this.#attempt(() => new Lines(script))
  }

  write(data: Data): Wait {
    if (this.#lines.done) return undefined
    return eachPiece(data, (bytes) => {
      this.#attempt(() => this.#lines.feed(bytes))
      return this.#pump()
    })
  }

  flush(): Wait {
    return this.#next.flush()
  }

  end(): Wait {
    this.#lines.finish()
    const wait = this.#pump()
    return wait === undefined ? this.#next.end() : wait.then(() => this.#next.end())
  }

  #pump(): Wait {
    for (let out = this.#out(); out !== undefined; out = this.#out()) {
      const wait = this.#next.write(out)
      if (wait !== undefined) return this.#pumpOn(wait)
    }
    return undefined
  }

  async #pumpOn(wait: Promise<void>): Promise<void> {
    await wait
    for (let out = this.#out(); out !== undefined; out = this.#out()) await this.#next.write(out)
  }

  #out(): Uint8Array | undefined {
    return this.#attempt(() => this.#lines.next())
  }

  #attempt<T>(step: () => T): T {
    return attempt(this.#r, 'AH10394: error evaluating sed on output', (message) => new FilterError(message), step)
  }
}

class SedBodyError extends BodyError {
  readonly status = 400
}

function scripted(r: Request, script: Script, source: Source): Source {
  const lines = trying(() => new Lines(script))
  let ended = false
  function trying<T>(step: () => T): T {
    return attempt(r, 'AH10395: error evaluating sed on input', (message) => new SedBodyError(message), step)
  }
  return {
    async read() {
      for (;;) {
        const out = trying(() => lines.next())
        if (out !== undefined || ended) return out ?? null
        const piece = await source.read()
        if (piece !== null) trying(() => lines.feed(piece))
        else {
          lines.finish()
          ended = true
        }
      }
    },
  }
}

export const outputFilter: OutputFilter = {
  name: 'Sed', type: FilterType.resource,
  begin(r, next) {
    const { script } = r.dir(scripts).conf.output
    return script === undefined ? undefined : new ScriptSink(r, script, next)
  },
}

export const inputFilter: InputFilter = {
  name: 'Sed', type: FilterType.resource,
  begin(r, source) {
    const { script } = r.dir(scripts).conf.input
    return script === undefined ? undefined : scripted(r, script, source)
  },
}

export const module = {
  name: 'sed_module',
  file: 'mod_sed.c',
  settings: [scripts],
  outputFilters: [outputFilter],
  inputFilters: [inputFilter],
  directives: [
    scripts.directive('OutputSed', [word], (said, _, text) => add(said, 'output', text), ACCESS_CONF,
      'A script of sed for response bodies, or a further line of it'),
    scripts.directive('InputSed', [word], (said, _, text) => add(said, 'input', text), ACCESS_CONF,
      'The same for request bodies'),
  ],
} satisfies Module
