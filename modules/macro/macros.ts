/**
 * Macros of one reading: what <Macro> says, and what comes of using it. One rule: whatever is wrong is told with the place
 * where it was written.
 */
import { ConfigError, wordsOf, type PlainLine, type ReadLine } from 'httpd'

interface Macro {
  /** Lower case. */
  readonly name: string
  /** `defined on line N of "FILE"`. */
  readonly place: string
  readonly parameters: readonly string[]
  readonly lines: readonly PlainLine[]
}

/** Characters that names of parameters should begin with. */
const PREFIXES = '$%@'
/** Lines that macros may come to in one reading: some that use one another can double with each step. */
const MOST_LINES = 1_000_000

export class Macros {
  readonly #macros = new Map<string, Macro>()
  /** Names of those that are being read just now. */
  readonly #open: string[] = []
  #any = false
  #lines = 0
  ignoresEmptyArguments = false
  ignoresBadNesting = false

  define(line: ReadLine): void {
    const end = line.args.lastIndexOf('>')
    if (end < 0) throw new ConfigError("<Macro> directive missing closing '>'")
    this.#any = true
    const place = `defined on line ${line.line} of "${line.file}"`
    const behind = line.args.slice(end + 1)
    if (behind.trim() !== '') line.note('warn', `AH02989: AH02801: non blank chars found after <Macro closing '>' on line ${line.line} of ${line.file}: ${behind}`)
    const [written, ...parameters] = wordsOf(line.args.slice(0, end))
    try {
      this.#keep(line, place, written, parameters)
    } catch (error) {
      // Its lines are none of the configuration's, whatever is wrong with it.
      for (let next = line.next(); next !== undefined && !/^<\/macro\b/i.test(next.text); next = line.next()) { /* thrown away */ }
      throw error
    }
  }

  #keep(line: ReadLine, place: string, written: string | undefined, parameters: readonly string[]): void {
    if (written === undefined || written === '') throw new ConfigError('<Macro macro definition: empty name')
    const name = written.toLowerCase()
    const title = `macro '${name}' (${place})`
    if (PREFIXES.includes(name[0]!)) line.note('warn', `AH02803: ${title} better prefix a macro name with any of '${PREFIXES}'`)
    const before = this.#macros.get(name)
    if (before !== undefined) line.note('warn', `AH02802: macro '${name}' multiply defined: ${before.place}, redefined on line ${line.line} of "${line.file}"`)
    checkParameters(parameters, title, line)
    const macro = { name, place, parameters, lines: this.#body(line, title) }
    checkUse(macro, title, line)
    this.#macros.set(name, macro)
  }

  /** The lines up to the end of the section, those of macros inside included. */
  #body(line: ReadLine, title: string): PlainLine[] {
    const lines: PlainLine[] = []
    let depth = 1
    let nesting = 0
    for (let next = line.next(); next !== undefined; next = line.next()) {
      const first = /^\s*(<\/?\S*)/.exec(next.text)?.[1]?.toLowerCase()
      if (first?.startsWith('</macro') && --depth === 0) {
        const behind = next.text.slice(next.text.indexOf('>') + 1)
        if (behind.trim() !== '') line.note('warn', `AH02989: AH02794: non blank chars found after directive closing on line ${next.line} of ${line.file}: ${behind}`)
        if (nesting !== 0 && !this.ignoresBadNesting) line.note('warn', `AH02795: bad cumulated nesting (${nesting > 0 ? '+' : ''}${nesting}) in ${title}`)
        return lines
      }
      if (first === '<macro') depth++
      if (first !== undefined) nesting += first.startsWith('</') ? -1 : 1
      if (nesting < 0 && first !== undefined && !this.ignoresBadNesting) line.note('warn', `AH02793: bad (negative) nesting on line ${lines.length + 1} of ${title}`)
      lines.push({ text: next.text, line: lines.length + 1 })
    }
    throw new ConfigError(`${title}\n\tcontents error: expected token not found: </Macro>`)
  }

  use(line: ReadLine): void {
    if (!this.#any) throw new ConfigError('no macro defined before Use')
    const [written, ...values] = wordsOf(line.args)
    if (written === undefined || written === '') throw new ConfigError('no macro name specified with Use')
    const name = written.toLowerCase()
    const macro = this.#macros.get(name)
    if (macro === undefined) throw new ConfigError(`macro '${name}' undefined`)
    if (this.#open.includes(name)) throw new ConfigError(`recursive use of macro '${name}' is invalid`)
    const { place, parameters, lines } = macro
    if (values.length !== parameters.length)
      throw new ConfigError(`macro '${name}' (${place}) used with ${values.length} arguments instead of ${parameters.length}`)
    const used = `macro '${name}' (${place}) used on line ${line.line} of "${line.file}"`
    if (!this.ignoresEmptyArguments) values.forEach((value, i) => {
      if (value === '') line.note('warn', `AH02798: ${used}: empty argument #${i + 1}`)
    })
    this.#lines += lines.length
    if (this.#lines > MOST_LINES) throw new ConfigError(`SY00150: macro '${name}' (${place}) is not used: macros have come to more than ${MOST_LINES} lines`)
    this.#open.push(name)
    try {
      line.insert(used, expanded(macro, values))
    } finally {
      this.#open.pop()
    }
  }

  remove(line: ReadLine): void {
    const words = wordsOf(line.args)
    if (words.length !== 1) throw new ConfigError('UndefMacro takes one argument, Name of a macro that is to be forgotten')
    if (!this.#any) throw new ConfigError('no macro defined before UndefMacro')
    const name = words[0]!.toLowerCase()
    if (!this.#macros.delete(name)) throw new ConfigError(`cannot remove undefined macro '${name}'`)
  }
}

function checkParameters(parameters: readonly string[], title: string, line: ReadLine): void {
  const warn = (text: string): void => line.note('warn', text)
  parameters.forEach((name, i) => {
    if (name === '') throw new ConfigError(`${title}: empty argument #${i + 1} name`)
    if (name.startsWith('${') && name.endsWith('}'))
      warn(`AH02805: ${title} argument name '${name}' (#${i + 1}) clashes with 'Define' syntax '\${...}', better use '$(...)'.`)
    if (!PREFIXES.includes(name[0]!))
      warn(`AH02796: ${title} argument name '${name}' (#${i + 1}) without expected prefix, better prefix argument names with one of '${PREFIXES}'.`)
    parameters.slice(i + 1).forEach((other, j) => {
      if (other === name)
        throw new ConfigError(`argument name conflict in ${title}: argument '${name}': #${i + 1} and #${i + j + 2}, change argument names!`)
      if (other.startsWith(name) || name.startsWith(other))
        warn(`AH02797: ${title}: argument name prefix conflict (${name} #${i + 1} and ${other} #${i + j + 2}), be careful about your macro definition!`)
    })
  })
}

function checkUse({ parameters, lines }: Macro, title: string, line: ReadLine): void {
  if (lines.length === 0) line.note('warn', `AH02799: ${title}: empty contents!`)
  const places = placesOf(parameters)
  const used = new Set(lines.flatMap(({ text }) => (places === undefined ? [] : text.match(places) ?? [])))
  parameters.forEach((name, i) => {
    if (lines.length > 0 && !used.has(name)) line.note('warn', `AH02800: ${title}: argument '${name}' (#${i + 1}) never used`)
  })
}

/** Where parameters stand: the first of them, the longest where several begin. */
function placesOf(parameters: readonly string[]): RegExp | undefined {
  if (parameters.length === 0) return undefined
  const longestFirst = parameters.toSorted((a, b) => b.length - a.length)
  return new RegExp(longestFirst.map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'g')
}

/** The value of a parameter that begins with @ is one word, whatever is in it. */
const written = (name: string, value: string): string =>
  name.startsWith('@') ? `"${value.replace(/[\\"]/g, '\\$&')}"` : value

/** What stands in the place of a parameter is not looked through again. */
function expanded({ parameters, lines }: Macro, values: readonly string[]): readonly PlainLine[] {
  const places = placesOf(parameters)
  if (places === undefined) return lines
  return lines.map(({ text, line }) => ({ line, text: text.replace(places, (name) => written(name, values[parameters.indexOf(name)]!)) }))
}
