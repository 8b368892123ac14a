/**
 * Where in a large file of lines (users and their passwords) the lines for a name are: eight bytes for each line, nothing
 * of what it says. Lines are as `linesNaming` has them; what is found is to be read and looked at.
 */

/** An offset takes as many bits of a number, the hash of a name the others that it has without a fraction. */
const OFFSET_BITS = 28
const OFFSETS = 2 ** OFFSET_BITS
const HASH_SHIFT = 8

const NUL = 0, NEWLINE = 0x0a, HASH_SIGN = 0x23, COLON = 0x3a, BACKSLASH = 0x5c

/** C's isspace. */
const isBlank = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)

/** FNV-1a, of as many bits as there is room for. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> HASH_SHIFT
}

export class LineIndex {
  /** Hashes with the offsets of their lines, in order. */
  readonly #rows: Float64Array

  private constructor(rows: Float64Array) {
    this.#rows = rows
  }

  /** @returns undefined for a file that it cannot be made of: one with joined lines, or too large */
  static of(content: Buffer): LineIndex | undefined {
    if (content.length >= OFFSETS || content.includes(BACKSLASH)) return undefined
    const rows: number[] = []
    for (let start = 0, end = 0; start < content.length; start = end + 1) {
      const at = content.indexOf(NEWLINE, start)
      end = at < 0 ? content.length : at
      const row = rowOf(content, start, end)
      if (row >= 0) rows.push(row)
    }
    return new LineIndex(Float64Array.from(rows).sort())
  }

  get lines(): number {
    return this.#rows.length
  }

  /** Where lines begin that may be those for a name, in the order of the file. @param name without a colon */
  offsetsOf(name: Uint8Array): number[] {
    const hash = hashOf(name, 0, name.length)
    const rows = this.#rows
    const offsets: number[] = []
    for (let i = this.#first(hash * OFFSETS); i < rows.length && Math.floor(rows[i]! / OFFSETS) === hash; i++)
      offsets.push(rows[i]! % OFFSETS)
    return offsets
  }

  /** The first row that is not below. */
  #first(row: number): number {
    let [low, high] = [0, this.#rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#rows[middle]! < row) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** -1 for a line that says nothing. */
function rowOf(content: Buffer, start: number, end: number): number {
  let from = start
  while (from < end && isBlank(content[from]!)) from++
  if (from === end || content[from] === HASH_SIGN) return -1
  let to = from
  while (to < end && content[to] !== COLON && content[to] !== NUL) to++
  // Without a colon the end of the line is that of the name, and blanks there do not count.
  if (content[to] !== COLON || to === end) while (to > from && isBlank(content[to - 1]!)) to--
  return hashOf(content, from, to) * OFFSETS + start
}
