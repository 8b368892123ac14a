/**
 * Reads the lines of one file into the tree. One rule: a fault is noted and
 * reading goes on, from the state that the person most likely meant.
 *
 * Open sections are frames. Lines of a `section` go into its body; a true
 * `if` section adds nothing of its own; inside a false one (`skip`) only the
 * nesting is looked at.
 */
import { earlyNamed, type EarlyAction } from './early.ts'
import { ConfigError } from './errors.ts'
import { readFault } from './faults.ts'
import { LineTooLong, nextWord, withVariables, type LogicalLine } from './lexer.ts'
import type { Reading, TreeNode } from './reading.ts'

/** Where lines come from. */
export interface Source {
  /** As messages name it. */
  readonly file: string
  /** What goes before each message: the program and the chain of Includes, each with `: ` at its end. */
  readonly origin: string
  /** False for -C and -c, whose messages name no line. */
  readonly located: boolean
  /** 1 for the main file. */
  readonly depth: number
  readonly lines: Iterable<LogicalLine>
}

interface Frame {
  readonly kind: 'section' | 'if' | 'skip'
  /** As written, with its `<`. */
  readonly name: string
  readonly line: number
  /** Where it stands: lines that were inserted have another name. */
  readonly source: Source
  readonly body: TreeNode[]
  /** Its end was seen, in the wrong place: its absence later is no further fault. */
  excused: boolean
}

/** @throws what `include` throws to end the whole reading */
export class BlockReader {
  readonly #reading: Reading
  #source: Source
  #lines: Iterator<LogicalLine>
  readonly #out: TreeNode[]
  readonly #include: Include
  readonly #frames: Frame[] = []
  /** Sections that were closed along with an outer one: their own end, if it comes, is no further fault. */
  readonly #closedEarly: string[] = []

  constructor(reading: Reading, source: Source, out: TreeNode[], include: Include) {
    this.#reading = reading
    this.#source = source
    this.#lines = source.lines[Symbol.iterator]()
    this.#out = out
    this.#include = include
  }

  run(): void {
    try {
      this.#readLines()
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error
      const { file, origin } = this.#source
      const message = `Error reading ${file} at line ${error.line}: ${error.message}`
      this.#reading.faults.push(readFault(file, error.line, message, origin))
      this.#reading.walkable = false
      return
    }
    this.#finish()
  }

  #readLines(): void {
    for (let step = this.#lines.next(); step.done !== true; step = this.#lines.next()) this.#line(step.value)
  }

  // Sections may begin in it and end behind it.
  #insert(source: Source): void {
    const [before, lines] = [this.#source, this.#lines]
    this.#source = source
    this.#lines = source.lines[Symbol.iterator]()
    this.#readLines()
    this.#source = before
    this.#lines = lines
  }

  get #top(): Frame | undefined {
    return this.#frames.at(-1)
  }

  get #body(): TreeNode[] {
    return this.#top?.body ?? this.#out
  }

  #fault(line: number, message: string): void {
    this.#reading.faults.push(readFault(this.#source.file, line, message, this.#where(line)))
  }

  #nestingFault(line: number, message: string): void {
    this.#reading.walkable = false
    this.#fault(line, message)
  }

  #where(line: number): string {
    const { file, origin, located } = this.#source
    return located ? `${origin}Syntax error on line ${line} of ${file}: ` : origin
  }

  #line({ text, line }: LogicalLine): void {
    if (text === '' || text.startsWith('#')) return
    if (this.#top?.kind === 'skip') return this.#skip(text, line)
    const [word, rest] = nextWord(withVariables(text, this.#reading.value, this.#reading.unknownVariable))
    if (word === '') return
    if (word.startsWith('</')) return this.#close(word, rest, line)
    const [name, args] = openingOf(word, rest)
    const early = earlyNamed(name, this.#reading)
    if (early !== undefined) return this.#early(early, name, args, line)
    const node = { name, args, file: this.#source.file, line }
    if (!name.startsWith('<')) return void this.#body.push(node)
    const body: TreeNode[] = []
    this.#body.push({ ...node, body })
    this.#frames.push({ kind: 'section', name, line, source: this.#source, body, excused: false })
  }

  #early(action: EarlyAction, name: string, args: string, line: number): void {
    const { allows } = this.#reading.input
    const section = action.holds !== undefined
    let holds = false
    try {
      if (allows !== undefined && !allows(action.directive))
        throw new ConfigError(`${action.directive.name} not allowed here`)
      if (action.holds !== undefined) holds = action.holds(args)
      else action.run?.({
        args, file: this.#source.file, line,
        next: () => {
          const step = this.#lines.next()
          return step.done === true ? undefined : step.value
        },
        insert: (file, lines) => this.#insert({ ...this.#source, file, lines, located: true }),
        memory: (make) => this.#reading.memory(make),
        note: (level, text) => this.#reading.input.note(level, text),
        include: (path, optional) => this.#include(path, optional, {
          line, depth: this.#source.depth + 1, origin: this.#where(line), out: this.#body,
          fault: (message) => this.#fault(line, message),
        }),
      })
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      this.#fault(line, error.message)
    }
    if (section) this.#frames.push({ kind: holds ? 'if' : 'skip', name, line, source: this.#source, body: this.#body, excused: false })
  }

  #close(word: string, rest: string, line: number): void {
    const top = this.#top
    const bare = word.slice(2).replace(/>$/, '')
    const fits = top !== undefined && isNamed(top, bare)
    if (top?.kind === 'section') {
      if (fits && word.endsWith('>')) return void this.#frames.pop()
      if (this.#wasClosed(bare)) return
      this.#nestingFault(line, word.endsWith('>')
        ? `Expected </${top.name.slice(1)}> but saw </${bare}>` : `${word}> directive missing closing '>'`)
      return this.#closeTo(bare, true)
    }
    if (fits && word.endsWith('>') && rest === '') return void this.#frames.pop()
    if (!fits && this.#wasClosed(bare)) return
    this.#nestingFault(line, `${word} without matching <${word.slice(2)} section`)
    if (fits) this.#frames.pop()
    else this.#excuse(bare)
  }

  #wasClosed(bare: string): boolean {
    const at = this.#closedEarly.indexOf(bare.toLowerCase())
    if (at >= 0) this.#closedEarly.splice(at, 1)
    return at >= 0
  }

  /** After a wrong end: closes the section of that name if one is open, else (if asked) the innermost. */
  #closeTo(bare: string, elseTop: boolean): void {
    const at = this.#frames.findLastIndex((frame) => isNamed(frame, bare))
    if (at < 0 && !elseTop) return
    const [, ...inner] = this.#frames.splice(at < 0 ? this.#frames.length - 1 : at)
    this.#closedEarly.push(...inner.map(({ name }) => name.slice(1).toLowerCase()))
  }

  #excuse(bare: string): void {
    const frame = this.#frames.findLast((each) => isNamed(each, bare))
    if (frame !== undefined) frame.excused = true
  }

  // What a false section holds is not looked at, but for sections and their ends. Variables are not replaced.
  #skip(text: string, line: number): void {
    const [word, rest] = nextWord(text)
    if (!word.startsWith('<')) return
    if (!word.startsWith('</')) {
      const [name] = openingOf(word, rest)
      this.#frames.push({ kind: 'skip', name, line, source: this.#source, body: this.#body, excused: false })
      return
    }
    const top = this.#top!
    const saw = word.slice(2, -1)
    if (isNamed(top, saw)) return void this.#frames.pop()
    if (this.#wasClosed(saw)) return
    this.#nestingFault(this.#outermostSkip().line, `Expected </${top.name.slice(1)}> but saw </${saw}>`)
    this.#closeTo(word.slice(2).replace(/>$/, ''), true)
  }

  #outermostSkip(): Frame {
    return this.#frames.find(({ kind }) => kind === 'skip')!
  }

  #finish(): void {
    let open = this.#frames.filter(({ excused }) => !excused)
    // In .htaccess, as in Apache, the end of the file ends an <IfModule> that holds, with all that is open inside.
    if (this.#reading.input.allows !== undefined && open.at(-1)?.kind !== 'skip') {
      const first = open.findIndex(({ kind }) => kind === 'if')
      if (first >= 0) open = open.slice(0, first)
    }
    const innermost = open.at(-1)
    if (innermost === undefined) return
    if (innermost.kind !== 'section') {
      const { line, source } = innermost.kind === 'skip' ? this.#outermostSkip() : innermost
      this.#source = source
      return this.#nestingFault(line, `Expected </${innermost.name.slice(1)}> before end of configuration`)
    }
    const sections = open.slice(open.findLastIndex(({ kind }) => kind !== 'section') + 1)
    const texts = sections.toReversed().map(({ name, line, source }) => `${source.file}:${line}: ${name}> was not closed.`)
    this.#source = sections[0]!.source
    this.#nestingFault(sections[0]!.line, texts.join('\n'))
  }
}

/** Reads the files of a path in. Faults of theirs are noted; one of the path itself is thrown. */
export type Include = (path: string, optional: boolean, from: IncludeFrom) => void

export interface IncludeFrom {
  readonly line: number
  /** Of the files to be read. */
  readonly depth: number
  readonly origin: string
  readonly out: TreeNode[]
  /** Notes a fault at the Include. */
  readonly fault: (message: string) => void
}

const isNamed = (frame: Frame, bare: string): boolean => frame.name.slice(1).toLowerCase() === bare.toLowerCase()

/** `<Name>` is the section `<Name` with nothing before its `>`. */
const openingOf = (word: string, rest: string): [name: string, args: string] =>
  word.startsWith('<') && word.endsWith('>') && rest === '' ? [word.slice(0, -1), '>'] : [word, rest]
