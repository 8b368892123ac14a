/*
 * mod_substitute: search and replace in response bodies, line by line. One rule: no more than a line is held back, and
 * none is longer than SubstituteMaxLineLength.
 */
import {
  allowedBy, FilterError, FilterType, flag, transform, word, type Module, type OutputFilter, type Request, type Sink,
} from 'httpd'
import { isSmallFile } from './shared/small_file.ts'
import { LineTooLong, parseRule, rewritten, type Rule } from './substitute/rules.ts'
import { lineLength, say, substitution } from './substitute/settings.ts'

const FILEINFO = allowedBy('FileInfo')

const DEFAULT_LONGEST = 1024 * 1024

/** What is written of a line that has not ended yet waits for the rest of it. */
class Lines {
  readonly #r: Request
  readonly #rules: readonly Rule[]
  readonly #longest: number
  #held = ''

  constructor(r: Request, rules: readonly Rule[], longest = DEFAULT_LONGEST) {
    this.#r = r
    this.#rules = rules
    this.#longest = longest
  }

  take(bytes: Uint8Array): Uint8Array | undefined {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    const end = text.lastIndexOf('\n') + 1
    const complete = end === 0 ? '' : this.#held + text.slice(0, end)
    this.#held = end === 0 ? this.#held + text : text.slice(end)
    if (this.#held.length > this.#longest) throw this.#tooLong()
    return complete === '' ? undefined : this.#rewrite(complete)
  }

  rest(): Uint8Array | undefined {
    const text = this.#held
    this.#held = ''
    return text === '' ? undefined : this.#rewrite(text)
  }

  #rewrite(text: string): Uint8Array {
    let made = ''
    for (let at = 0, end; at < text.length; at = end) {
      end = text.indexOf('\n', at) + 1 || text.length
      if (end - at > this.#longest) throw this.#tooLong()
      made += this.#line(text.slice(at, end))
    }
    return Buffer.from(made, 'latin1')
  }

  #line(line: string): string {
    try {
      return rewritten(line, this.#rules, this.#longest)
    } catch (error) {
      throw error instanceof LineTooLong ? this.#tooLong() : error
    }
  }

  #tooLong(): FilterError {
    const message = `AH01328: Line too long, URI ${this.#r.uri}`
    this.#r.log('error', 'substitute', message)
    return new FilterError(message)
  }
}

function begin(r: Request, next: Sink): Sink | undefined {
  const { rules, longest } = r.dir(substitution).conf.all
  if (rules.length === 0) return undefined
  const lines = new Lines(r, rules, longest)
  return transform(next, (bytes) => lines.take(bytes), () => lines.rest())
}

export const filter: OutputFilter = { name: 'SUBSTITUTE', type: FilterType.resource, quick: isSmallFile, begin }

export const module = {
  name: 'substitute_module',
  file: 'mod_substitute.c',
  settings: [substitution],
  outputFilters: [filter],
  directives: [
    substitution.directive('Substitute', [word],
      (said, command, text) => say(said, command, ({ rules }) => ({ rules: [...rules, parseRule(text)] })), FILEINFO,
      'What to look for and what to put in its place (s/foo/bar/[infq])'),
    substitution.directive('SubstituteMaxLineLength', [lineLength],
      (said, command, longest) => say(said, command, () => ({ longest })), FILEINFO, 'Most bytes of a line'),
    substitution.directive('SubstituteInheritBefore', [flag],
      (said, command, inheritBefore) => say(said, command, () => ({ inheritBefore })), FILEINFO,
      'Whether rules from outside of this place come before its own'),
  ],
} satisfies Module
