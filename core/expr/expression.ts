/**
 * Expressions as directives use them (Apache's ap_expr). One rule: what can be
 * decided when the configuration is read is decided then; a request only
 * evaluates.
 */
import type { Command } from '../config/directive.ts'
import { after, type Answer } from '../hook/hook.ts'
import type { Request } from '../hook/types.ts'
import { Compiler } from './compile.ts'
import { Evaluation, EvaluationError, type Captures, type Written } from './evaluation.ts'
import { ExpressionFault, refusal } from './fault.ts'
import { functions } from './functions.ts'
import { lookup, registerExpressions } from './lookup.ts'
import { binary, unary } from './operators.ts'
import { parseCondition as parse, parseString, type Names } from './parser.ts'
import type { Part } from './part.ts'
import { variables } from './variables.ts'

registerExpressions({ variables, functions, unary, binary })

export interface ExpressionOptions {
  /** False: a response does not get a Vary header for what the expression asks of the request. */
  readonly vary?: false
}

/** What a line of the configuration tells of itself. */
type Source = Pick<Command, 'file' | 'line' | 'htaccess'>

const names: Names = { isList: (name) => lookup.list(name) !== undefined }

export class Expression<T extends string | boolean> {
  /** As written. */
  readonly text: string
  /** False: evaluating may block the thread; on event's listener it is left to a thread of the crew. */
  readonly quick: boolean
  /** False: evaluating may answer a promise. */
  readonly sync: boolean
  /** The value, if it is the same for every request. */
  readonly constant: T | undefined
  /** Variables that it asks for, in upper case. */
  readonly variables: ReadonlySet<string>
  readonly #part: Part<T>
  readonly #written: Written
  readonly #varies: boolean

  constructor(text: string, part: Part<T>, compiler: Compiler, written: Written, varies: boolean) {
    this.text = text
    this.quick = compiler.quick
    this.sync = part.sync
    this.constant = part.constant?.value
    this.variables = compiler.variables
    this.#part = part
    this.#written = { file: written.file, line: written.line }
    this.#varies = varies
  }

  /**
   * @param captures what `$0` to `$9` are at first; afterwards what the expression made them
   * @throws EvaluationError, or answers a promise that is rejected with one
   */
  evaluate(request: Request, captures: Captures = { groups: undefined }): Answer<T> {
    if (this.constant !== undefined) return this.constant
    const vary = this.#varies ? [] : undefined
    const answer = this.#part.run(new Evaluation(request, captures, this.#written, vary))
    if (vary === undefined) return answer
    return after(answer, (value) => {
      for (const header of vary) addVary(request, header)
      return value
    })
  }

  /**
   * Evaluates and goes on with the value, or with why there is none, which has been logged then.
   * @param module whose name the log shows @param captures as for evaluate
   */
  resolve<R>(
    request: Request, module: string, then: (value: T) => Answer<R>, failed: (reason: string) => Answer<R>,
    captures?: Captures,
  ): Answer<R> {
    let answer
    try {
      answer = this.evaluate(request, captures)
    } catch (error) {
      return failed(failure(error, request, module, this.#written))
    }
    if (!(answer instanceof Promise)) return then(answer)
    return answer.then(then, (error: unknown) => failed(failure(error, request, module, this.#written)))
  }
}

/** What evaluating failed with is logged, and given back; whatever else was thrown is thrown on. */
function failure(error: unknown, request: Request, module: string, { file, line }: Written): string {
  if (!(error instanceof EvaluationError)) throw error
  request.log('error', module, `Evaluation of expression from ${file}:${line} failed: ${error.message}`)
  return error.message
}

/** Names a header in Vary that is not named there yet. */
function addVary({ headersOut }: Request, header: string): void {
  const said = headersOut.get('Vary')
  const known = said?.toLowerCase().split(/[ \t]*,[ \t]*/)
  if (known === undefined || !known.includes(header.toLowerCase())) headersOut.merge('Vary', header)
}

/**
 * Reads a condition.
 * @param what begins the message of a refusal, for example `Cannot parse condition clause: `
 * @throws ConfigError
 */
export function parseCondition(
  text: string, source: Source, what: string, options: ExpressionOptions = {},
): Expression<boolean> {
  return read(text, source, what, (compiler) => {
    const part = compiler.condition(parse(text, names))
    return new Expression(text, part, compiler, source, options.vary !== false)
  })
}

/**
 * Reads a text with `%{…}` in it. Its value never makes a response vary, as in Apache.
 * @throws ConfigError
 */
export function parseStringExpression(text: string, source: Source, what: string): Expression<string> {
  return read(text, source, what, (compiler) =>
    new Expression(text, compiler.word(parseString(text, names)), compiler, source, false))
}

function read<E>(text: string, source: Source, what: string, make: (compiler: Compiler) => E): E {
  try {
    return make(new Compiler(source.htaccess))
  } catch (error) {
    throw error instanceof ExpressionFault ? refusal(what, error, text, source.htaccess) : error
  }
}
