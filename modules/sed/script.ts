/**
 * Scripts of sed, read when the configuration is: lines to commands with addresses, in the strict grammar of Solaris's
 * sed, which mod_sed has. A command ends at `;` or with its line; labels, file names and texts go on to the end of it.
 */
import { PatternReader, type Pattern } from './bre.ts'
import { SedError } from './error.ts'

/** A line number, the last line, or lines that match. */
export type Address = number | '$' | Pattern

export interface Substitution {
  readonly pattern: Pattern
  /** Texts, and numbers of groups (0: all of the match) between them. */
  readonly to: readonly (string | number)[]
  readonly global: boolean
  /** Only this match counts, from 1. */
  readonly nth: number | undefined
  /** Under `#n` the line is printed if something was replaced; `P`: its first line. */
  readonly print: 'p' | 'P' | undefined
  readonly file: string | undefined
}

/** One command; what only some have is empty for the others. */
export interface Step {
  readonly name: string
  readonly from: Address | undefined
  readonly to: Address | undefined
  readonly negated: boolean
  /** Of `a`, `i`, `c`; the file of `r` and `w`; the label of `b`, `t` and `:`. */
  readonly text: string
  readonly substitution?: Substitution
  /** Of `y`: what stands for each byte. */
  readonly table?: ReadonlyMap<string, string>
  /** Of `{`, `b`, `t`: the step to go on with. */
  target: number
}

export interface Script {
  readonly steps: readonly Step[]
  /** `#n`: lines are printed by commands only. */
  readonly silent: boolean
  /** Why it cannot be run, if it has ended too early: what is missing may come with another directive. */
  readonly fault: string | undefined
  /** Files that it writes. */
  readonly files: readonly string[]
}

const LONGEST_LABEL = 7
const MOST_NTH = 512

/** @param lines each of them a directive's @throws SedError naming the line */
export function compile(lines: readonly string[]): Script {
  const compiler = new Compiler()
  for (const line of lines) for (const part of physical(line)) compiler.line(part, line)
  return compiler.script()
}

/** Lines of a script; one that ends with a backslash goes on. */
const physical = (text: string): string[] => text.match(/(?:\\[^]|[^\\\n]|\\$)+/g) ?? []

class Compiler {
  readonly #steps: Step[] = []
  readonly #open: Step[] = []
  readonly #labels = new Map<string, number>()
  #silent = false
  #first = true
  /** The expression that was read last: what an empty one stands for. */
  #last: Pattern | undefined
  #line = ''
  #at = 0

  line(text: string, whole: string): void {
    this.#line = text
    this.#at = 0
    try {
      if (text.startsWith('#')) {
        if (this.#first && text === '#n') this.#silent = true
      } else this.#commands()
      this.#first = false
    } catch (error) {
      throw error instanceof SedError ? new SedError(colonless.has(error.message) ? error.message : `${error.message}: ${whole}`) : error
    }
  }

  script(): Script {
    const files = this.#steps.flatMap(({ name, text, substitution }) => name === 'w' ? [text] : substitution?.file ?? [])
    return { steps: this.#steps, silent: this.#silent, fault: this.#resolved(), files: [...new Set(files)] }
  }

  #resolved(): string | undefined {
    if (this.#open.length > 0) return "too many {'s"
    for (const step of this.#steps) {
      if (step.name !== 'b' && step.name !== 't') continue
      const target = step.text === '' ? this.#steps.length : this.#labels.get(step.text)
      if (target === undefined) return `undefined label: ${step.text}`
      step.target = target
    }
    return undefined
  }

  #commands(): void {
    for (;;) {
      this.#skip(/[ \t;]/)
      if (this.#at >= this.#line.length) return
      this.#command()
    }
  }

  #command(): void {
    const from = this.#address()
    let to: Address | undefined
    if (from !== undefined && this.#line[this.#at] === ',') {
      this.#at++
      to = this.#address()
      if (to === undefined) throw new SedError('command garbled')
    }
    this.#skip(/[ \t]/)
    let negated = false
    for (; this.#line[this.#at] === '!'; this.#at++) negated = true
    const name = this.#line[this.#at]
    if (name === undefined) throw new SedError('command garbled')
    this.#at++
    this.#body(name, { name, from, to, negated, text: '', target: 0 })
  }

  #body(name: string, step: Step): void {
    if (NO_ADDRESS.test(name) && step.from !== undefined) throw new SedError('no addresses allowed')
    if (ONE_ADDRESS.test(name) && step.to !== undefined) throw new SedError('only one address allowed')
    switch (name) {
      case '{': this.#open.push(this.#add(step)); return
      case '}': return this.#close()
      case ':': return this.#label()
      case 'b': case 't': this.#skip(/[ \t]/); this.#add({ ...step, text: this.#rest() }); return
      case 'a': case 'i': case 'c': this.#add({ ...step, text: this.#text() }); return
      case 'r': this.#add({ ...step, text: this.#file('command garbled') }); return
      case 'w': this.#add({ ...step, text: this.#file('Space missing before filename') }); return
      case 's': this.#add({ ...step, substitution: this.#substitution() }); break
      case 'y': this.#add({ ...step, table: this.#transform() }); break
      default:
        if (!PLAIN.test(name)) throw new SedError('unrecognized command')
        this.#add(step)
    }
    this.#ends()
  }

  #add(step: Step): Step {
    this.#steps.push(step)
    return step
  }

  #ends(): void {
    if (this.#at < this.#line.length && this.#line[this.#at++] !== ';') throw new SedError('command garbled')
  }

  #close(): void {
    const step = this.#open.pop()
    if (step === undefined) throw new SedError("too many }'s")
    step.target = this.#steps.length
    this.#ends()
  }

  #label(): void {
    const label = this.#rest()
    if (label.length > LONGEST_LABEL) throw new SedError('label too long')
    if (label === '' || this.#labels.has(label)) throw new SedError('duplicate labels')
    this.#labels.set(label, this.#steps.length)
  }

  #skip(what: RegExp): void {
    while (this.#at < this.#line.length && what.test(this.#line[this.#at]!)) this.#at++
  }

  #rest(): string {
    const text = this.#line.slice(this.#at)
    this.#at = this.#line.length
    return text
  }

  /** Behind a backslash, on a line of its own or on the same one. Each line of it ends with a line feed. */
  #text(): string {
    if (this.#line[this.#at] !== '\\') throw new SedError('command garbled')
    const text = this.#rest().slice(1).replace(/^\n?[ \t]*/, '').replace(/\\([^])/g, '$1')
    return text === '' ? '' : `${text}\n`
  }

  #file(missing: string): string {
    if (this.#line[this.#at] !== ' ') throw new SedError(missing)
    const name = this.#rest().slice(1)
    if (name === '') throw new SedError('command garbled')
    return name
  }

  #address(): Address | undefined {
    const char = this.#line[this.#at]
    if (char === '$') {
      this.#at++
      return '$'
    }
    const [digits] = /^\d+/.exec(this.#line.slice(this.#at)) ?? []
    if (digits !== undefined) {
      this.#at += digits.length
      return Number(digits)
    }
    if (char !== '/' && char !== '\\') return undefined
    this.#at += char === '/' ? 1 : 2
    return this.#pattern(this.#line[this.#at - 1] ?? '')
  }

  #pattern(delimiter: string): Pattern {
    const { pattern, end } = new PatternReader(this.#line, this.#at).read(delimiter)
    this.#at = end
    this.#last = pattern ?? this.#last
    if (this.#last === undefined) throw new SedError('first RE may not be null')
    return this.#last
  }

  #substitution(): Substitution {
    const delimiter = this.#line[this.#at++]
    if (delimiter === undefined) throw new SedError('first RE may not be null')
    let pattern: Pattern
    try {
      pattern = this.#pattern(delimiter)
    } catch (error) {
      throw error instanceof SedError && error.message.startsWith('Illegal') ? new SedError('ending delimiter missing on substitution') : error
    }
    const to = this.#replacement(delimiter, pattern.groups)
    return { pattern, to, ...this.#flags() }
  }

  #replacement(delimiter: string, groups: number): (string | number)[] {
    const parts: (string | number)[] = []
    let text = ''
    const put = (group: number): void => {
      parts.push(text, group)
      text = ''
    }
    for (;;) {
      const char = this.#line[this.#at++]
      if (char === undefined) throw new SedError('ending delimiter missing on substitution')
      if (char === delimiter) break
      if (char === '&') put(0)
      else if (char !== '\\') text += char
      else {
        const next = this.#line[this.#at++] ?? ''
        if (!/[1-9]/.test(next)) text += next
        else if (Number(next) > groups) throw new SedError("``\\digit'' out of range")
        else put(Number(next))
      }
    }
    return [...parts, text]
  }

  #flags(): Omit<Substitution, 'pattern' | 'to'> {
    const [all, global, nth, print, file] = /^(g?)(\d*)([pP]?)(w?)/.exec(this.#line.slice(this.#at))!
    this.#at += all.length
    if (nth !== '' && Number(nth) === 0) throw new SedError('command garbled')
    if (Number(nth) > MOST_NTH) throw new SedError('suffix too large')
    return {
      global: global !== '' && nth === '', nth: nth === '' ? undefined : Number(nth),
      print: print === '' ? undefined : print as 'p' | 'P',
      file: file === '' ? undefined : this.#file('Space missing before filename'),
    }
  }

  #transform(): ReadonlyMap<string, string> {
    const delimiter = this.#line[this.#at++]
    if (delimiter === undefined) return new Map()
    const from = this.#string(delimiter)
    const to = this.#string(delimiter)
    if (from.length !== to.length) throw new SedError('transform strings not the same size')
    return new Map(from.map((char, i) => [char, to[i]!]))
  }

  #string(delimiter: string): string[] {
    const chars: string[] = []
    for (;;) {
      const char = this.#line[this.#at++]
      if (char === undefined) throw new SedError('ending delimiter missing on string')
      if (char === delimiter) return chars
      const next = this.#line[this.#at]
      if (char !== '\\' || next === undefined) chars.push(char)
      else {
        this.#at++
        if (next === 'n') chars.push('\n')
        else if (next === delimiter || next === '\\') chars.push(next)
        else chars.push(char, next)
      }
    }
  }
}

/** Commands without arguments. */
const PLAIN = /^[=dDgGhHlnNpPqx]$/
const NO_ADDRESS = /^[:}]$/
const ONE_ADDRESS = /^[=aiqr]$/
/** Messages that do not show the script. */
const colonless: ReadonlySet<string> = new Set(["too many }'s", 'first RE may not be null'])
