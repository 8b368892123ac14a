/* Accept, Accept-Language, Accept-Charset, Accept-Encoding: what a client asks for, read as leniently as Apache reads it. */

/** One range of a list, or the type of a variant. */
export interface Range {
  /** Lower case. */
  readonly name: string
  /** 0 to 1, in thousandths. */
  readonly quality: number
  readonly level: number
  readonly charset: string
}

/** What a longer list says behind these is not looked at: the work for a request stays small, whoever makes it. */
const MOST_RANGES = 500

/** Of types as of variants: single precision, as Apache compares them. */
export const single = Math.fround

/** @param value of the header; undefined: there is none, which is not the same as an empty one */
export function readRanges(value: string | undefined): readonly Range[] | undefined {
  if (value === undefined) return undefined
  const ranges: Range[] = []
  const cursor: Cursor = { text: value, at: 0 }
  while (cursor.at < value.length && ranges.length < MOST_RANGES) {
    const before = cursor.at
    ranges.push(readRange(cursor))
    if (cursor.at === before) cursor.at++
  }
  return ranges
}

/** A type with its parameters, as a variant or its map has it. */
export const readType = (value: string): Range => readRange({ text: value, at: 0 })

/** The first word of a text, up to a blank, semicolon or comma. */
export const firstToken = (text: string): string => token({ text, at: 0 }, false)

interface Cursor { readonly text: string; at: number }

const isSpace = (char: string | undefined): boolean => char !== undefined && /\s/.test(char)

function skipSpace(cursor: Cursor): void {
  while (isSpace(cursor.text[cursor.at])) cursor.at++
}

/** As ap_get_token: quoted text may have separators in it. */
function token(cursor: Cursor, blanks: boolean): string {
  skipSpace(cursor)
  const { text } = cursor
  const from = cursor.at
  let end = from
  for (; end < text.length && text[end] !== ';' && text[end] !== ',' && (blanks || !isSpace(text[end])); end++) {
    if (text[end] !== '"') continue
    const close = text.indexOf('"', end + 1)
    end = close < 0 ? text.length - 1 : close
  }
  cursor.at = end
  skipSpace(cursor)
  return text.slice(from, end)
}

const INCLUDES = 'text/x-server-parsed-html'
const INCLUDES3 = 'text/x-server-parsed-html3'
export const isPseudoHtml = (type: string): boolean => type === 'text/html' || type === INCLUDES || type === INCLUDES3
/** HTML is of level 2 unless it says something else. */
const LEVELS: Readonly<Record<string, number>> = { 'text/html': 2, [INCLUDES]: 2, [INCLUDES3]: 3 }

function readRange(cursor: Cursor): Range {
  const name = token(cursor, false).toLowerCase()
  let quality = 1, level = LEVELS[name] ?? 0, charset = ''
  while (cursor.text[cursor.at] === ';') {
    cursor.at++
    const [, key = '', quoted, plain] = PARAMETER.exec(token(cursor, true).toLowerCase()) ?? []
    const text = quoted ?? plain ?? ''
    if (key === 'q' || key === 'qs') quality = qualityOf(text)
    else if (key === 'level') level = Number.parseInt(text, 10) || 0
    else if (key === 'charset') charset = text
  }
  if (cursor.text[cursor.at] === ',') cursor.at++
  return { name, quality: single(quality), level, charset }
}

const PARAMETER = /^([^\s=]*)[\s=]+(?:"([^"\r\n]*)|(\S*))/

/** Anything but a fraction is all. */
export function qualityOf(text: string): number {
  const [, zero, digits] = /^\s*(0?)(?:\.(\d{0,3}))?/.exec(text)!
  if (zero === '' && digits === undefined) return 1
  return Number((digits ?? '').padEnd(3, '0')) / 1000
}
