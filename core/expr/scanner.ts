/**
 * From text to tokens. One rule: it goes by what Apache's scanner does, of
 * several rules that fit the longest match counts; kinds of tokens have the
 * names that its messages show.
 *
 * What a character means depends on where it stands, so there is a stack:
 * `expr` outside of everything, `str` inside quotes (or, for a string
 * expression, everywhere), `var` after `%{`, `arg` after `%{name:`.
 */
import { ExpressionFault } from './fault.ts'

export type Kind =
  | '$end' | 'T_TRUE' | 'T_FALSE' | 'T_DIGIT' | 'T_ID' | 'T_STRING' | 'T_REGEX' | 'T_REGEX_I' | 'T_REGSUB'
  | 'T_REGEX_BACKREF' | 'T_OP_UNARY' | 'T_OP_BINARY' | 'T_STR_BEGIN' | 'T_STR_END' | 'T_VAR_BEGIN' | 'T_VAR_END'
  | 'T_VAREXP_BEGIN' | 'T_VAREXP_END' | 'T_OP_EQ' | 'T_OP_NE' | 'T_OP_LT' | 'T_OP_LE' | 'T_OP_GT' | 'T_OP_GE'
  | 'T_OP_REG' | 'T_OP_NRE' | 'T_OP_IN' | 'T_OP_STR_EQ' | 'T_OP_STR_NE' | 'T_OP_STR_LT' | 'T_OP_STR_LE'
  | 'T_OP_STR_GT' | 'T_OP_STR_GE' | 'T_OP_CONCAT' | 'T_OP_OR' | 'T_OP_AND' | 'T_OP_NOT'
  | "'('" | "')'" | "'{'" | "'}'" | "','" | "':'" | 'T_ERROR'

export interface Token {
  readonly kind: Kind
  /** A name, digits, the text of a string, the pattern of a regular expression; for T_ERROR what is wrong. */
  readonly text: string
  readonly at: number
  /** Only of T_REGSUB. */
  readonly substitution?: { readonly replacement: Scanner; readonly flags: string }
}

type State =
  | { readonly in: 'expr' | 'var' | 'arg' }
  /** `stop` is the closing quote; undefined at the outside of a string expression. */
  | { readonly in: 'str'; readonly stop: string | undefined }

const SYMBOLS: Readonly<Record<string, Kind>> = {
  '==': 'T_OP_STR_EQ', '=': 'T_OP_STR_EQ', '!=': 'T_OP_STR_NE', '<': 'T_OP_STR_LT', '<=': 'T_OP_STR_LE',
  '>': 'T_OP_STR_GT', '>=': 'T_OP_STR_GE', '=~': 'T_OP_REG', '!~': 'T_OP_NRE', '&&': 'T_OP_AND', '||': 'T_OP_OR',
  '!': 'T_OP_NOT', '.': 'T_OP_CONCAT', '(': "'('", ')': "')'", '{': "'{'", '}': "'}'", ',': "','",
}

/** Words and options with a meaning of their own; all others are names and operators. */
const WORDS: ReadonlyMap<string, Kind> = new Map([
  ['and', 'T_OP_AND'], ['or', 'T_OP_OR'], ['not', 'T_OP_NOT'], ['true', 'T_TRUE'], ['false', 'T_FALSE'],
  ['in', 'T_OP_IN'], ['-in', 'T_OP_IN'],
  ...['eq', 'ne', 'lt', 'le', 'gt', 'ge'].flatMap((name) => {
    const kind = `T_OP_${name.toUpperCase()}` as Kind
    return [[name, kind], [`-${name}`, kind]] as const
  }),
])

const BLANKS = /[ \t\n]+/y
const SYMBOL = /==|=~|=|!=|!~|!|<=|<|>=|>|&&|\|\||[.(){},]/y
const NAME = /[a-zA-Z][a-zA-Z0-9_]*/y
const OPTION = /-[a-zA-Z_][a-zA-Z_0-9]*/y
const DIGITS = /-?[0-9]+/y
const REGEX_START = /\/|[ms][/#$%^|?!'",;:._-]/y
const BACKREF = /\$[0-9]/y
const ESCAPE = /\\(?:[0-9]+|[^])?/y

const LETTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }

export class Scanner {
  readonly #text: string
  readonly #states: State[]
  #at: number

  /** @param from where it begins; positions count from the beginning of the text all the same */
  constructor(text: string, string: boolean, from = 0) {
    this.#text = text
    this.#at = from
    this.#states = [string ? { in: 'str', stop: undefined } : { in: 'expr' }]
  }

  /** The next token; T_ERROR for what is none. */
  next(): Token {
    const state = this.#states.at(-1)!
    if (state.in === 'expr') return this.#inExpression()
    if (state.in === 'var') return this.#inVariable()
    return this.#inString(state.in === 'str' ? state.stop : '}', state.in === 'arg')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)?.[0]
  }

  #token(kind: Kind, length: number, text = ''): Token {
    const token = { kind, text, at: this.#at }
    this.#at += length
    return token
  }

  #error(message: string, at = this.#at): Token {
    return { kind: 'T_ERROR', text: message, at }
  }

  #inExpression(): Token {
    this.#at += this.#match(BLANKS)?.length ?? 0
    const text = this.#text
    if (this.#at >= text.length) return this.#token('$end', 0)
    const char = text[this.#at]!
    if (char === '"' || char === "'") {
      this.#states.push({ in: 'str', stop: char })
      return this.#token('T_STR_BEGIN', 1)
    }
    if (text.startsWith('%{', this.#at)) return this.#variable()
    if (text.startsWith(':}', this.#at) && this.#states.length > 1) {
      this.#states.pop()
      return this.#token('T_VAREXP_END', 2)
    }
    return this.#plain() ?? this.#error(`Parse error near '${char}'`)
  }

  /** Of a name and the start of a regular expression the longer one counts, the latter if both are equal. */
  #plain(): Token | undefined {
    const name = this.#match(NAME)
    const start = this.#match(REGEX_START)
    if (start !== undefined && start.length >= (name?.length ?? 0)) return this.#regex(start)
    if (name !== undefined) return this.#token(WORDS.get(name) ?? 'T_ID', name.length, name)
    const digits = this.#match(DIGITS)
    if (digits !== undefined) return this.#token('T_DIGIT', digits.length, digits)
    const option = this.#match(OPTION)
    if (option !== undefined) {
      const kind = WORDS.get(option) ?? (option.length > 2 ? 'T_OP_BINARY' : 'T_OP_UNARY')
      return this.#token(kind, option.length, option.slice(1))
    }
    const backref = this.#match(BACKREF)
    if (backref !== undefined) return this.#token('T_REGEX_BACKREF', 2, backref[1])
    const symbol = this.#match(SYMBOL)
    return symbol === undefined ? undefined : this.#token(SYMBOLS[symbol]!, symbol.length)
  }

  #variable(): Token {
    if (this.#text.startsWith('%{:', this.#at)) {
      this.#states.push({ in: 'expr' })
      return this.#token('T_VAREXP_BEGIN', 3)
    }
    this.#states.push({ in: 'var' })
    return this.#token('T_VAR_BEGIN', 2)
  }

  #inVariable(): Token {
    const char = this.#text[this.#at]
    if (char === undefined) return this.#error('Unterminated string or variable')
    const name = this.#match(NAME)
    if (name !== undefined) return this.#token('T_ID', name.length, name)
    if (char === '}') {
      this.#states.pop()
      return this.#token('T_VAR_END', 1)
    }
    if (char !== ':') return this.#error(`Invalid character in variable name '${char}'`)
    this.#states.push({ in: 'arg' })
    return this.#token("':'", 1)
  }

  // Up to its end, or to what is put in from elsewhere.
  #inString(stop: string | undefined, arg: boolean): Token {
    const start = this.#at
    const { value, error } = this.#characters(stop)
    if (error !== undefined) return error
    if (this.#at > start && value !== '') return { kind: 'T_STRING', text: value, at: start }
    const char = this.#text[this.#at]
    if (char === undefined) {
      return stop === undefined ? this.#token('$end', 0) : this.#error('Unterminated string or variable')
    }
    if (char === stop) {
      this.#states.pop()
      // The brace that ends the argument ends the variable as well.
      return arg ? this.next() : this.#token('T_STR_END', 1)
    }
    return char === '$' ? this.#token('T_REGEX_BACKREF', 2, this.#text[this.#at + 1]) : this.#variable()
  }

  #characters(stop: string | undefined): { value: string; error?: Token } {
    let value = ''
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!
      if (char === stop || this.#text.startsWith('%{', this.#at) || this.#match(BACKREF) !== undefined) break
      if (char === '\n') return { value, error: this.#error('Unterminated string or variable') }
      if (char !== '\\') {
        value += char
        this.#at++
        continue
      }
      const escape = this.#match(ESCAPE)!
      const meant = unescaped(escape.slice(1))
      if (typeof meant !== 'string') return { value, error: this.#error(meant.fault) }
      value += meant.slice(0, 1)
      this.#at += escape.length
    }
    return { value }
  }

  // `/…/i`, `m#…#i` and `s#…#…#ig`: a backslash has no meaning for where it ends.
  #regex(start: string): Token {
    const at = this.#at
    const separator = start.at(-1)!
    const end = this.#text.indexOf(separator, at + start.length)
    if (end < 0) return this.#error('Unterminated regexp')
    const pattern = this.#text.slice(at + start.length, end)
    this.#at = end + 1
    if (!start.startsWith('s')) {
      const ignoreCase = this.#text[this.#at] === 'i'
      if (ignoreCase) this.#at++
      return { kind: ignoreCase ? 'T_REGEX_I' : 'T_REGEX', text: pattern, at }
    }
    const replacementEnd = this.#text.indexOf(separator, this.#at)
    if (replacementEnd < 0) return this.#error('Unterminated regexp', at)
    const replacement = new Scanner(this.#text.slice(0, replacementEnd), true, this.#at)
    this.#at = replacementEnd + 1
    const flags = this.#match(/[ig]*/y)!
    this.#at += flags.length
    return { kind: 'T_REGSUB', text: pattern, at, substitution: { replacement, flags } }
  }
}

/** What follows a backslash: three octal digits, a letter for a control character, or a character that is itself. */
function unescaped(text: string): string | { fault: string } {
  if (text === '' || text === '\n') return { fault: 'Unterminated string or variable' }
  if (!/^[0-9]/.test(text)) return LETTERS[text] ?? text
  if (!/^[0-7]{1,3}$/.test(text)) return { fault: 'Bad escape sequence' }
  const code = Number.parseInt(text, 8)
  return code > 255 ? { fault: 'Escape sequence out of bound' } : String.fromCharCode(code)
}

/** For the parser: what an error token becomes. */
export const faultOf = (token: Token): ExpressionFault => new ExpressionFault(token.text, token.at)
