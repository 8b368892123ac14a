/**
 * Reads a pattern that is written for PCRE2 into a tree. One rule: what is not surely understood as PCRE2 (8 bit,
 * no UTF, its own tables) understands it is not read at all, be it an error, a construct without a twin in
 * JavaScript, or merely rare.
 */
import { ALL, bothCases, byte, NOT_NEWLINE, TYPES, type Bytes } from './bytes.ts'
import { readClass } from './class.ts'
import type { RegexOptions } from './native.ts'
import { captures, setsAllGroups, takesAnyStart, takesNothing, Unsure, Wrong, type Parsed, type Tree } from './tree.ts'

/** Counts above this make JavaScript's program too large. */
const MOST_ROUNDS = 255
/** Brackets in each other; the library refuses more. */
const MOST_NESTED = 250
const LETTERS: Readonly<Record<string, number>> = { t: 9, n: 10, f: 12, r: 13, a: 7, e: 27 }

/** @returns undefined if it is not surely understood @throws Wrong */
export function parse(pattern: string, options: RegexOptions): Parsed | undefined {
  try {
    return options.multiline ? undefined : new Parser(pattern, options).whole()
  } catch (error) {
    if (error instanceof Unsure) return undefined
    throw error
  }
}

class Parser {
  readonly #pattern: string
  readonly #dollarEndonly: boolean
  readonly #names: (string | undefined)[] = [undefined]
  #at = 0
  #nested = 0
  // To the end of the group in which they are set, in all of its branches.
  #icase: boolean
  #dotall: boolean
  #extended: boolean

  constructor(pattern: string, options: RegexOptions) {
    this.#pattern = pattern
    this.#dollarEndonly = options.dollarEndonly
    this.#icase = options.icase
    this.#dotall = options.dotall
    this.#extended = options.extended
  }

  whole(): Parsed {
    const tree = this.#choice()
    if (this.#at < this.#pattern.length) throw new Wrong()
    const items: readonly Tree[] = [{ kind: 'start' }, tree]
    return { tree: takesAnyStart(tree) ? { kind: 'sequence', items } : tree, names: this.#names }
  }

  get #char(): string | undefined {
    return this.#pattern[this.#at]
  }

  /** Takes what `sticky` finds here. */
  #take(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at
    const found = sticky.exec(this.#pattern)
    if (found === null) return undefined
    this.#at += found[0].length
    return found
  }

  #choice(): Tree {
    const branches = [this.#sequence()]
    while (this.#take(/\|/y)) branches.push(this.#sequence())
    return branches.length === 1 ? branches[0]! : { kind: 'choice', branches }
  }

  #sequence(): Tree {
    const items: Tree[] = []
    for (;;) {
      this.#skip()
      const char = this.#char
      if (char === undefined || char === '|' || char === ')') break
      if (this.#setOptions()) continue
      const item = this.#item(char)
      this.#skip()
      items.push(this.#repeated(item))
    }
    return items.length === 1 ? items[0]! : { kind: 'sequence', items }
  }

  /** Comments, and with EXTENDED white space. */
  #skip(): void {
    while (this.#take(/\(\?#[^)]*\)/y) ?? (this.#extended ? this.#take(/[\t-\r ]+|#[^\n]*(?:\n|$)/y) : undefined));
  }

  /** `(?i)`: not an item, and nothing that could be repeated. */
  #setOptions(): boolean {
    const said = this.#take(/\(\?([isx]*)(?:-([isx]+))?\)/y)
    if (said === undefined) return false
    this.#change(said[1]!, said[2] ?? '')
    this.#skip()
    if (/[*+?{]/.test(this.#char ?? '')) throw new Unsure()
    return true
  }

  #change(on: string, off: string): void {
    if (on === '' && off === '' || /(.).*\1/.test(on + off)) throw new Unsure()
    const now = (letter: string, before: boolean): boolean => on.includes(letter) || (before && !off.includes(letter))
    this.#icase = now('i', this.#icase)
    this.#dotall = now('s', this.#dotall)
    this.#extended = now('x', this.#extended)
  }

  #item(char: string): Tree {
    switch (char) {
      case '(': return this.#group()
      case '[': return this.#bracketed()
      case '\\': return this.#escape()
      case '.': return this.#one(this.#dotall ? ALL : NOT_NEWLINE)
      case '^': return this.#assertion({ kind: 'start' })
      case '$': return this.#assertion({ kind: 'end', before: !this.#dollarEndonly })
      case '*': case '+': case '?': throw new Wrong()
      // Newer versions of the library take `{,3}` and `{ 1 }` for counts.
      case '{': if (/[\d, \t]/.test(this.#pattern[this.#at + 1] ?? '')) throw new Unsure()
    }
    return this.#one(this.#literal(char.charCodeAt(0)))
  }

  #one(set: Bytes, length = 1): Tree {
    this.#at += length
    return { kind: 'bytes', set }
  }

  #literal(code: number): Bytes {
    return this.#icase ? bothCases(byte(code)) : byte(code)
  }

  #assertion(tree: Tree, length = 1): Tree {
    this.#at += length
    this.#skip()
    if (/[*+?{]/.test(this.#char ?? '')) throw new Unsure()
    return tree
  }

  #bracketed(): Tree {
    const { set, end } = readClass(this.#pattern, this.#at, this.#icase)
    this.#at = end
    return { kind: 'bytes', set }
  }

  #escape(): Tree {
    const quoted = this.#take(/\\Q([^\\]*)\\E/y)
    if (quoted !== undefined) return this.#quoted(quoted[1]!)
    const hex = this.#take(/\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,2})\})/y)
    if (hex !== undefined) return this.#one(this.#literal(parseInt(hex[1] ?? hex[2]!, 16)), 0)
    const char = this.#pattern[this.#at + 1]
    if (char === undefined) throw new Wrong()
    if (char in TYPES) return this.#one(TYPES[char]!, 2)
    if (char in LETTERS) return this.#one(this.#literal(LETTERS[char]!), 2)
    if (/[!-/:-@[-`{-~ ]/.test(char)) return this.#one(this.#literal(char.charCodeAt(0)), 2)
    switch (char) {
      case 'N': return this.#notNewline()
      case 'b': case 'B': return this.#assertion({ kind: 'boundary', negated: char === 'B' }, 2)
      case 'A': return this.#assertion({ kind: 'start' }, 2)
      case 'z': case 'Z': return this.#assertion({ kind: 'end', before: char === 'Z' }, 2)
      default: throw new Unsure()
    }
  }

  /** `\N{U+41}` is something else. */
  #notNewline(): Tree {
    if (this.#pattern[this.#at + 2] === '{') throw new Unsure()
    return this.#one(NOT_NEWLINE, 2)
  }

  // A count after it is for the last character only.
  #quoted(text: string): Tree {
    const items = [...text].map((char): Tree => ({ kind: 'bytes', set: this.#literal(char.charCodeAt(0)) }))
    if (items.length === 1) return items[0]!
    this.#skip()
    if (/[*+?{]/.test(this.#char ?? '')) throw new Unsure()
    return { kind: 'sequence', items }
  }

  #group(): Tree {
    const look = this.#take(/\(\?(<?)([=!])/y)
    if (look !== undefined) return this.#look(look[1] === '<', look[2] === '!')
    const inline = this.#take(/\(\?([isx]*)(?:-([isx]+))?:/y)
    if (inline !== undefined) return this.#inside(() => {
      if (inline[1] !== '' || inline[2] !== undefined) this.#change(inline[1]!, inline[2] ?? '')
    })
    const named = this.#take(/\(\?(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/y)
    if (named === undefined && !this.#take(/\((?![?*])/y)) throw new Unsure()
    const number = this.#names.push(named?.[1] ?? named?.[2]) - 1
    return { kind: 'group', number, body: this.#inside() }
  }

  /** The rest of a group, with its bracket. */
  #inside(begin?: () => void): Tree {
    const [icase, dotall, extended] = [this.#icase, this.#dotall, this.#extended]
    begin?.()
    if (++this.#nested > MOST_NESTED) throw new Wrong()
    const body = this.#choice()
    this.#nested--
    if (!this.#take(/\)/y)) throw new Wrong()
    this.#icase = icase
    this.#dotall = dotall
    this.#extended = extended
    return body
  }

  #look(behind: boolean, negated: boolean): Tree {
    const body = this.#inside()
    // PCRE looks behind by going back a number of bytes that is known beforehand.
    if (captures(body) || (behind && fixedLength(body) === undefined)) throw new Unsure()
    return this.#assertion({ kind: 'look', behind, negated, body }, 0)
  }

  #repeated(body: Tree): Tree {
    const count = this.#take(/([*+?])|\{(\d{1,5})(,(\d{0,5}))?\}/y)
    if (count === undefined) return body
    const [min, max] = count[1] === undefined ? bracedCount(count) : SIGNS[count[1]]!
    const lazy = this.#take(/\?/y) !== undefined
    this.#skip()
    if (/[*+?{]/.test(this.#char ?? '')) throw new Unsure()
    if (min > max || max === 0 || min > MOST_ROUNDS || (max > MOST_ROUNDS && max < Infinity)) throw new Unsure()
    if (min === 1 && max === 1) return body
    // The two differ in when they give up on rounds that take nothing.
    if (takesNothing(body) || (max > 1 && !setsAllGroups(body))) throw new Unsure()
    return { kind: 'repeat', body, min, max, lazy }
  }
}

const SIGNS: Readonly<Record<string, readonly [min: number, max: number]>> =
  { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] }

function bracedCount([, , min, comma, max]: RegExpExecArray): readonly [number, number] {
  if (comma === undefined) return [Number(min), Number(min)]
  return [Number(min), max === '' ? Infinity : Number(max)]
}

/** In bytes; undefined if there may be several, or it is not simple. */
function fixedLength(tree: Tree): number | undefined {
  if (tree.kind === 'bytes') return 1
  if (tree.kind === 'sequence') return tree.items.every(({ kind }) => kind === 'bytes') ? tree.items.length : undefined
  if (tree.kind !== 'choice') return undefined
  const lengths = new Set(tree.branches.map(fixedLength))
  return lengths.size === 1 ? [...lengths][0] : undefined
}
