/* What the rules of a magic file say of the first bytes of a file. */
import { ctime } from 'httpd'
import { sized, widthOf, WINDOW, type Rule, type Type } from './rules.ts'

/** Messages of the first rule of its own that matches, and of what goes on from it; undefined: none does. */
export function messagesOf(rules: readonly Rule[], bytes: Uint8Array): string | undefined {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i]!
    // What goes on from one that has not matched is not asked.
    if (rule.level > 0 && i > 0) continue
    const found = valueAt(rule, bytes)
    if (found !== undefined && holds(rule, found)) return told(rules, i, found, bytes)
  }
  return undefined
}

function told(rules: readonly Rule[], first: number, found: Value, bytes: Uint8Array): string {
  const { message } = rules[first]!
  let text = formatted(rules[first]!, found)
  let needsBlank = message !== ''
  let level = 1
  for (let i = first + 1; i < rules.length && rules[i]!.level > 0; i++) {
    const rule = rules[i]!
    if (rule.level > level) continue
    level = rule.level
    const value = valueAt(rule, bytes)
    if (value === undefined || !holds(rule, value)) continue
    if (needsBlank && !rule.joins && rule.message !== '') text += ' '
    text += formatted(rule, value)
    if (rule.message !== '') needsBlank = true
    level++
  }
  return text
}

/** What stands at the place that a rule looks at. */
interface Value { readonly number: number; readonly text: string }

function valueAt(rule: Rule, bytes: Uint8Array): Value | undefined {
  const { type, offset, indirect } = rule
  if (type === undefined) return undefined
  const window = windowAt(bytes, offset)
  if (window === undefined) return undefined
  if (indirect === undefined) return valueOf(window, rule, type)
  const there = windowAt(bytes, numberOf(window, indirect.width, !/^be/.test(type), indirect.width < 4) + indirect.plus)
  return there && valueOf(there, rule, type)
}

/** As Apache, a rule does not look at the end of a file; a byte behind that counts as one of it. */
const windowAt = (bytes: Uint8Array, offset: number): DataView | undefined =>
  offset < 0 || offset + WINDOW > bytes.length + 1 ? undefined
    : new DataView(bytes.buffer, bytes.byteOffset + offset, Math.min(WINDOW, bytes.length - offset))

function numberOf(window: DataView, width: number, isLittle: boolean, isUnsigned: boolean): number {
  switch (width) {
    case 1: return isUnsigned ? window.getUint8(0) : window.getInt8(0)
    case 2: return isUnsigned ? window.getUint16(0, isLittle) : window.getInt16(0, isLittle)
    default: return isUnsigned ? window.getUint32(0, isLittle) : window.getInt32(0, isLittle)
  }
}

function valueOf(window: DataView, { isUnsigned, mask }: Rule, type: Type): Value {
  if (type === 'string')
    return { number: 0, text: Buffer.from(window.buffer, window.byteOffset, Math.min(window.byteLength, WINDOW - 1)).toString('latin1') }
  // Those without an order have the machine's: all that Node runs on is little-endian, or nearly.
  const number = numberOf(window, widthOf(type), !type.startsWith('be'), isUnsigned)
  return { number: isUnsigned ? (number & mask) >>> 0 : number & mask, text: '' }
}

/** The text up to where it ends for C, and to the end of its line. */
const lineOf = (text: string): string => /^[^\0\n]*/.exec(text)![0]

/** Below, above or zero: how the bytes compare with those of the rule. What follows the line is NUL and then as it was. */
function compare(found: string, wanted: string): number {
  const newline = found.indexOf('\n')
  for (let i = 0; i < wanted.length; i++) {
    const difference = (i === newline ? 0 : found.charCodeAt(i) || 0) - wanted.charCodeAt(i)
    if (difference !== 0) return difference
  }
  return 0
}

function holds({ type, relation, number, text, isUnsigned }: Rule, found: Value): boolean {
  // A text of one x is whatever there is.
  if (relation === 'x' || text === 'x') return true
  const value = type === 'string' ? compare(found.text, text) : found.number
  const wanted = type === 'string' ? 0 : number
  switch (relation) {
    case '=': return value === wanted
    case '!': return value !== wanted
    case '>': return isUnsigned && type === 'string' ? value !== 0 : value > wanted
    case '<': return isUnsigned && type === 'string' ? false : value < wanted
    case '&': return (value & wanted) === (wanted | 0)
    default: return (value & wanted) !== (wanted | 0)
  }
}

/** Characters that a message may come to. */
const LONGEST = 255

function formatted(rule: Rule, { number, text }: Value): string {
  const { type, relation, message } = rule
  if (!message.includes('%')) return message
  const said = type === 'string' ? (relation === '=' ? lineOf(rule.text) : lineOf(text)) : number
  let isUsed = false
  const whole = message.replace(/%(-?0?)(\d{0,3})(?:\.(\d{1,3}))?[hl]*([a-zA-Z%])/g, (_, flags: string, width: string, precision: string | undefined, letter: string) => {
    if (letter === '%') return '%'
    if (isUsed) return ''
    isUsed = true
    const one = conversion(letter, said, type!, precision)
    if (flags.startsWith('-')) return one.padEnd(Number(width))
    return one.padStart(Number(width), flags.includes('0') && typeof said === 'number' ? '0' : ' ')
  })
  return whole.slice(0, LONGEST)
}

function conversion(letter: string, said: string | number, type: Type, precision: string | undefined): string {
  if (type.endsWith('date')) return ctime(Number(said) * 1000)
  if (typeof said === 'string') return said.slice(0, precision === undefined ? undefined : Number(precision))
  switch (letter) {
    case 'x': return (said >>> 0).toString(16)
    case 'X': return (said >>> 0).toString(16).toUpperCase()
    case 'o': return (said >>> 0).toString(8)
    case 'u': return String(said >>> 0)
    case 'c': return String.fromCharCode(said & 0xff)
    default: return String(sized(said, 'long', false))
  }
}
