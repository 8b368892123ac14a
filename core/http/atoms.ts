/**
 * Texts that come again: the same bytes give the same object. No string is made for them, their hash is known, they
 * compare by address, and what was worked out of one stays with it.
 */
import { LOWER } from './bytes.ts'

/** Places for strings; a power of two. Two strings that share one drive each other out. */
const PLACES = 8192
/** Longer ones hardly come again. */
const LONGEST = 256

export class Atom {
  readonly text: string
  /** For whoever works something out of the text alone, or remembers what else it was worked out of. */
  memo: unknown = undefined

  constructor(text: string) {
    this.text = text
  }
}

export class Atoms {
  readonly #atoms: (Atom | undefined)[] = new Array<Atom | undefined>(PLACES).fill(undefined)
  readonly #lower: boolean

  /** @param lower capital letters of ASCII become small ones; there must be no others */
  constructor(lower = false) {
    this.#lower = lower
  }

  /** The text at bytes [start, end), one character per byte. */
  at(bytes: Buffer, start: number, end: number): Atom {
    const length = end - start
    if (length > LONGEST) return this.#make(bytes, start, end)
    let hash = length
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0
    const place = (hash ^ (hash >>> 13)) & (PLACES - 1)
    const known = this.#atoms[place]
    if (known !== undefined &&
      (this.#lower ? isLowerOf(known.text, bytes, start, length) : isSame(known.text, bytes, start, length))) return known
    return (this.#atoms[place] = this.#make(bytes, start, end))
  }

  #make(bytes: Buffer, start: number, end: number): Atom {
    const text = bytes.toString('latin1', start, end)
    return new Atom(this.#lower ? text.toLowerCase() : text)
  }
}

function isSame(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}

function isLowerOf(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== LOWER[bytes[start + i]!]) return false
  return true
}
