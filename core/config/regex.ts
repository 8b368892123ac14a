/**
 * Regular expressions of the configuration: written for PCRE, run by
 * JavaScript. One rule: what is translated means the same, and what cannot be
 * is refused; nothing is quietly understood in another way.
 *
 * As in Apache 2.4 the dot matches a line feed and `$` only the very end.
 */
import { ConfigError } from './errors.ts'

/** `[:alpha:]` and its like, as ranges inside brackets. */
const POSIX: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z', digit: '0-9', alnum: 'A-Za-z0-9', upper: 'A-Z', lower: 'a-z', space: '\\t-\\r ', blank: '\\t ',
  punct: '!-\\/:-@\\[-`{-~', cntrl: '\\x00-\\x1f\\x7f', xdigit: '0-9A-Fa-f', word: '\\w', print: ' -~', graph: '!-~',
  ascii: '\\x00-\\x7f',
}

/** Escapes that JavaScript has not, outside and inside brackets; undefined: has no meaning there. */
const ESCAPES: Readonly<Record<string, readonly [outside: string, inside: string | undefined]>> = {
  h: ['[\\t \\xa0]', '\\t \\xa0'], A: ['(?<![\\s\\S])', undefined], z: ['(?![\\s\\S])', undefined],
  Z: ['(?=\\n?(?![\\s\\S]))', undefined], a: ['\\x07', '\\x07'], e: ['\\x1b', '\\x1b'],
  N: ['[^\\n]', undefined], H: ['[^\\t \\xa0]', undefined], R: ['(?:\\r\\n|[\\n-\\r\\x85])', undefined],
}

/** Escapes of PCRE that are not translated; JavaScript would take them for letters. */
const REFUSED = new Set(['K', 'G', 'X', 'C', 'p', 'P', 'g', 'E', 'U', 'L', 'l'])

/**
 * @param flags `i` to ignore case
 * @throws ConfigError `Regex could not be compiled`
 */
export function compileRegex(pattern: string, flags = ''): RegExp {
  try {
    const translation = new Translation(pattern, flags.includes('i'))
    return new RegExp(translation.run(), translation.ignoresCase ? 'is' : 's')
  } catch (error) {
    if (error instanceof SyntaxError) throw new ConfigError('Regex could not be compiled')
    throw error
  }
}

class Translation {
  readonly #source: string
  #at = 0
  #out = ''
  /** Case of the whole expression: a flag of JavaScript. */
  readonly ignoresCase: boolean
  /** Case inside `(?i:…)` and after `(?i)`, one entry per open group: letters are spelled out. */
  readonly #folds = [false]

  constructor(source: string, ignoreCase: boolean) {
    const prefix = /^\(\?([is]+)\)/.exec(source)
    this.#source = source.slice(prefix?.[0].length ?? 0)
    this.ignoresCase = ignoreCase || (prefix?.[1]!.includes('i') ?? false)
  }

  run(): string {
    while (this.#at < this.#source.length) this.#step()
    return this.#out
  }

  #step(): void {
    const char = this.#source[this.#at]!
    if (char === '\\') this.#escape()
    else if (char === '[') this.#brackets()
    else if (char === '(') this.#open()
    else if (char === ')') {
      if (this.#folds.length > 1) this.#folds.pop()
      this.#take(char)
    } else if ('*+?}'.includes(char)) this.#quantifier(char)
    else this.#take(char, this.#fold ? bothCases(char) : char)
  }

  get #fold(): boolean {
    return this.#folds.at(-1)!
  }

  #take(source: string, output = source): void {
    this.#at += source.length
    this.#out += output
  }

  #quantifier(char: string): void {
    // A possessive `a*+`: JavaScript has none.
    if (char !== '}' || /\{\d+(,\d*)?$/.test(this.#source.slice(0, this.#at)))
      if (this.#source[this.#at + 1] === '+') throw new SyntaxError('possessive quantifier')
    this.#take(char)
  }

  #escape(): void {
    const char = this.#source[this.#at + 1]
    if (char === undefined) throw new SyntaxError('backslash at the end')
    if (char === 'Q') {
      const end = this.#source.indexOf('\\E', this.#at)
      const literal = this.#source.slice(this.#at + 2, end < 0 ? undefined : end)
      this.#take(this.#source.slice(this.#at, end < 0 ? undefined : end + 2),
        literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
      return
    }
    const named = /^\\k<\w+>/.exec(this.#source.slice(this.#at))
    if (named !== null) return this.#take(named[0])
    const code = /^\\x\{([0-9a-fA-F]{1,2})\}/.exec(this.#source.slice(this.#at))
    if (code !== null) return this.#take(code[0], `\\x${code[1]!.padStart(2, '0')}`)
    if (REFUSED.has(char)) throw new SyntaxError(`\\${char} is not known`)
    const known = ESCAPES[char]
    this.#take(`\\${char}`, known?.[0] ?? `\\${char}`)
  }

  #open(): void {
    const rest = this.#source.slice(this.#at)
    const comment = /^\(\?#[^)]*\)/.exec(rest)
    if (comment !== null) return this.#take(comment[0], '')
    const options = /^\(\?(-?)([is]+)([:)])/.exec(rest)
    if (options !== null) return this.#options(options[0], options[1] === '', options[2]!, options[3] === ':')
    const back = /^\(\?P=(\w+)\)/.exec(rest)
    if (back !== null) return this.#take(back[0], `\\k<${back[1]}>`)
    this.#folds.push(this.#fold)
    const named = /^\(\?P?<(\w+)>/.exec(rest)
    if (named !== null) return this.#take(named[0], `(?<${named[1]}>`)
    this.#take(rest.startsWith('(?') ? '(?' : '(')
  }

  // `(?i)` holds to the end of its group, `(?i:…)` is a group. The dot always matches all: `s` says nothing new.
  #options(source: string, on: boolean, letters: string, group: boolean): void {
    if (!on && (this.ignoresCase || letters.includes('s'))) throw new SyntaxError('option cannot be taken back')
    const fold = letters.includes('i') ? on : this.#fold
    if (group) this.#folds.push(fold)
    else this.#folds[this.#folds.length - 1] = fold
    this.#take(source, group ? '(?:' : '')
  }

  #brackets(): void {
    this.#take('[')
    if (this.#source[this.#at] === '^') this.#take('^')
    // A bracket in the first place is itself.
    if (this.#source[this.#at] === ']') this.#take(']', '\\]')
    for (;;) {
      const char = this.#source[this.#at]
      if (char === undefined) throw new SyntaxError('missing terminating ]')
      if (char === ']') return this.#take(']')
      if (char === '[') this.#posix()
      else if (char === '\\') this.#escapeInside()
      else if (this.#fold) this.#foldInside()
      else this.#take(char)
    }
  }

  #posix(): void {
    const named = /^\[:(\^?)(\w+):\]/.exec(this.#source.slice(this.#at))
    if (named === null) return this.#take('[', '\\[')
    const ranges = POSIX[named[2]!]
    if (ranges === undefined || named[1] === '^') throw new SyntaxError('unknown POSIX class name')
    this.#take(named[0], this.#fold && /upper|lower/.test(named[2]!) ? 'A-Za-z' : ranges)
  }

  #escapeInside(): void {
    const char = this.#source[this.#at + 1] ?? ''
    const known = ESCAPES[char]
    if (REFUSED.has(char) || (known !== undefined && known[1] === undefined)) throw new SyntaxError('escape in class')
    this.#take(`\\${char}`, known?.[1] ?? `\\${char}`)
  }

  #foldInside(): void {
    const range = /^([a-z])-([a-z])|^([A-Z])-([A-Z])/.exec(this.#source.slice(this.#at))
    if (range !== null) return this.#take(range[0], range[0].toLowerCase() + range[0].toUpperCase())
    const char = this.#source[this.#at]!
    this.#take(char, /[a-z]/i.test(char) ? char.toLowerCase() + char.toUpperCase() : char)
  }
}

const bothCases = (char: string): string =>
  /[a-z]/i.test(char) ? `[${char.toLowerCase()}${char.toUpperCase()}]` : char
