/* The values of mod_headers: text with `%t`, `%{NAME}e` and so on in it, or an expression. */
import { loadavg } from 'node:os'
import {
  ConfigError, figuresOf, parseStringExpression, running, tableValue, timeOfDay,
  type Answer, type Command, type Expression, type Request, type Scoreboard,
} from 'httpd'

type Piece = (r: Request) => string

export interface Value {
  /** The same for every request. */
  readonly constant: string | undefined
  readonly expression: Expression<string> | undefined
  /** Empty where there is one of the others. */
  readonly pieces: readonly Piece[]
}

/** Text, or `%`, perhaps an argument in braces, and a letter. */
const ITEM = /([^%]+)|%(?:\{([^}]*)\}?)?([^]?)/g

export const NO_VALUE: Value = { constant: '', expression: undefined, pieces: [] }

/** @throws ConfigError */
export function parseValue(text: string, command: Command): Value {
  if (text.startsWith('expr=')) {
    const expression = parseStringExpression(text.slice(5), command, "Can't parse value expression : ")
    return { constant: expression.constant, expression, pieces: [] }
  }
  const pieces: (string | Piece)[] = []
  for (const [, plain, argument = '', letter = ''] of text.matchAll(ITEM))
    pieces.push(plain !== undefined ? unescaped(plain) : item(letter, argument))
  if (pieces.every((piece) => typeof piece === 'string')) return { ...NO_VALUE, constant: pieces.join('') }
  return {
    constant: undefined, expression: undefined,
    pieces: pieces.map((piece) => (typeof piece === 'string' ? () => piece : piece)),
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\', r: '\r', n: '\n', t: '\t' }

const unescaped = (text: string): string => text.replace(/\\([\\rnt])/g, (_, letter: string) => ESCAPES[letter]!)

function item(letter: string, argument: string): string | Piece {
  // A percent sign at the end stands for itself, too.
  if (letter === '%' || letter === '') return '%'
  const make = Object.hasOwn(ITEMS, letter) ? ITEMS[letter] : undefined
  if (make === undefined) throw new ConfigError(`Unrecognized header format %${letter}`)
  return make(argument)
}

const NONE = '(null)'

const ITEMS: Readonly<Record<string, (argument: string) => Piece>> = {
  t: () => (r) => `t=${Math.floor(r.requestTime * 1000)}`,
  D: () => (r) => `D=${Math.max(0, Math.floor((timeOfDay() - r.requestTime) * 1000))}`,
  l: () => () => `l=${loadavg().map((load) => load.toFixed(2)).join('/')}`,
  i: () => () => `i=${share('idle', running().board)}`,
  b: () => () => `b=${share('busy', running().board)}`,
  // A line end in a value would end the field.
  e: (name) => (r) => (r.hasEnv === false ? undefined : tableValue(r.env, name))?.replace(/\r?\n[ \t]*/g, ' ') ?? NONE,
  // Variables of TLS; a connection without it has none.
  s: () => () => NONE,
}

/** Percentages of the workers that there are, rounded down (Apache's ap_get_sload); -1 where there are none. */
export function share(of: 'idle' | 'busy', board: Scoreboard | undefined): number {
  const figures = figuresOf(board)
  const all = figures.idle + figures.busy
  return all === 0 ? -1 : Math.floor((figures[of] * 100) / all)
}

/** Empty, with the reason in the log, for an expression that cannot be evaluated. */
export function valueFor(value: Value, r: Request): Answer<string> {
  const { constant, expression, pieces } = value
  if (constant !== undefined) return constant
  if (expression === undefined) return pieces.length === 1 ? pieces[0]!(r) : pieces.map((piece) => piece(r)).join('')
  return expression.resolve(r, 'headers', (text) => text, (reason) => {
    r.log('error', 'headers', `AH02557: Can't evaluate value expression: ${reason}`)
    return ''
  })
}
