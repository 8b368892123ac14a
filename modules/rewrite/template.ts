/*
 * Texts with `$1`, `%1`, `%{VARIABLE}` and `${map:key|default}` in them. One rule: what a text consists of is found out
 * when the configuration is read, and what comes from a request is never looked at for such references again.
 */
import { type Answer } from 'httpd'
import type { Scope } from './scope.ts'
import { escapeReference, type Escaping } from './uri.ts'
import { compileVariable, type Variable } from './variables.ts'

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'rule' | 'condition'; readonly group: number }
  | { readonly kind: 'variable'; readonly variable: Variable }
  | { readonly kind: 'map'; readonly name: string; readonly key: Template; readonly fallback: Template | undefined }

/** Where a text was written, for what it is made of. */
export interface Source {
  readonly file: string
  readonly line: number
  readonly htaccess: boolean
}

export class Template {
  /** As written. */
  readonly text: string
  readonly #pieces: readonly Piece[]

  constructor(text: string, source: Source) {
    this.text = text
    this.#pieces = piecesOf(text, source)
  }

  /** False: expanding may block the thread, apart from maps. */
  get quick(): boolean {
    return this.#pieces.every((piece) => piece.kind === 'variable' ? piece.variable.quick
      : piece.kind !== 'map' || (piece.key.quick && piece.fallback?.quick !== false))
  }

  /** Names of the maps that it may ask. */
  get maps(): readonly string[] {
    return this.#pieces.flatMap((piece) =>
      piece.kind === 'map' ? [piece.name, ...piece.key.maps, ...piece.fallback?.maps ?? []] : [])
  }

  expand(scope: Scope, escaping?: Escaping): Answer<string> {
    return this.#from(0, '', scope, escaping, undefined)
  }

  /** The same, and whether the question mark that its query begins at stands in what came out of a reference. */
  expandMarked(scope: Scope, escaping: Escaping | undefined, marks: Marks): Answer<string> {
    return this.#from(0, '', scope, escaping, marks)
  }

  #from(start: number, before: string, scope: Scope, escaping: Escaping | undefined, marks: Marks | undefined): Answer<string> {
    let out = before
    for (let i = start; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!
      const value = valueOf(piece, scope, escaping)
      if (value instanceof Promise) {
        return value.then((late) => {
          mark(marks, piece, late)
          return this.#from(i + 1, out + late, scope, escaping, marks)
        })
      }
      mark(marks, piece, value)
      out += value
    }
    return out
  }
}

/** Where the first question mark of an expanded text is from, or with QSL the last. */
export interface Marks {
  readonly last: boolean
  question: 'none' | 'written' | 'inserted'
}

function mark(marks: Marks | undefined, { kind }: Piece, value: string): void {
  if (marks === undefined || (marks.question !== 'none' && !marks.last) || !value.includes('?')) return
  marks.question = kind === 'text' ? 'written' : 'inserted'
}

function valueOf(piece: Piece, scope: Scope, escaping: Escaping | undefined): Answer<string> {
  switch (piece.kind) {
    case 'text': return piece.text
    case 'variable': return piece.variable.value(scope.request, scope)
    case 'map': return lookUp(piece, scope, escaping)
    case 'rule': return reference(scope.ruleGroups?.[piece.group], scope, escaping)
    case 'condition': return reference(scope.conditionGroups?.[piece.group], scope, escaping)
  }
}

function reference(text: string | undefined, scope: Scope, escaping: Escaping | undefined): string {
  if (text === undefined || text === '') return ''
  if (escaping === undefined) return text
  const escaped = escapeReference(text, escaping)
  if (scope.traces) scope.trace(5, `escaping backreference '${text}' to '${escaped}'`)
  return escaped
}

function lookUp(
  { name, key, fallback }: Piece & { kind: 'map' }, scope: Scope, escaping: Escaping | undefined,
): Answer<string> {
  const map = scope.maps.get(name)
  const settle = (found: string | undefined): Answer<string> =>
    found ?? fallback?.expand(scope, escaping) ?? ''
  const ask = (text: string): Answer<string> => {
    const found = map?.lookUp(text, scope)
    return found instanceof Promise ? found.then(settle) : settle(found)
  }
  const text = key.expand(scope, escaping)
  return text instanceof Promise ? text.then(ask) : ask(text)
}

const isDigit = (char: string | undefined): boolean => char !== undefined && char >= '0' && char <= '9'

function piecesOf(text: string, source: Source): Piece[] {
  const pieces: Piece[] = []
  let plain = ''
  const add = (piece: Piece): void => {
    if (plain !== '') pieces.push({ kind: 'text', text: plain })
    plain = ''
    pieces.push(piece)
  }
  for (let at = 0; at < text.length;) {
    const char = text[at]!
    const next = text[at + 1]
    const reference = char === '$' || char === '%'
    if (char === '\\' && next !== undefined) {
      plain += next
      at += 2
    } else if (reference && isDigit(next)) {
      add({ kind: char === '$' ? 'rule' : 'condition', group: Number(next) })
      at += 2
    } else if (reference && next === '{') {
      const end = closing(text, at + 2, '}')
      const piece = end < 0 ? undefined : inBraces(char, text.slice(at + 2, end), source)
      if (piece === undefined) plain += `${char}{`
      else add(piece)
      at = piece === undefined ? at + 2 : end + 1
    } else {
      plain += char
      at++
    }
  }
  if (plain !== '') pieces.push({ kind: 'text', text: plain })
  return pieces
}

function inBraces(char: string, inside: string, source: Source): Piece | undefined {
  if (char === '%') return { kind: 'variable', variable: compileVariable(inside, source) }
  const colon = closing(inside, 0, ':')
  if (colon < 0) return undefined
  const rest = inside.slice(colon + 1)
  const bar = closing(rest, 0, '|')
  const fallback = bar < 0 || bar === rest.length - 1 ? undefined : new Template(rest.slice(bar + 1), source)
  return { kind: 'map', name: inside.slice(0, colon), key: new Template(bar < 0 ? rest : rest.slice(0, bar), source), fallback }
}

/** Where a character stands outside of braces that open behind `from`; -1: nowhere. */
function closing(text: string, from: number, wanted: string): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const char = text[at]!
    if (char === wanted && depth === 0) return at
    else if (char === '{') depth++
    else if (char === '}') depth--
  }
  return -1
}
