/*
 * Elements of a document: `<!--#NAME ARG="value" … -->`. One rule: a byte is looked at once, however the document is cut
 * into pieces, so that one without an end costs no more than its length.
 */

/** An argument as written; `value` undefined: it has none. */
export interface Argument { readonly name: string; readonly value: string | undefined }

export interface Element {
  /** In lower case. */
  readonly name: string
  readonly args: readonly Argument[]
  readonly fault: 'name' | 'quoted' | 'argument' | undefined
}

type State = 'name' | 'between' | 'tail' | 'argument' | 'argName' | 'equals' | 'beforeValue' | 'value' | 'escape' | 'done'

const isSpace = (char: string): boolean => char === ' ' || (char >= '\t' && char <= '\r')
const isQuote = (char: string): boolean => char === '"' || char === "'" || char === '`'

/** Reads one element, from behind its start tag to the end of its end tag. */
export class ElementReader {
  readonly #endTag: string
  #state: State = 'name'
  #name = ''
  #args: Argument[] = []
  #fault: Element['fault']
  /** So much of what may be the end tag. */
  #tail = ''
  #argName = ''
  #value = ''
  #quote = ''
  /** Bytes of it so far. */
  length = 0

  constructor(endTag: string) {
    this.#endTag = endTag
  }

  /** The element, once it is complete. */
  get element(): Element | undefined {
    return this.#state === 'done' ? this.soFar : undefined
  }

  /** What there is of it. */
  get soFar(): Element {
    return { name: this.#name, args: this.#args, fault: this.#fault }
  }

  /** @returns where in the bytes it ended: behind the element, or their end */
  read(bytes: Uint8Array, from: number): number {
    let at = from
    while (at < bytes.length && this.#state !== 'done') this.#step(String.fromCharCode(bytes[at++]!))
    this.length += at - from
    return at
  }

  /** A loop: what a state does not want is the next one's. */
  #step(char: string): void {
    while (!this.#take(char)) { /* the next state takes it */ }
  }

  /** False: the state has changed, and the character is still to be taken. */
  #take(char: string): boolean {
    switch (this.#state) {
      case 'name': return this.#takeName(char)
      case 'between': return this.#takeBetween(char)
      case 'tail': return this.#takeTail(char)
      case 'argument': return this.#begin(char)
      case 'argName': return this.#takeArgName(char)
      case 'equals': return this.#takeEquals(char)
      case 'beforeValue': return this.#takeBeforeValue(char)
      case 'value': return this.#takeValue(char)
      case 'escape': return this.#takeEscaped(char)
      default: return true
    }
  }

  #takeName(char: string): boolean {
    if (isSpace(char)) this.#named('between')
    else {
      this.#name += char
      if (char !== this.#endTag.at(-1) || !this.#name.endsWith(this.#endTag)) return true
      this.#name = this.#name.slice(0, -this.#endTag.length)
      this.#named('done')
    }
    return true
  }

  #named(next: State): void {
    this.#state = next
    this.#name = this.#name.toLowerCase()
    if (this.#name === '') this.#fault = 'name'
  }

  #takeBetween(char: string): boolean {
    if (isSpace(char)) return true
    this.#state = char === this.#endTag[0] ? 'tail' : 'argument'
    this.#tail = ''
    return false
  }

  #takeTail(char: string): boolean {
    if (char === this.#endTag[this.#tail.length]) {
      this.#tail += char
      if (this.#tail === this.#endTag) this.#state = 'done'
      return true
    }
    // It was the beginning of an argument.
    this.#state = 'argument'
    for (const before of this.#tail) this.#step(before)
    return false
  }

  #begin(char: string): boolean {
    this.#argName = this.#value = ''
    this.#state = 'argName'
    if (!isQuote(char)) return false
    this.#fault ??= 'quoted'
    this.#quote = char
    this.#state = 'value'
    return true
  }

  #takeArgName(char: string): boolean {
    if (!isSpace(char) && char !== '=') {
      this.#argName += char
      return true
    }
    this.#argName = this.#argName.toLowerCase()
    if (this.#argName === '') this.#fault ??= 'argument'
    this.#state = 'equals'
    return false
  }

  #takeEquals(char: string): boolean {
    if (isSpace(char)) return true
    if (char === '=') {
      this.#state = 'beforeValue'
      return true
    }
    this.#args.push({ name: this.#argName, value: undefined })
    this.#state = 'between'
    return false
  }

  #takeBeforeValue(char: string): boolean {
    if (isSpace(char)) return true
    this.#state = 'value'
    this.#quote = isQuote(char) ? char : ''
    return this.#quote !== ''
  }

  #takeValue(char: string): boolean {
    if (this.#quote === '' ? isSpace(char) : char === this.#quote) {
      this.#args.push({ name: this.#argName, value: this.#value })
      this.#state = 'between'
    } else if (this.#quote !== '' && char === '\\') this.#state = 'escape'
    else this.#value += char
    return true
  }

  /** A backslash means something before the quote only. */
  #takeEscaped(char: string): boolean {
    this.#state = 'value'
    if (char === this.#quote) this.#value += char
    else this.#value += '\\'
    return char === this.#quote
  }
}

/** How many bytes at the end of `bytes` may be the beginning of `tag`, whose rest is not there yet. */
export function begunTag(bytes: Uint8Array, from: number, tag: Uint8Array): number {
  const most = Math.min(tag.length - 1, bytes.length - from)
  for (let length = most; length > 0; length--) {
    const at = bytes.length - length
    let i = 0
    while (i < length && bytes[at + i] === tag[i]) i++
    if (i === length) return length
  }
  return 0
}
