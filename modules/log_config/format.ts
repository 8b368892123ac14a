/*
 * Access log formats, compiled once: constants and functions that take turns, whose answers are put together to a
 * line.
 *
 *   %[!][STATUS,STATUS...][<|>][{argument}]letter     in any order before the letter, which may be ^ and two letters
 */
import { ConfigError, escapeLogItem, type LogValue, type Request } from 'httpd'
import { fastLine } from './fast.ts'
import { itemFor } from './items.ts'

/** Makes the line for a request, given the one that was asked for; with its line end. */
export type Line = (original: Request) => string

/** An item of a format. */
export interface Item {
  readonly value: LogValue
  /** Of the chain of internal redirects: the first, not the last. */
  readonly original: boolean
  /** Of which final statuses it tells; undefined: of all. */
  readonly wanted: ((status: number) => boolean) | undefined
}

/** A format taken apart: text stands for itself. */
export type Part = string | Item

type Value = (original: Request, final: Request) => string

/** @throws ConfigError for an item that does not exist, or is not complete */
export function compileFormat(format: string): Line {
  const parts = [...parseFormat(format), '\n']
  return fastLine(format) ?? general(parts)
}

/** As compileFormat, without the short ways of well-known formats. */
export const compileGenerally = (format: string): Line => general([...parseFormat(format), '\n'])

/** The request that answered. */
export function finalOf(original: Request): Request {
  let final = original
  while (final.next !== undefined) final = final.next
  return final
}

// Constants before each value, and one behind the last.
function general(parts: readonly Part[]): Line {
  const texts: string[] = ['']
  const values: Value[] = []
  for (const part of parts) {
    if (typeof part === 'string') texts[texts.length - 1] += part
    else {
      values.push(asText(part))
      texts.push('')
    }
  }
  const count = values.length
  return (original) => {
    const final = finalOf(original)
    let line = texts[0]!
    for (let i = 0; i < count; i++) line += values[i]!(original, final) + texts[i + 1]!
    return line
  }
}

/** What a text format shows for an item. */
function asText({ value, original, wanted }: Item): Value {
  const show = shown(value)
  const value1: Value = original ? (first) => show(first) : (_, last) => show(last)
  return wanted === undefined ? value1 : (first, last) => wanted(last.status) ? value1(first, last) : '-'
}

function shown({ kind, of, empty }: LogValue): (r: Request) => string {
  if (empty !== undefined) {
    return (r) => {
      const text = of(r)
      return text === undefined ? '-' : text === '' ? empty : escapeLogItem(text)
    }
  }
  if (kind !== 'bytes') return (r) => of(r) ?? '-'
  return (r) => {
    const text = of(r)
    return text === undefined ? '-' : escapeLogItem(text)
  }
}

/** @throws ConfigError */
export function parseFormat(format: string): Part[] {
  const parts: Part[] = []
  let at = 0
  while (at < format.length) {
    if (format[at] !== '%') {
      const percent = format.indexOf('%', at)
      const end = percent < 0 ? format.length : percent
      parts.push(unescape(format.slice(at, end)))
      at = end
    } else if (format[at + 1] === '%') {
      parts.push('%')
      at += 2
    } else {
      const { item, end } = parseItem(format, at + 1)
      parts.push(item)
      at = end
    }
  }
  return parts
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"' }

/** `\n`, `\r`, `\t`, `\\` and `\"`; another backslash stays. */
const unescape = (text: string): string =>
  text.replace(/\\([nrt\\"])/g, (_, letter: string) => ESCAPES[letter]!)

/** What stands between the percent sign and the letter, piece by piece; each may come more than once. */
const MODIFIER = /!|<|>|,|\{([^}]*)\}?|\d+/y

function parseItem(format: string, from: number): { item: Item; end: number } {
  let original: boolean | undefined
  let except = false
  let argument = ''
  const statuses = new Set<number>()
  MODIFIER.lastIndex = from
  let at = from
  for (let match = MODIFIER.exec(format); match !== null; match = MODIFIER.exec(format)) {
    const [text, braced] = match
    if (braced !== undefined) argument = braced
    else if (text === '!') except = !except
    else if (text === '<' || text === '>') original = text === '<'
    else if (text !== ',') statuses.add(Number(text))
    at = MODIFIER.lastIndex
  }
  if (at >= format.length) throw new ConfigError('Ran off end of LogFormat parsing args to some directive')
  const { item, length } = itemFor(format.slice(at, at + 3))
  const value = item.make(argument)
  const wanted = statuses.size === 0 ? undefined : (status: number) => statuses.has(status) !== except
  return { item: { value, original: original ?? item.original === true, wanted }, end: at + length }
}
