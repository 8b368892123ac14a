/**
 * What is looked up in a file of lines (users and their passwords, groups): found by reading it, kept while it does not
 * change. One rule: a change is seen by the next request, and memory is bounded whatever is asked for.
 *
 * Most files are small, and few users ask often: no index of all users is made, which each thread would have to keep.
 * See ADR 23.
 */
import { readFileSync, statSync, type BigIntStats } from 'node:fs'
import { fsPath } from '../config/include.ts'
import { logicalLines, trimBlanks } from '../config/lexer.ts'

/** Answers kept for each file, and files that they are kept of. */
const MOST_ANSWERS = 1024
const MOST_FILES = 256
/** Bytes. What is larger is not a file that people keep users in. */
const MOST_BYTES = 256 * 1024 * 1024
/** A file that has just been written may be written again without a new time, ms. */
const SETTLED = 100n

interface Known<T> {
  readonly stamp: string
  readonly answers: Map<string, T>
}

/** Too large to be read for each user. */
export class FileTooLarge extends Error {
  constructor(path: string) {
    super(`${path} is larger than ${MOST_BYTES} bytes`)
  }
}

export class FileLookup<T> {
  readonly #find: (content: Buffer, key: string) => T
  readonly #files = new Map<string, Known<T>>()

  /** @param find must not keep `content` */
  constructor(find: (content: Buffer, key: string) => T) {
    this.#find = find
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
    const answer = this.#find(readFileSync(file), key)
    if (isSettled(stat)) this.#keep(path, stamp, key, answer)
    return answer
  }

  #keep(path: string, stamp: string, key: string, answer: T): void {
    let known = this.#files.get(path)
    if (known?.stamp !== stamp) {
      if (this.#files.size >= MOST_FILES) this.#files.clear()
      this.#files.set(path, known = { stamp, answers: new Map() })
    }
    if (known.answers.size >= MOST_ANSWERS) known.answers.clear()
    known.answers.set(key, answer)
  }
}

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
  for (const line of content.includes(BACKSLASH) ? joinedLines(content, word) : plainLines(content, word))
    if (line !== '' && !line.startsWith('#')) yield line
}

function* joinedLines(content: Buffer, word: string): Generator<string> {
  for (const { text } of logicalLines(content.toString('latin1'), Infinity)) if (text.includes(word)) yield text
}

// Without looking at the others: a hundred thousand lines take a few milliseconds.
function* plainLines(content: Buffer, word: string): Generator<string> {
  const wanted = Buffer.from(word, 'latin1')
  for (let at = 0; at < content.length;) {
    const hit = content.indexOf(wanted, at)
    if (hit < 0) return
    const start = hit === 0 ? 0 : content.lastIndexOf(NEWLINE, hit - 1) + 1
    const feed = content.indexOf(NEWLINE, hit)
    const end = feed < 0 ? content.length : feed
    const line = content.toString('latin1', start, end)
    const nul = line.indexOf('\0')
    yield trimBlanks(nul < 0 ? line : line.slice(0, nul))
    at = end + 1
  }
}
