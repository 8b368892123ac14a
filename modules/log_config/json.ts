/*
 * Access log lines as JSON: one object a line, valid whatever the client has sent (RFC 8259). Numbers are numbers, what
 * there is not is null. Bytes that are UTF-8 are that text; a byte that is no part of any is the lone surrogate
 * U+DC00 + byte, as "\udcXX" (PEP 383): no text that is UTF-8 has such a character, so all bytes come back.
 */
import { ConfigError, type Request } from 'httpd'
import { finalOf, parseFormat, type Item, type Line, type Part } from './format.ts'

const NOT_HARMLESS = /[^\x20\x21\x23-\x5b\x5d-\x7e]/
/** What is looked at: a sequence of UTF-8 (Unicode table 3-7), a byte that is not harmless, or text of a module. */
const LOOKED_AT = new RegExp([
  '[\\xc2-\\xdf][\\x80-\\xbf]', '\\xe0[\\xa0-\\xbf][\\x80-\\xbf]', '[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}',
  '\\xed[\\x80-\\x9f][\\x80-\\xbf]', '\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}', '[\\xf1-\\xf3][\\x80-\\xbf]{3}',
  '\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}', '[\\x00-\\x1f"\\\\\\x7f-\\xff]', '[^\\x00-\\xff]+',
].join('|'), 'g')

const LETTERS: Readonly<Record<string, string>> = {
  '"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t',
}

/** A JSON string of bytes, one character per byte; written as bytes again, it is UTF-8. */
export function jsonString(bytes: string): string {
  return NOT_HARMLESS.test(bytes) ? `"${bytes.replace(LOOKED_AT, jsonOf)}"` : `"${bytes}"`
}

function jsonOf(text: string): string {
  const code = text.charCodeAt(0)
  // Not from the network: a module's own text.
  if (code > 0xff) return Buffer.from(text, 'utf8').toString('latin1')
  if (text.length > 1) return text
  return LETTERS[text] ?? `\\u${code < 0x80 ? '00' : 'dc'}${code.toString(16).padStart(2, '0')}`
}

type Value = (original: Request, final: Request) => string

/**
 * Compiles `KEY=FORMAT` words. A format that is one item gives a number, a string or null; any other a string.
 * @throws ConfigError
 */
export function compileJson(words: readonly string[]): Line {
  const keys = new Set<string>()
  const texts: string[] = []
  const values: Value[] = []
  for (const word of words) {
    const at = word.indexOf('=')
    const key = word.slice(0, at)
    if (at < 1) throw new ConfigError(`Cannot use "${word}": it must be KEY=FORMAT`)
    if (keys.has(key)) throw new ConfigError(`Cannot use "${word}": the key ${key} is there already`)
    texts.push(`${keys.size === 0 ? '{' : ','}${jsonString(key)}:`)
    keys.add(key)
    values.push(valueOf(parseFormat(formatOf(word, at))))
  }
  return (original) => {
    const final = finalOf(original)
    let line = ''
    for (let i = 0; i < values.length; i++) line += texts[i]! + values[i]!(original, final)
    return `${line}}\n`
  }
}

/** What stands behind the `=`; quotes around it alone are none of it, as a shell would have it. */
function formatOf(word: string, at: number): string {
  const format = word.slice(at + 1)
  const quote = format[0]
  if (quote !== '"' && quote !== "'") return format
  if (format.length > 1 && format.endsWith(quote)) return format.slice(1, -1)
  throw new ConfigError(`Cannot use ${word}: with blanks in the format, quotes stand around all of "KEY=FORMAT"`)
}

function valueOf(parts: readonly Part[]): Value {
  if (parts.length === 1 && typeof parts[0] !== 'string') return single(parts[0]!)
  const pieces = parts.map((part): Value => typeof part === 'string' ? () => part : piece(part))
  return (original, final) => {
    let text = ''
    for (const each of pieces) text += each(original, final)
    return jsonString(text)
  }
}

const bare = ({ value, original, wanted }: Item) => (first: Request, last: Request): string | undefined =>
  wanted === undefined || wanted(last.status) ? value.of(original ? first : last) : undefined

function piece(item: Item): Value {
  const of = bare(item)
  return (first, last) => of(first, last) ?? '-'
}

function single(item: Item): Value {
  const of = bare(item)
  const show = item.value.kind === 'number' ? (text: string) => text : jsonString
  return (first, last) => {
    const text = of(first, last)
    return text === undefined ? 'null' : show(text)
  }
}

/** The format of that name that is there without being said. */
export const DEFAULT_JSON = [
  'time=%{rfc3339}t', 'server=%v', 'client=%h', 'user=%u', 'method=%m', 'uri=%U', 'query=%q', 'protocol=%H',
  'status=%>s', 'bytes=%B', 'duration_us=%D', 'referer=%{Referer}i', 'agent=%{User-Agent}i',
]
