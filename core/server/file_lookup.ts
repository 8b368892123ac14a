/**
 * What is looked up in a file of lines (users and their passwords, groups): found by reading it, kept while it does not
 * change. One rule: a change is seen by the next request, and memory is bounded whatever is asked for.
 *
 * Most files are small, and few users ask often: what is in a file is not kept, only what it has said (ADR 23). Of a large
 * one that is asked for many others, as by somebody who tries names, it is kept where their lines are: eight bytes each.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync, type BigIntStats } from 'node:fs'
import { fsPath } from '../config/include.ts'
import { logicalLines, trimBlanks } from '../config/lexer.ts'
import { LineIndex } from './line_index.ts'

/** Answers kept for each file, and files that they are kept of. */
const MOST_ANSWERS = 1024
const MOST_FILES = 256
/** Bytes. What is larger is not a file that people keep users in. */
const MOST_BYTES = 256 * 1024 * 1024
/** A file that has just been written may be written again without a new time, ms. */
const SETTLED = 100n

/** Bytes: reading so much takes as long as looking at a single line elsewhere. */
const LARGE = 64 * 1024
/** A large file that has been read so often without a change gets an index. */
const READ_OFTEN = 4

interface Known<T> {
  readonly stamp: string
  readonly answers: Map<string, T>
  /** How often it was read, as long as it has no index. */
  reads: number
  index: LineIndex | undefined
}

/** Too large to be read for each user. */
export class FileTooLarge extends Error {
  constructor(path: string) {
    super(`${path} is larger than ${MOST_BYTES} bytes`)
  }
}

export class FileLookup<T> {
  readonly #find: (content: Buffer, key: string) => T
  readonly #nameIn: ((key: string) => string) | undefined
  readonly #files = new Map<string, Known<T>>()

  /**
   * @param find must not keep `content`
   * @param nameIn for a `find` that looks at the lines of one name only (`linesNaming`): the name in the key
   */
  constructor(find: (content: Buffer, key: string) => T, nameIn?: (key: string) => string) {
    this.#find = find
    this.#nameIn = nameIn
  }

  /**
   * Blocks while the file is looked at.
   * @param path one character per byte
   * @throws the system's error if it cannot be read, FileTooLarge
   */
  get(path: string, key: string): T {
    const file = fsPath(path)
    const stat = statSync(file, { bigint: true })
    const known = this.#files.get(path)
    const stamp = stampOf(stat)
    if (known?.stamp === stamp) {
      const answer = known.answers.get(key)
      if (answer !== undefined || known.answers.has(key)) return answer as T
    }
    refuseOdd(path, stat)
    const lines = known?.stamp === stamp && known.index !== undefined ? this.#linesFor(known.index, file, key, stamp) : undefined
    const content = lines ?? readFileSync(file)
    const answer = this.#find(content, key)
    if (isSettled(stat)) this.#keep(path, stamp, key, answer, lines === undefined ? content : undefined)
    return answer
  }

  /** The lines that there may be for a key; undefined if the index cannot tell. */
  #linesFor(index: LineIndex, file: string | Buffer, key: string, stamp: string): Buffer | undefined {
    const name = this.#nameIn!(key)
    if (name.includes(':') || name.includes('\n')) return undefined
    const offsets = index.offsetsOf(Buffer.from(name, 'latin1'))
    if (offsets.length === 0) return Buffer.alloc(0)
    const fd = openSync(file, 'r')
    try {
      // Not if another has come in its place meanwhile.
      if (stampOf(fstatSync(fd, { bigint: true })) !== stamp) return undefined
      return Buffer.concat(offsets.map((offset) => lineFrom(fd, offset)))
    } finally {
      closeSync(fd)
    }
  }

  /** @param content all of it, if it was read */
  #keep(path: string, stamp: string, key: string, answer: T, content: Buffer | undefined): void {
    let known = this.#files.get(path)
    if (known?.stamp !== stamp) {
      if (this.#files.size >= MOST_FILES) this.#files.clear()
      this.#files.set(path, known = { stamp, answers: new Map(), reads: 0, index: undefined })
    }
    if (known.answers.size >= MOST_ANSWERS) known.answers.clear()
    known.answers.set(key, answer)
    if (this.#nameIn !== undefined && content !== undefined && content.length > LARGE && ++known.reads === READ_OFTEN)
      known.index = LineIndex.of(content)
  }
}

/** Bytes read at a time. */
const PIECE = 512

/** The line that begins there, with its end. */
function lineFrom(fd: number, offset: number): Buffer {
  const pieces: Buffer[] = []
  for (let at = offset; ;) {
    const piece = Buffer.allocUnsafe(PIECE)
    const got = readSync(fd, piece, 0, PIECE, at)
    const end = piece.subarray(0, got).indexOf(NEWLINE)
    pieces.push(piece.subarray(0, end < 0 ? got : end + 1))
    if (end >= 0 || got === 0) break
    at += got
  }
  return Buffer.concat([...pieces, LINE_END])
}

const LINE_END = Buffer.from('\n')

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string => `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`

// The time is that of before the file was read.
const isSettled = ({ ctimeMs, mtimeMs }: BigIntStats): boolean => {
  const now = BigInt(Date.now())
  return now - ctimeMs > SETTLED && now - mtimeMs > SETTLED
}

const EBADF = 9

// As Apache: what is no file of bytes would be read for ever, or wait.
function refuseOdd(path: string, stat: BigIntStats): void {
  if (!stat.isFile()) throw Object.assign(new Error(`${path} is not a regular file`), { errno: -EBADF, code: 'EBADF' })
  if (stat.size > BigInt(MOST_BYTES)) throw new FileTooLarge(path)
}

const NEWLINE = 0x0a, BACKSLASH = 0x5c

/**
 * The lines of such a file that have a word in them, in their order, without blanks at either end; none that is empty or
 * begins with `#`. A backslash at the end joins a line with the next (ap_cfg_getline).
 */
export function* linesWith(content: Buffer, word: string): Generator<string> {
  for (const line of content.includes(BACKSLASH) ? allLines(content) : plainLines(content, word))
    if (line.includes(word) && line !== '' && !line.startsWith('#')) yield line
}

/**
 * The same for a word that stands at the beginning, in front of a colon or the end of the line. Clients choose it (the
 * name of a user), so it must not cost more where it is in every line.
 */
export function* linesNaming(content: Buffer, word: string): Generator<string> {
  for (const line of content.includes(BACKSLASH) ? allLines(content) : linesBeginning(content, Buffer.from(word, 'latin1'))) {
    if (!line.startsWith(word) || line === '' || line.startsWith('#')) continue
    if (line.length === word.length || line[word.length] === ':') yield line
  }
}

function* linesBeginning(content: Buffer, word: Buffer): Generator<string> {
  for (let start = 0, end = 0; start < content.length; start = end + 1) {
    end = endOf(content, start)
    if (isBlank(content[start]!) || beginsWith(content, start, word)) yield lineAt(content, start)
  }
}

const COLON = 0x3a, BLANK = 0x20

const isBlank = (byte: number): boolean => byte <= BLANK

/** With the word, and then a colon or what may be the end of the line. */
function beginsWith(content: Buffer, start: number, word: Buffer): boolean {
  for (let i = 0; i < word.length; i++) if (content[start + i] !== word[i]) return false
  const next = content[start + word.length]
  return next === undefined || next === COLON || isBlank(next)
}

function* allLines(content: Buffer): Generator<string> {
  for (const { text } of logicalLines(content.toString('latin1'), Infinity)) yield text
}

// Without looking at the others: a hundred thousand lines take a few milliseconds.
function* plainLines(content: Buffer, word: string): Generator<string> {
  const wanted = Buffer.from(word, 'latin1')
  for (let at = 0; at < content.length;) {
    const hit = content.indexOf(wanted, at)
    if (hit < 0) return
    yield lineAt(content, hit === 0 ? 0 : content.lastIndexOf(NEWLINE, hit - 1) + 1)
    at = endOf(content, hit) + 1
  }
}

function lineAt(content: Buffer, start: number): string {
  const line = content.toString('latin1', start, endOf(content, start))
  const nul = line.indexOf('\0')
  return trimBlanks(nul < 0 ? line : line.slice(0, nul))
}

function endOf(content: Buffer, from: number): number {
  const end = content.indexOf(NEWLINE, from)
  return end < 0 ? content.length : end
}
