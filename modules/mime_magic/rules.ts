/*
 * Rules of a magic file, one a line: `[>…]OFFSET TYPE[&MASK] [RELATION]VALUE MESSAGE`, as file(1) had them when Apache
 * took them over. A line that cannot be understood is a rule that never matches, so that those behind it keep their
 * place.
 */

/** Bytes that a rule looks at, and the longest text that it may compare with is one less. */
export const WINDOW = 64
/** Characters of a message. */
const LONGEST_MESSAGE = 49

const WIDTHS = {
  byte: 1, short: 2, beshort: 2, leshort: 2, long: 4, belong: 4, lelong: 4, date: 4, bedate: 4, ledate: 4, string: 0,
} as const
export type Type = keyof typeof WIDTHS
/** Each before what it begins with. */
const TYPES = Object.keys(WIDTHS) as Type[]

export const widthOf = (type: Type): number => WIDTHS[type]

export type Relation = '=' | '!' | '<' | '>' | '&' | '^' | 'x'

export interface Rule {
  /** 0: a rule of its own; more: it goes on where one of one less has matched. */
  readonly level: number
  readonly offset: number
  /** The offset is that of the place where the real one stands. */
  readonly indirect: { readonly width: 1 | 2 | 4; readonly plus: number } | undefined
  /** Undefined: it never matches. */
  readonly type: Type | undefined
  readonly isUnsigned: boolean
  readonly mask: number
  readonly relation: Relation
  readonly number: number
  readonly text: string
  readonly message: string
  /** No blank before the message. */
  readonly joins: boolean
}

/** Lets somebody know what is wrong with a line. */
export type Complain = (text: string) => void

const isSpace = (char: string | undefined): boolean => char !== undefined && /\s/.test(char)

/** A line from left to right. */
class Cursor {
  readonly #text: string
  at = 0

  constructor(text: string) {
    this.#text = text
  }

  get rest(): string {
    return this.#text.slice(this.at)
  }

  peek(ahead = 0): string | undefined {
    return this.#text[this.at + ahead]
  }

  /** Takes the text if it stands here. */
  takes(text: string): boolean {
    if (!this.#text.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  skipBlanks(): void {
    while (isSpace(this.peek())) this.at++
  }

  /** As C's strtol with base 0; undefined: there is none. */
  number(): bigint | undefined {
    const found = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)/.exec(this.#text.slice(this.at, this.at + 100))
    if (found === null) return undefined
    const [whole, sign, digits] = found
    const isOctal = /^0\d/.test(digits!)
    const octal = /^0[0-7]*/.exec(digits!)?.[0] ?? ''
    this.at += isOctal ? whole.length - digits!.length + octal.length : whole.length
    const value = BigInt(isOctal ? `0o${octal.slice(1) || '0'}` : digits!)
    return sign === '-' ? -value : value
  }
}

/** What a number is as one of so many bytes. */
export function sized(value: bigint | number, type: Type, isUnsigned: boolean): number {
  const bits = widthOf(type) * 8
  return Number(isUnsigned ? BigInt.asUintN(bits, BigInt(value)) : BigInt.asIntN(bits, BigInt(value)))
}

/** @param complain is told what is wrong, with Apache's numbers; the caller knows the line */
export function parseRules(text: string, complain: (line: number, text: string) => void): Rule[] {
  const rules: Rule[] = []
  text.split('\n').forEach((line, i) => {
    const said = line.trim()
    if (said !== '' && !said.startsWith('#')) rules.push(parseRule(said, (fault) => complain(i + 1, fault)))
  })
  return rules
}

const NEVER = {
  type: undefined, isUnsigned: false, mask: -1, relation: '=', number: 0, text: '', message: '', joins: false,
} as const

function parseRule(line: string, complain: Complain): Rule {
  const cursor = new Cursor(line)
  let level = 0
  while (cursor.takes('>')) level++
  const isIndirect = level > 0 && cursor.takes('(')
  const before = cursor.rest
  const offset = cursor.number()
  if (offset === undefined) complain(`AH01521: mod_mime_magic: offset ${before} invalid`)
  const place = {
    level, offset: Number(BigInt.asIntN(32, offset ?? 0n)), indirect: isIndirect ? parseIndirect(cursor, complain) : undefined,
  }
  while (/\d/.test(cursor.peek() ?? '')) cursor.at++
  cursor.skipBlanks()
  const isUnsigned = cursor.takes('u')
  const type = TYPES.find((name) => cursor.takes(name))
  if (type === undefined) {
    complain(`AH01524: mod_mime_magic: type ${cursor.rest} invalid`)
    return { ...place, ...NEVER }
  }
  const mask = cursor.takes('&') ? maskOf(cursor, type, isUnsigned) : -1
  cursor.skipBlanks()
  return { ...place, type, isUnsigned, mask, ...parseTest(cursor, type, isUnsigned, complain), ...parseMessage(cursor) }
}

const maskOf = (cursor: Cursor, type: Type, isUnsigned: boolean): number =>
  type === 'string' ? Number(BigInt.asIntN(32, cursor.number() ?? 0n)) : sized(cursor.number() ?? 0n, type, isUnsigned)

/** `[.lsb][+-]NUMBER)` behind the offset of an offset. */
function parseIndirect(cursor: Cursor, complain: Complain): Rule['indirect'] {
  let width: 1 | 2 | 4 = 4
  if (cursor.takes('.')) {
    const letter = cursor.peek() ?? ''
    if (letter === 's') width = 2
    else if (letter === 'b') width = 1
    else if (letter !== 'l') complain(`AH01522: mod_mime_magic: indirect offset type ${letter} invalid`)
    cursor.at++
  }
  const isMinus = cursor.peek() === '-'
  if (isMinus || cursor.peek() === '+') cursor.at++
  const plus = /\d/.test(cursor.peek() ?? '') ? Number(BigInt.asIntN(32, cursor.number() ?? 0n)) : 0
  if (!cursor.takes(')')) complain("AH01523: mod_mime_magic: missing ')' in indirect offset")
  return { width, plus: isMinus ? -plus : plus }
}

function parseTest(
  cursor: Cursor, type: Type, isUnsigned: boolean, complain: Complain,
): { readonly relation: Relation; readonly number: number; readonly text: string } {
  const sign = cursor.peek() ?? ''
  let relation: Relation = '='
  if ('<>&^='.includes(sign) && sign !== '' || (sign === '!' && type !== 'string')) {
    relation = sign as Relation
    cursor.at++
  } else if (sign === 'x' && isSpace(cursor.peek(1))) {
    cursor.at++
    return { relation: 'x', number: 0, text: '' }
  }
  cursor.skipBlanks()
  if (type === 'string') return { relation, number: 0, text: readText(cursor, complain) }
  return { relation, number: sized(cursor.number() ?? 0n, type, isUnsigned), text: '' }
}

const LETTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', b: '\b', t: '\t', f: '\f', v: '\v' }

/** Up to a blank that no backslash stands before. */
function readText(cursor: Cursor, complain: Complain): string {
  const whole = cursor.rest
  let text = ''
  for (let char = cursor.peek(); char !== undefined; char = cursor.peek()) {
    cursor.at++
    if (isSpace(char)) break
    if (text.length >= WINDOW - 1) {
      complain(`AH01526: mod_mime_magic: string too long: ${whole}`)
      break
    }
    text += char === '\\' ? readEscape(cursor) : char
  }
  return text
}

function readEscape(cursor: Cursor): string {
  const [octal] = /^[0-7]{1,3}/.exec(cursor.rest.slice(0, 3)) ?? []
  const [, hex] = /^x([0-9A-Fa-f]{1,3})/.exec(cursor.rest.slice(0, 4)) ?? []
  const digits = octal ?? hex
  if (digits !== undefined) {
    cursor.at += digits.length + (octal === undefined ? 1 : 0)
    return String.fromCharCode(Number.parseInt(digits, octal === undefined ? 16 : 8) & 0xff)
  }
  const char = cursor.peek() ?? ''
  cursor.at++
  return LETTERS[char] ?? char
}

function parseMessage(cursor: Cursor): { readonly message: string; readonly joins: boolean } {
  cursor.skipBlanks()
  const joins = cursor.takes('\b') || cursor.takes('\\b')
  return { message: cursor.rest.slice(0, LONGEST_MESSAGE), joins }
}
