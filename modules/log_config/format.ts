/*
 * Access log formats, compiled once: a row of functions whose answers are put together to a line.
 *
 *   %[!STATUS,STATUS][<|>][{argument}]letter
 */
import { ConfigError, type Request } from 'httpd'
import { itemRow, type Value } from './items.ts'
import { endOfLine } from './times.ts'

/** Makes the line for a request, given the one that was asked for; with its line end. */
export type Line = (original: Request) => string

type Piece = (original: Request, final: Request) => string

const ITEM = /^%([<>]?)((?:!?\d{3}(?:,\d{3})*)?)([<>]?)(?:\{([^}]*)\})?([<>]?)(\^t[io]|[a-zA-Z%])/

/** @throws ConfigError for an item that does not exist */
export function compileFormat(format: string): Line {
  const pieces = [...parse(format), constant('\n')]
  return (original) => {
    let final = original
    while (final.next !== undefined) final = final.next
    let line = ''
    for (const piece of pieces) line += piece(original, final)
    endOfLine()
    return line
  }
}

const constant = (text: string): Piece => () => text

function parse(format: string): Piece[] {
  const pieces: Piece[] = []
  let text = ''
  const flush = () => {
    if (text !== '') pieces.push(constant(text))
    text = ''
  }
  for (let at = 0; at < format.length;) {
    const rest = format.slice(at, at + 1) === '%' ? format.slice(at) : ''
    if (rest === '') {
      const end = nextItem(format, at)
      text += unescape(format.slice(at, end))
      at = end
      continue
    }
    const match = ITEM.exec(rest)
    if (match === null) throw new ConfigError(`Unrecognized LogFormat directive ${rest.slice(0, 2)}`)
    at += match[0].length
    if (match[6] === '%') text += '%'
    else {
      flush()
      pieces.push(item(match))
    }
  }
  flush()
  return pieces
}

const nextItem = (format: string, from: number): number => {
  const at = format.indexOf('%', from)
  return at < 0 ? format.length : at
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"' }

/** `\n`, `\r`, `\t`, `\\` and `\"`; another backslash stays. */
const unescape = (text: string): string =>
  text.replace(/\\([nrt\\"])/g, (_, letter: string) => ESCAPES[letter]!)

function item([, first, statuses, before, argument, after, letter]: RegExpExecArray): Piece {
  const row = itemRow(letter!)
  const value = row.make(argument ?? '')
  const mark = first || before || after
  const original = mark === '' ? row.original === true : mark === '<'
  const wanted = statuses === '' ? undefined : statusTest(statuses!)
  return pieceOf(value, original, wanted)
}

function pieceOf(value: Value, original: boolean, wanted: ((status: number) => boolean) | undefined): Piece {
  if (wanted === undefined) {
    return original ? (first) => value(first) ?? '-' : (_, last) => value(last) ?? '-'
  }
  return (first, last) => wanted(last.status) ? value(original ? first : last) ?? '-' : '-'
}

function statusTest(text: string): (status: number) => boolean {
  const except = text.startsWith('!')
  const statuses = new Set(text.replace('!', '').split(',').map(Number))
  return (status) => statuses.has(status) !== except
}
