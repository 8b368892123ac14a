/**
 * A script at work on a body. Lines come as they come; the last of them waits until it is known to be the last.
 * One rule: whatever a script does, a line takes a bounded time, and no more than some megabytes are held.
 */
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { fsPath } from 'httpd'
import { FileError, SedError } from './error.ts'
import type { Address, Script, Step, Substitution } from './script.ts'

/** Bytes of a line, of what is held, and of what one line comes to (Apache: of a buffer). */
export const MOST_BYTES = 8 * 1024 * 1024
/** What commands may take for one line: one each, and one for every 64 bytes that they look at. */
const MOST_WORK = 5_000_000
const LISTED_WIDTH = 71

export class Run {
  readonly #script: Script
  readonly #ranges: boolean[] = []
  #space = ''
  #hold = ''
  #line = 0
  #isLast = false
  /** It has replaced something since the line came, or `t` asked. */
  #replaced = false
  #out = ''
  /** What comes behind the line: of `a` and `r`. */
  #behind = ''
  #work = 0
  /** The step that waits for another line, if a command has asked for one. */
  #waiting: number | undefined
  /** `N` waits: the line that comes is joined to the one there is. */
  #joins = false
  #done = false

  /** Empties the files that it writes. @throws SedError */
  constructor(script: Script) {
    this.#script = script
    for (const file of script.files) written(file, () => writeFileSync(fsPath(file), ''))
  }

  /** `q` has been met: what comes now is nobody's. */
  get done(): boolean {
    return this.#done
  }

  /** @returns what the line comes to. @throws SedError, MatchError */
  take(line: string, isLast: boolean): string {
    if (this.#done) return ''
    this.#line++
    this.#isLast = isLast
    this.#work = 0
    this.#space = this.#joins ? this.#fits(`${this.#space}\n${line}`) : line
    const from = this.#waiting ?? 0
    if (this.#waiting === undefined) this.#replaced = false
    this.#waiting = undefined
    this.#joins = false
    this.#cycle(from)
    const out = this.#out
    this.#out = ''
    return out
  }

  #cycle(from: number): void {
    const { steps } = this.#script
    for (let at: number | undefined = from; at !== undefined; ) {
      if (at >= steps.length) return this.#endOfCycle()
      const step: Step = steps[at]!
      this.#spend(1)
      if (this.#selects(step, at) === step.negated) at = step.name === '{' ? step.target : at + 1
      else at = this.#carryOut(step, at)
    }
  }

  #endOfCycle(): void {
    if (!this.#script.silent) this.#print(this.#space)
    this.#putBehind()
  }

  /** @returns the step that comes next; undefined: the cycle is over, or waits for a line */
  #carryOut(step: Step, at: number): number | undefined {
    switch (step.name) {
      case 'd': return this.#putBehind()
      case 'D': return this.#deleteFirst()
      case 'n': case 'N': return this.#next(step, at)
      case 'q': this.#done = true; return this.#script.steps.length
      case 'b': return step.target
      case 't':
        if (!this.#replaced) return at + 1
        this.#replaced = false
        return step.target
      case 'c': return this.#change(step, at)
      default:
        this.#act(step)
        return at + 1
    }
  }

  #act({ name, text, substitution, table }: Step): void {
    switch (name) {
      case 's': this.#substitute(substitution!); break
      case 'y': this.#spend(this.#space.length >> 3); this.#space = this.#space.replace(/[^]/g, (char) => table!.get(char) ?? char); break
      case 'p': this.#print(this.#space); break
      case 'P': this.#print(firstLine(this.#space)); break
      case 'l': this.#print(listed(this.#space)); break
      case '=': this.#print(String(this.#line)); break
      case 'i': this.#put(text); break
      case 'a': this.#behind = this.#fits(this.#behind + text); break
      case 'r': this.#behind = this.#fits(this.#behind + contentOf(text)); break
      case 'w': this.#writeTo(text); break
      case 'g': this.#space = this.#hold; break
      case 'G': this.#space = this.#fits(`${this.#space}\n${this.#hold}`); break
      case 'h': this.#hold = this.#space; break
      case 'H': this.#hold = this.#fits(`${this.#hold}\n${this.#space}`); break
      case 'x': [this.#space, this.#hold] = [this.#hold, this.#space]; break
    }
  }

  #selects({ from, to }: Step, at: number): boolean {
    if (from === undefined) return true
    if (to === undefined) return this.#matches(from)
    if (this.#ranges[at] === true) {
      if (typeof to === 'number' ? this.#line >= to : this.#matches(to)) this.#ranges[at] = false
      return typeof to !== 'number' || this.#line <= to
    }
    if (!this.#matches(from)) return false
    this.#ranges[at] = typeof to === 'number' ? this.#line < to : to !== '$' || !this.#isLast
    return true
  }

  #matches(address: Address): boolean {
    if (typeof address === 'number') return this.#line === address
    if (address === '$') return this.#isLast
    this.#spend(this.#space.length >> 6)
    return address.test(this.#space)
  }

  #next({ name }: Step, at: number): number | undefined {
    const joins = name === 'N'
    if (this.#isLast) {
      this.#done = true
      if (!joins) return this.#script.steps.length
      return this.#putBehind()
    }
    if (!joins && !this.#script.silent) this.#print(this.#space)
    this.#putBehind()
    this.#waiting = at + 1
    this.#joins = joins
    return undefined
  }

  // As Solaris: the next cycle begins with what is left, and no new line.
  #deleteFirst(): number | undefined {
    const end = this.#space.indexOf('\n')
    this.#putBehind()
    if (end < 0) return undefined
    this.#space = this.#space.slice(end + 1)
    return 0
  }

  #change({ text, to, negated }: Step, at: number): undefined {
    if (to === undefined || negated || this.#ranges[at] !== true) this.#put(text)
    return this.#putBehind()
  }

  #substitute({ pattern, to, global, nth, print, file }: Substitution): void {
    const space = this.#space
    this.#spend(space.length >> 6)
    const found = pattern.matches(space, global ? Infinity : nth ?? 1)
    const matches = nth === undefined ? found : found.slice(nth - 1)
    if (matches.length === 0) return
    this.#spend(matches.length)
    let made = ''
    let end = 0
    for (const match of matches) {
      made = this.#fits(made + space.slice(end, match.index))
      for (const part of to) made += typeof part === 'string' ? part : match[part] ?? ''
      end = match.index + match[0].length
    }
    this.#space = this.#fits(made + space.slice(end))
    this.#replaced = true
    if (print !== undefined && this.#script.silent) this.#print(print === 'p' ? this.#space : firstLine(this.#space))
    if (file !== undefined) this.#writeTo(file)
  }

  #putBehind(): undefined {
    this.#put(this.#behind)
    this.#behind = ''
  }

  #print(text: string): void {
    this.#put(`${text}\n`)
  }

  #put(text: string): void {
    if (text !== '') this.#out = this.#fits(this.#out + text)
  }

  #writeTo(file: string): void {
    written(file, () => appendFileSync(fsPath(file), `${this.#space}\n`, 'latin1'))
  }

  #fits(text: string): string {
    if (text.length > MOST_BYTES) throw new SedError('out of memory')
    return text
  }

  #spend(work: number): void {
    this.#work += work
    if (this.#work > MOST_WORK) throw new SedError(`SY00165: line ${this.#line} takes more than ${MOST_WORK} steps`)
  }
}

const firstLine = (text: string): string => text.split('\n', 1)[0]!

function written(file: string, write: () => void): void {
  try {
    write()
  } catch {
    throw new FileError(`cannot open ${file}`)
  }
}

/** A file that is not there, or is none, is empty. @throws SedError if it is too large */
function contentOf(file: string): string {
  try {
    const stat = statSync(fsPath(file))
    if (!stat.isFile()) return ''
    if (stat.size > MOST_BYTES) throw new SedError('out of memory')
    return readFileSync(fsPath(file), 'latin1')
  } catch (error) {
    if (error instanceof SedError) throw error
    return ''
  }
}

/** As `l` prints it: what cannot be printed as its number in octal, long lines folded. */
function listed(text: string): string {
  let out = ''
  let column = 0
  for (const char of text) {
    const code = char.charCodeAt(0)
    const shown = code >= 0x20 && code < 0x7f ? char : `\\${code.toString(8).padStart(2, '0')}`
    for (const piece of shown) {
      if (column >= LISTED_WIDTH) {
        out += '\\\n'
        column = 0
      }
      out += piece
      column++
    }
  }
  return out
}

