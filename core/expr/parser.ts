/**
 * From tokens to a tree. One rule: what is refused is refused where it stands,
 * with Apache's words for it.
 *
 * A parenthesis may hold a condition or a word, which shows only when it has
 * been read: the functions that read conditions give back a word where there
 * is nothing but one, and whoever needs a condition refuses it.
 */
import {
  concat, isWord, text, type Comparison, type Cond, type List, type Regex, type Substitution, type Word,
} from './ast.ts'
import { ExpressionFault } from './fault.ts'
import { faultOf, Scanner, type Kind, type Token } from './scanner.ts'

const COMPARISONS: Readonly<Partial<Record<Kind, Comparison>>> = {
  T_OP_STR_EQ: '==', T_OP_STR_NE: '!=', T_OP_STR_LT: '<', T_OP_STR_LE: '<=', T_OP_STR_GT: '>', T_OP_STR_GE: '>=',
  T_OP_EQ: '-eq', T_OP_NE: '-ne', T_OP_LT: '-lt', T_OP_LE: '-le', T_OP_GT: '-gt', T_OP_GE: '-ge',
}

/** How deep parentheses, `!` and calls may stand in each other: what is deeper was not written by a person. */
const MAX_DEPTH = 200

/** What the parser has to know of the functions there are. */
export interface Names {
  isList(name: string): boolean
}

/** @throws ExpressionFault */
export function parseCondition(source: string, names: Names): Cond {
  return new Parser(new Scanner(source, false), names).condition()
}

/** Text with `%{…}` and `$0` to `$9` in it. @throws ExpressionFault */
export function parseString(source: string, names: Names): Word {
  return new Parser(new Scanner(source, true), names).string()
}

class Parser {
  readonly #scanner: Scanner
  readonly #names: Names
  #token: Token
  #depth = 0

  constructor(scanner: Scanner, names: Names) {
    this.#scanner = scanner
    this.#names = names
    this.#token = scanner.next()
  }

  condition(): Cond {
    const cond = this.#conditionOf(this.#or())
    if (this.#token.kind !== '$end') this.#unexpected('$end')
    return cond
  }

  string(): Word {
    const word = this.#parts(['$end'])
    return word ?? text('')
  }

  #advance(): Token {
    const token = this.#token
    this.#token = this.#scanner.next()
    return token
  }

  /** @param expected Apache's names of what could stand here, where it lists them */
  #unexpected(...expected: readonly string[]): never {
    const { kind, at } = this.#token
    const expecting = expected.length === 0 ? '' : `, expecting ${expected.join(' or ')}`
    const message = `syntax error, unexpected ${kind}${expecting}`
    throw new ExpressionFault(kind === 'T_ERROR' ? `${message}: ${this.#token.text}` : message, at)
  }

  #take(kind: Kind, ...expected: readonly string[]): Token {
    if (this.#token.kind !== kind) this.#unexpected(...(expected.length > 0 ? expected : [kind]))
    return this.#advance()
  }

  #accept(kind: Kind): boolean {
    if (this.#token.kind !== kind) return false
    this.#advance()
    return true
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionFault('memory exhausted', this.#token.at)
    const result = read()
    this.#depth--
    return result
  }

  #conditionOf(node: Cond | Word): Cond {
    if (isWord(node)) this.#unexpected()
    return node
  }

  #or(): Cond | Word {
    return this.#chain('T_OP_OR', 'or', () => this.#chain('T_OP_AND', 'and', () => this.#not()))
  }

  #chain(operator: Kind, kind: 'and' | 'or', operand: () => Cond | Word): Cond | Word {
    const first = operand()
    if (this.#token.kind !== operator) return first
    const conds = [this.#conditionOf(first)]
    while (this.#accept(operator)) conds.push(this.#conditionOf(operand()))
    return { kind, conds }
  }

  #not(): Cond | Word {
    if (!this.#accept('T_OP_NOT')) return this.#primary()
    return { kind: 'not', cond: this.#conditionOf(this.#nested(() => this.#not())) }
  }

  #primary(): Cond | Word {
    const { kind, text: name, at } = this.#token
    // Where a condition may begin, as in a string, the scanner's own message is all that Apache has.
    if (kind === 'T_ERROR') throw faultOf(this.#token)
    if (kind === 'T_TRUE' || kind === 'T_FALSE') {
      this.#advance()
      return { kind: 'constant', value: kind === 'T_TRUE' }
    }
    if (kind === 'T_OP_UNARY') {
      this.#advance()
      return { kind: 'unary', name, arg: this.#word(), at }
    }
    if (kind !== "'('") return this.#comparison(this.#word())
    this.#advance()
    const inner = this.#nested(() => this.#or())
    if (!isWord(inner)) {
      this.#take("')'", 'T_OP_OR', 'T_OP_AND', "')'")
      return inner
    }
    if (!this.#accept("')'")) this.#unexpected()
    return this.#comparison(this.#concatenated(inner))
  }

  /** What a word is compared with; the word alone if with nothing. */
  #comparison(left: Word): Cond | Word {
    const { kind, text: name, at } = this.#token
    const operator = COMPARISONS[kind]
    if (operator !== undefined) {
      this.#advance()
      return { kind: 'compare', operator, left, right: this.#word() }
    }
    if (kind === 'T_OP_BINARY') {
      this.#advance()
      return { kind: 'binary', name, left, right: this.#word(), at }
    }
    if (kind === 'T_OP_REG' || kind === 'T_OP_NRE') {
      this.#advance()
      return { kind: 'match', negated: kind === 'T_OP_NRE', left, regex: this.#regex() }
    }
    if (!this.#accept('T_OP_IN')) return left
    return { kind: 'in', left, list: this.#list() }
  }

  #regex(): Regex {
    const { kind, text: pattern, at } = this.#token
    if (kind !== 'T_REGEX' && kind !== 'T_REGEX_I') this.#unexpected('T_REGEX', 'T_REGEX_I')
    this.#advance()
    return { kind: 'regex', pattern, ignoreCase: kind === 'T_REGEX_I', at }
  }

  #substitution(): Substitution {
    const { text: pattern, at, substitution } = this.#take('T_REGSUB')
    const { replacement, flags } = substitution!
    return {
      kind: 'substitution',
      regex: { kind: 'regex', pattern, ignoreCase: flags.includes('i'), at },
      replacement: new Parser(replacement, this.#names).string(),
      all: flags.includes('g'),
    }
  }

  #word(): Word {
    return this.#concatenated(this.#one())
  }

  #concatenated(first: Word): Word {
    if (this.#token.kind !== 'T_OP_CONCAT') return first
    const parts = [first]
    while (this.#accept('T_OP_CONCAT')) parts.push(this.#one())
    return concat(parts)
  }

  #one(): Word {
    const { kind, text: value } = this.#token
    switch (kind) {
      case 'T_DIGIT':
        this.#advance()
        return { kind: 'digits', value }
      case 'T_STR_BEGIN': {
        this.#advance()
        const word = this.#parts(['T_STR_END'])
        this.#take('T_STR_END')
        return word ?? text('')
      }
      case 'T_ID':
        return value === 'join' ? this.#join() : value === 'sub' ? this.#sub() : this.#call()
      case "'('": {
        this.#advance()
        const word = this.#nested(() => this.#word())
        this.#take("')'")
        return word
      }
      default:
        return this.#variable() ?? this.#unexpected()
    }
  }

  /** Up to one of the `ends`; undefined if there is nothing. */
  #parts(ends: readonly Kind[]): Word | undefined {
    const parts: Word[] = []
    for (;;) {
      const { kind, text: value } = this.#token
      if (ends.includes(kind)) return parts.length === 0 ? undefined : concat(parts)
      if (kind === 'T_STRING') {
        this.#advance()
        parts.push(text(value))
        continue
      }
      const part = this.#variable()
      if (part === undefined) throw kind === 'T_ERROR' ? faultOf(this.#token) : this.#unexpected()
      parts.push(part)
    }
  }

  #variable(): Word | undefined {
    const { kind, text: digit } = this.#token
    if (kind === 'T_REGEX_BACKREF') {
      this.#advance()
      return { kind: 'backref', group: Number(digit) }
    }
    if (kind === 'T_VAREXP_BEGIN') {
      this.#advance()
      const node = this.#nested(() => this.#or())
      this.#take('T_VAREXP_END')
      return isWord(node) ? node : { kind: 'truth', cond: node }
    }
    if (kind !== 'T_VAR_BEGIN') return undefined
    this.#advance()
    const { text: name, at } = this.#take('T_ID')
    if (this.#accept('T_VAR_END')) return { kind: 'variable', name, at }
    if (this.#token.kind !== "':'") this.#unexpected('T_VAR_END', "':'")
    this.#advance()
    const arg = this.#nested(() => this.#parts(['T_VAR_END']))
    if (arg === undefined) this.#unexpected('T_ERROR', 'T_STRING', 'T_REGEX_BACKREF', 'T_VAR_BEGIN')
    this.#advance()
    return { kind: 'call', name, args: [arg], at }
  }

  #call(): Word {
    const { text: name, at } = this.#advance()
    this.#take("'('")
    const args = this.#nested(() => this.#words())
    this.#take("')'", 'T_OP_CONCAT', "')'")
    return { kind: 'call', name, args, at }
  }

  #words(): Word[] {
    const words = [this.#word()]
    while (this.#accept("','")) words.push(this.#word())
    return words
  }

  #sub(): Word {
    this.#advance()
    return this.#maybeParenthesised(() => {
      const substitution = this.#substitution()
      this.#take("','")
      return { kind: 'sub', substitution, subject: this.#word() }
    })
  }

  #join(): Word {
    this.#advance()
    return this.#maybeParenthesised(() => {
      const list = this.#list()
      return { kind: 'join', list, separator: this.#accept("','") ? this.#word() : undefined }
    })
  }

  #maybeParenthesised<T>(read: () => T): T {
    const open = this.#accept("'('")
    const result = this.#nested(read)
    if (open) this.#take("')'")
    return result
  }

  #list(): List {
    if (this.#accept("'('")) {
      const list = this.#nested(() => this.#list())
      this.#take("')'")
      return list
    }
    if (this.#accept("'{'")) {
      const words = this.#words()
      this.#take("'}'", "'}'", "','")
      return { kind: 'words', words }
    }
    const { text: name, at } = this.#take('T_ID', 'T_ID', "'{'")
    if (name === 'split') return this.#split()
    this.#take("'('")
    const arg = this.#word()
    this.#take("')'", 'T_OP_CONCAT', "')'")
    return { kind: 'listCall', name, arg, at }
  }

  #split(): List {
    return this.#maybeParenthesised(() => {
      const by = this.#token.kind === 'T_REGSUB' ? this.#substitution() : this.#regex()
      this.#take("','")
      const { kind, text: name } = this.#token
      const isList = kind === "'{'" || (kind === 'T_ID' && (name === 'split' || this.#names.isList(name)))
      return { kind: 'split', by, of: isList ? this.#list() : this.#word() }
    })
  }
}
