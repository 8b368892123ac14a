/**
 * Texts that come again: the same bytes give the same object. No string is made for them, their hash is known, they
 * compare by address, and what was worked out of one stays with it.
 */
import { LOWER } from './bytes.ts'

/** Places for texts at first; a power of two. Two texts that share one drive each other out. */
const FEW = 1024
/** Longer ones hardly come again. */
const LONGEST = 256

export class Atom {
  readonly text: string
  readonly hash: number
  /** For whoever works something out of the text alone, or remembers what else it was worked out of. */
  memo: unknown = undefined

  constructor(text: string, hash: number) {
    this.text = text
    this.hash = hash
  }
}

export class Atoms {
  readonly #most: number
  readonly #lower: boolean
  #atoms: (Atom | undefined)[] = places(FEW)
  /** Texts that were driven out since there are so many places. */
  #drivenOut = 0

  /**
   * @param most places, a power of two: there are more as more different texts come
   * @param lower capital letters of ASCII become small ones; there must be no others
   */
  constructor(most: number, lower = false) {
    this.#most = most
    this.#lower = lower
  }

  /** The text at bytes [start, end), one character per byte. */
  at(bytes: Buffer, start: number, end: number): Atom {
    const length = end - start
    if (length > LONGEST) return this.#make(bytes, start, end, 0)
    let hash = length
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0
    const place = placeOf(hash, this.#atoms)
    const known = this.#atoms[place]
    if (known === undefined) return (this.#atoms[place] = this.#make(bytes, start, end, hash))
    return isText(known.text, bytes, start, length, this.#lower) ? known : this.#replace(place, this.#make(bytes, start, end, hash))
  }

  #make(bytes: Buffer, start: number, end: number, hash: number): Atom {
    const text = bytes.toString('latin1', start, end)
    return new Atom(this.#lower ? text.toLowerCase() : text, hash)
  }

  #replace(place: number, atom: Atom): Atom {
    this.#atoms[place] = atom
    if (++this.#drivenOut > this.#atoms.length && this.#atoms.length < this.#most) this.#grow()
    return atom
  }

  #grow(): void {
    const before = this.#atoms
    this.#atoms = places(Math.min(this.#most, 4 * before.length))
    this.#drivenOut = 0
    for (const atom of before)
      if (atom !== undefined) this.#atoms[placeOf(atom.hash, this.#atoms)] = atom
  }
}

const placeOf = (hash: number, { length }: { readonly length: number }): number => (hash ^ (hash >>> 15)) & (length - 1)

const places = (number: number): (Atom | undefined)[] => new Array<Atom | undefined>(number).fill(undefined)

function isText(text: string, bytes: Buffer, start: number, length: number, lower: boolean): boolean {
  return lower ? isLowerOf(text, bytes, start, length) : isSame(text, bytes, start, length)
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
