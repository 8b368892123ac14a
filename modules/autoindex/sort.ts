/* The order of a listing. */
import type { Key } from './settings.ts'

/** A row of the listing. */
export interface Entry {
  /** With a slash at its end for a directory; with one at its front only the parent directory. */
  readonly name: string
  readonly icon: string | undefined
  readonly alt: string | undefined
  readonly description: string | undefined
  /** Milliseconds since 1970, with a fraction; -1: not known. */
  readonly modified: number
  /** Bytes; -1: none to speak of. */
  readonly size: number
  /** It stands with the directories, in front (FoldersFirst). */
  readonly isFolder: boolean
}

export interface Order {
  readonly key: Key
  readonly ascending: boolean
  readonly versions: boolean
  readonly ignoreCase: boolean
}

/** In place. */
export function sortEntries(entries: Entry[], order: Order): Entry[] {
  const parents = entries.filter(isParent)
  const folders = entries.filter((entry) => entry.isFolder && !isParent(entry))
  const others = entries.filter((entry) => !entry.isFolder && !isParent(entry))
  let at = 0
  for (const part of [parents, sorted(folders, order), sorted(others, order)]) for (const entry of part) entries[at++] = entry
  return entries
}

const isParent = ({ name }: Entry): boolean => name.startsWith('/')

function sorted(entries: Entry[], order: Order): Entry[] {
  if (order.key === 'N' && !order.versions) return byNames(entries, order)
  const byKey = comparing(order)
  return entries.sort(order.ascending ? byKey : (a, b) => byKey(b, a))
}

/** A row, and what decides about its place. */
interface Placed {
  readonly entry: Entry
  readonly text: string
  /** The first bytes in which the texts differ. */
  readonly start: number
}

/** So many bytes are a number without a fraction. */
const START_BYTES = 6

// The usual order, of any number of files: numbers compare faster than texts.
function byNames(entries: readonly Entry[], { ignoreCase, ascending }: Order): Entry[] {
  const texts = entries.map(({ name }) => (ignoreCase ? lower(name) : name))
  const shared = sharedStart(texts)
  const placed = entries.map((entry, i): Placed => ({ entry, text: texts[i]!, start: numberAt(texts[i]!, shared) }))
  placed.sort((a, b) => a.start - b.start || bytes(a.text, b.text) || bytes(a.entry.name, b.entry.name))
  if (!ascending) placed.reverse()
  return placed.map(({ entry }) => entry)
}

/** How many characters all texts begin with in common. */
function sharedStart([first = '', ...others]: readonly string[]): number {
  let length = first.length
  for (const text of others) {
    let same = 0
    while (same < length && text.charCodeAt(same) === first.charCodeAt(same)) same++
    length = same
  }
  return length
}

function numberAt(text: string, from: number): number {
  let number = 0
  for (let i = from; i < from + START_BYTES; i++) number = number * 256 + at(text, i)
  return number
}

type Compare = (a: Entry, b: Entry) => number

// What the column does not decide, the names do.
function comparing({ key, versions, ignoreCase }: Order): Compare {
  const names = comparingNames(versions, ignoreCase)
  const texts = versions ? (a: string, b: string) => naturally(a, b, false) : bytes
  switch (key) {
    case 'M': return (a, b) => a.modified - b.modified || names(a, b)
    case 'S': return (a, b) => a.size - b.size || names(a, b)
    case 'D': return (a, b) => texts(a.description ?? '', b.description ?? '') || names(a, b)
    case 'N': return names
  }
}

function comparingNames(versions: boolean, ignoreCase: boolean): Compare {
  return ({ name: a }, { name: b }) =>
    (versions && ((ignoreCase && naturally(a, b, true)) || naturally(a, b, false))) ||
    (ignoreCase && bytes(lower(a), lower(b))) || bytes(a, b)
}

const bytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const isSpace = (code: number): boolean => code === 0x20 || (code >= 9 && code <= 13)
const ZERO = 0x30
/** What stands behind the end of a text. */
const END = 0
const at = (text: string, i: number): number => (i < text.length ? text.charCodeAt(i) : END)
const upper = (code: number): number => (code >= 0x61 && code <= 0x7a ? code - 0x20 : code)

/** Numbers in the texts compare by value: `file9` before `file10`; with a zero in front they compare as fractions do. */
export function naturally(a: string, b: string, ignoreCase: boolean): number {
  for (let i = 0, j = 0; ; i++, j++) {
    while (isSpace(at(a, i))) i++
    while (isSpace(at(b, j))) j++
    let x = at(a, i), y = at(b, j)
    if (isDigit(x) && isDigit(y)) {
      const verdict = x === ZERO || y === ZERO ? compareFractions(a, i, b, j) : compareNumbers(a, i, b, j)
      if (verdict !== 0) return verdict
      // Digit by digit the same: what follows decides.
      while (isDigit(at(a, i + 1))) { i++; j++ }
      continue
    }
    if (x === END && y === END) return 0
    if (ignoreCase) { x = upper(x); y = upper(y) }
    if (x !== y) return x < y ? -1 : 1
  }
}

/** The longer one is larger; of two of a length the first digit that differs decides. */
function compareNumbers(a: string, i: number, b: string, j: number): number {
  let bias = 0
  for (; ; i++, j++) {
    const x = at(a, i), y = at(b, j)
    if (!isDigit(x) && !isDigit(y)) return bias
    if (!isDigit(x)) return -1
    if (!isDigit(y)) return 1
    if (bias === 0 && x !== y) bias = x < y ? -1 : 1
  }
}

/** Digits behind a point: the first that differs decides, then the shorter one is smaller. */
function compareFractions(a: string, i: number, b: string, j: number): number {
  for (; ; i++, j++) {
    const x = at(a, i), y = at(b, j)
    if (!isDigit(x) && !isDigit(y)) return 0
    if (!isDigit(x)) return -1
    if (!isDigit(y)) return 1
    if (x !== y) return x < y ? -1 : 1
  }
}
