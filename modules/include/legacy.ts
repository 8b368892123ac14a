/*
 * Conditions as documents had them before 2.4 (SSILegacyExprParser): words compared with `= != < <= > >=` and `/regex/`,
 * `-A uri`, `!`, parentheses, and `&&` and `||`, which bind alike and to the right. Words are expanded when they are
 * asked for. Reading and asking are apart, so that a fault in the one is a value and the other may wait.
 */

/** What is wrong, with Apache's number and words. */
export class LegacyFault extends Error {}

type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

interface Token { readonly kind: Comparison | '(' | ')' | '!' | '&&' | '||' | '-A' | 'word' | 'regex'; readonly text: string }

export type Node =
  | { readonly kind: 'word' | 'regex'; readonly text: string }
  | { readonly kind: 'access'; readonly uri: Node | undefined }
  | { readonly kind: 'not' | 'group'; readonly inner: Node | undefined }
  | { readonly kind: '&&' | '||' | Comparison; readonly left: Node; readonly right: Node | undefined }

const SIGNS = ['<=', '>=', '!=', '==', '&&', '||', '-A', '(', ')', '=', '!', '<', '>'] as const
/** What ends a word that stands without quotes. */
const ENDS = /\s|[()=!<>]|\|\||&&/y

export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at]!)) {
      at++
      continue
    }
    const sign = SIGNS.find((one) => text.startsWith(one, at))
    if (sign !== undefined) {
      tokens.push({ kind: sign === '==' ? '=' : sign, text: sign })
      at += sign.length
      continue
    }
    // What -A asks for is a URI.
    const read = readWord(text, at, tokens.at(-1)?.kind === '-A')
    tokens.push(read)
    at = read.end
  }
  return tokens
}

/** A backslash takes the meaning of what follows it, and goes; what has no end is empty. */
function readWord(text: string, from: number, isUri: boolean): Token & { readonly end: number } {
  const quote = text[from] === "'" || (text[from] === '/' && !isUri) ? text[from] : undefined
  let word = ''
  let isOpen = quote !== undefined
  let at = isOpen ? from + 1 : from
  for (; at < text.length; at++) {
    const char = text[at]!
    if (char === '\\') {
      at++
      word += text[at] ?? ''
    } else if (quote !== undefined ? char === quote : isEnd(text, at)) {
      isOpen = false
      if (quote !== undefined) at++
      break
    } else word += char
  }
  return { kind: quote === '/' ? 'regex' : 'word', text: isOpen ? '' : word, end: at }
}

function isEnd(text: string, at: number): boolean {
  ENDS.lastIndex = at
  return ENDS.test(text)
}

const COMPARISONS = new Set<string>(['=', '!=', '<', '<=', '>', '>='])
/** Parentheses and negations inside of each other: there is no use for more. */
const DEEPEST = 500

/** @returns undefined for an empty condition @throws LegacyFault */
export const parse = (text: string, file: string): Node | undefined => new Parser(text, file).parse()

class Parser {
  readonly #text: string
  readonly #file: string
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(text: string, file: string) {
    this.#text = text
    this.#file = file
    this.#tokens = tokensOf(text)
  }

  parse(): Node | undefined {
    const whole = this.#chain()
    if (this.#kind() !== undefined) throw this.#unmatched('AH03189', ')')
    return whole
  }

  #kind(): Token['kind'] | undefined {
    return this.#tokens[this.#at]?.kind
  }

  get #isJoint(): boolean {
    return this.#kind() === '&&' || this.#kind() === '||'
  }

  get #isComparison(): boolean {
    return COMPARISONS.has(this.#kind() ?? '')
  }

  #invalid(): LegacyFault {
    return new LegacyFault(`AH03188: Invalid expression "${this.#text}" in file ${this.#file}`)
  }

  #unmatched(number: string, which: string): LegacyFault {
    return new LegacyFault(`${number}: Unmatched '${which}' in "${this.#text}" in file ${this.#file}`)
  }

  /** To the right, but without a call for each: a condition may be long. */
  #chain(): Node | undefined {
    const lefts: { readonly kind: '&&' | '||'; readonly left: Node }[] = []
    let last = this.#operand()
    while (last !== undefined && this.#isJoint) {
      lefts.push({ kind: this.#tokens[this.#at++]!.kind as '&&' | '||', left: last })
      last = this.#operand()
    }
    return lefts.reduceRight<Node | undefined>((right, { kind, left }) => ({ kind, left, right }), last)
  }

  #operand(): Node | undefined {
    if (this.#kind() === undefined || this.#kind() === ')') return undefined
    if (++this.#depth > DEEPEST) throw this.#invalid()
    const found = this.#begun()
    this.#depth--
    // Whatever has come to its end here can only be joined with something.
    if (this.#kind() !== undefined && !this.#isJoint && this.#kind() !== ')') throw this.#invalid()
    return found
  }

  #begun(): Node {
    switch (this.#kind()) {
      case '!': return this.#not()
      case '-A':
        this.#at++
        return { kind: 'access', uri: this.#words() }
      case '(': return this.#group()
      default: return this.#compared()
    }
  }

  #words(): Node | undefined {
    if (this.#kind() !== 'word') return undefined
    const said: string[] = []
    for (; this.#kind() === 'word'; this.#at++) said.push(this.#tokens[this.#at]!.text)
    return { kind: 'word', text: said.reduce((all, word) => (all === '' ? word : `${all} ${word}`)) }
  }

  #not(): Node {
    this.#at++
    if (this.#isJoint) throw this.#invalid()
    // What is negated is a word, or something that begins with a sign.
    return { kind: 'not', inner: this.#kind() === 'word' ? this.#words() : this.#operand() }
  }

  #group(): Node {
    this.#at++
    const inner = this.#chain()
    if (this.#kind() !== ')') throw this.#unmatched('AH03191', '(')
    this.#at++
    return { kind: 'group', inner }
  }

  #compared(): Node {
    const left = this.#words()
    if (left === undefined) throw this.#invalid()
    if (!this.#isComparison) return left
    const kind = this.#tokens[this.#at++]!.kind as Comparison
    if (this.#isJoint || this.#isComparison) throw this.#invalid()
    if (this.#kind() !== 'regex') return { kind, left, right: this.#kind() === 'word' ? this.#words() : this.#operand() }
    if (kind !== '=' && kind !== '!=') throw this.#invalid()
    return { kind, left, right: { kind: 'regex', text: this.#tokens[this.#at++]!.text } }
  }
}

/** What a condition asks of the document that it stands in. */
export interface Asked {
  readonly text: string
  readonly file: string
  expand(text: string): string
  /** Whether a text matches; the groups are the document's from then on. */
  match(text: string, pattern: string): boolean
  /** Whether a client may have what a URI leads to. */
  isAccessible(uri: string): Promise<boolean>
}

/** @throws LegacyFault */
export async function holds(node: Node | undefined, asked: Asked): Promise<boolean> {
  const invalid = (number: string): LegacyFault =>
    new LegacyFault(`${number}: Invalid expression "${asked.text}" in file ${asked.file}`)
  if (node === undefined) return false
  switch (node.kind) {
    case 'word': return asked.expand(node.text) !== ''
    case 'regex':
      throw new LegacyFault(`AH03190: No operator before regex in expr "${asked.text}" in file ${asked.file}`)
    case 'not': return node.inner !== undefined && !await holds(node.inner, asked)
    case 'group': return node.inner === undefined || await holds(node.inner, asked)
    case 'access':
      if (node.uri?.kind !== 'word') {
        throw new LegacyFault(`AH01335: Invalid expression "${asked.text}" in file ${asked.file}: ` +
          "Token '-A' must be followed by a URI string.")
      }
      return asked.isAccessible(asked.expand(node.uri.text))
    case '&&':
    case '||': return joined(node, asked, invalid)
    default: return compare(node, asked, invalid)
  }
}

type Pair = Extract<Node, { readonly left: Node }>

// A loop, since each right side is the next pair.
async function joined(first: Pair, asked: Asked, invalid: (number: string) => LegacyFault): Promise<boolean> {
  for (let at: Node | undefined = first; ; at = at.right) {
    if (at === undefined) throw invalid('AH01332')
    if (at.kind !== '&&' && at.kind !== '||') return holds(at, asked)
    if (at.right === undefined) throw invalid('AH01332')
    const left: boolean = await holds(at.left, asked)
    if (left === (at.kind === '||')) return left
  }
}

function compare({ kind, left, right }: Pair, asked: Asked, invalid: (number: string) => LegacyFault): boolean {
  const isEquality = kind === '=' || kind === '!='
  const fits = right?.kind === 'word' || (isEquality && right?.kind === 'regex')
  if (left.kind !== 'word' || !fits) throw invalid(isEquality ? 'AH01333' : 'AH01334')
  const [a, b] = [asked.expand(left.text), asked.expand(right.text)]
  if (right.kind === 'regex') return asked.match(a, b) === (kind === '=')
  switch (kind) {
    case '=': return a === b
    case '!=': return a !== b
    case '<': return a < b
    case '<=': return a <= b
    case '>': return a > b
    default: return a >= b
  }
}
