/**
 * The regular expressions of sed (basic, as in Solaris): turned into those of the configuration, whose matches are
 * bounded in time.
 *
 *   \( \) groups   * \{m,n\} how often   . [ ] ^ $   \n a line feed   \1 to \9 what a group matched
 */
import { compileRegex, MatchBudget, type Regex, type RegexMatch } from 'httpd'
import { SedError } from './error.ts'

/** Most that `\{m,n\}` may say. */
const MOST_REPEATS = 255
const MOST_GROUPS = 9

export class Pattern {
  readonly groups: number
  readonly #regex: Regex
  readonly #anchored: boolean

  constructor(text: string, groups: number) {
    this.groups = groups
    this.#anchored = text.startsWith('^')
    this.#regex = compileRegex(text, 's')
  }

  test(text: string): boolean {
    return this.#regex.test(text)
  }

  /** Matches from left to right, all or the first `most`. */
  matches(text: string, most: number): readonly RegexMatch[] {
    if (most !== 1 && !this.#anchored && this.#regex.test(text))
      return withoutNothingBehind(this.#regex.every(text, new MatchBudget())).slice(0, most)
    const first = this.#regex.exec(text)
    return first === null ? [] : [first]
  }
}

/** Nothing, where the match before ended, is none of its own. */
function withoutNothingBehind(matches: readonly RegexMatch[]): readonly RegexMatch[] {
  return matches.filter(({ 0: text, index }, i) => {
    const before = matches[i - 1]
    return before === undefined || text !== '' || before[0] === '' || before.index + before[0].length !== index
  })
}

/** Reads an expression up to its delimiter. */
export class PatternReader {
  readonly #line: string
  #at: number
  #out = ''
  #groups = 0
  readonly #open: number[] = []
  readonly #closed = new Set<number>()
  /** Where the last atom begins, and whether it is repeated. */
  #last = 0
  #isRepeated = false
  /** Nothing yet that could be repeated. */
  #atStart = true

  /** @param at behind the delimiter */
  constructor(line: string, at: number) {
    this.#line = line
    this.#at = at
  }

  /** @returns where the text behind the delimiter begins; `pattern` undefined: the expression is empty. @throws SedError */
  read(delimiter: string): { pattern: Pattern | undefined; end: number } {
    if (this.#line[this.#at] === delimiter) return { pattern: undefined, end: this.#at + 1 }
    if (this.#line[this.#at] === '^') {
      this.#at++
      this.#out = '^'
    }
    for (;;) {
      const char = this.#line[this.#at++]
      if (char === undefined || char === '\n') throw new SedError('Illegal or missing delimiter')
      if (char === delimiter) break
      this.#take(char, delimiter)
    }
    if (this.#open.length > 0) throw new SedError('\\( \\) imbalance')
    return { pattern: new Pattern(this.#out, this.#groups), end: this.#at }
  }

  #take(char: string, delimiter: string): void {
    if (char === '\\') return this.#escaped()
    if (char === '*' && !this.#atStart) return this.#repeated('*')
    if (char === '$' && this.#line[this.#at] === delimiter) return this.#atom('\\z')
    if (char === '.') return this.#atom('.')
    this.#atom(char === '[' ? this.#set() : literal(char))
  }

  #atom(text: string): void {
    this.#last = this.#out.length
    this.#out += text
    this.#atStart = this.#isRepeated = false
  }

  #repeated(how: string): void {
    // What is repeated already is repeated as a whole.
    this.#out = this.#isRepeated ? `${this.#out.slice(0, this.#last)}(?:${this.#out.slice(this.#last)})${how}` : this.#out + how
    this.#isRepeated = true
  }

  #escaped(): void {
    const char = this.#line[this.#at++]
    if (char === undefined) throw new SedError('Illegal or missing delimiter')
    if (char === '(') this.#begin()
    else if (char === ')') this.#close()
    else if (char === '{' && !this.#atStart) this.#interval()
    else if (char === 'n') this.#atom('\\n')
    else if (/[1-9]/.test(char)) this.#reference(Number(char))
    else this.#atom(literal(char))
  }

  #begin(): void {
    if (this.#groups >= MOST_GROUPS) throw new SedError('Too many \\(')
    this.#open.push(++this.#groups)
    this.#out += '('
    this.#atStart = true
  }

  #close(): void {
    const group = this.#open.pop()
    if (group === undefined) throw new SedError('\\( \\) imbalance')
    this.#closed.add(group)
    this.#atom(')')
    // As in Solaris: a star behind a group is a star.
    this.#atStart = true
  }

  #reference(group: number): void {
    if (!this.#closed.has(group)) throw new SedError('``\\digit\'\' out of range')
    this.#atom(`(?:\\${group})`)
  }

  #interval(): void {
    const [all, least, comma, most, end] = /^(\d*)(,?)(\d*)(.{0,2})/s.exec(this.#line.slice(this.#at))!
    if (least === '' || (end !== '\\}' && !end!.startsWith(','))) throw new SedError('Bad number')
    if (end !== '\\}') throw new SedError('More than 2 numbers given in \\{ \\}')
    if (Number(least) > MOST_REPEATS || Number(most) > MOST_REPEATS) throw new SedError('Range endpoint too large')
    if (most !== '' && Number(most) < Number(least)) throw new SedError('First number exceeds second in \\{ \\}')
    this.#at += all.length
    this.#repeated(`{${least}${comma}${most}}`)
  }

  /** `]` first stands for itself, and so does a backslash anywhere. */
  #set(): string {
    const [all, not, members] = /^(\^?)(\]?[^\]\n]*)\]/.exec(this.#line.slice(this.#at)) ?? []
    if (all === undefined || members === '') throw new SedError('[ ] imbalance')
    this.#at += all.length
    return `[${not}${members!.replace(/[\\[\]^&~]/g, '\\$&')}]`
  }
}

const literal = (char: string): string => /[A-Za-z0-9_]/.test(char) || char > '\x7e' ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
