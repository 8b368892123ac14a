/**
 * Says of a directory that a name is certainly not in it, without looking
 * there. One rule: what is not certain is not said, and then the caller looks.
 *
 * A path leads through directories, and by links through others; each of them
 * is watched from before it was looked at. As long as none of them has changed,
 * the path leads to the same directory, and nothing has come into it:
 *
 *   / ─► /a/ ─► /a/b/ (a link to /x/y/) ─► /a/b/c/
 *                  └──► / ─► /x/ ─► /x/y/
 *
 * Where a directory on the way cannot be watched (who may pass through it may
 * not read it), the next one is looked at each time, whether it is the same
 * still: one look, instead of one for each directory below.
 */
import { readlinkSync } from 'node:fs'
import { Errno, Waiting, type ChangeQueue, type Port, type Stat } from '../port/port.ts'
import type { ChangeBoard } from './change_board.ts'

const S_IFMT = 0o170000, S_IFLNK = 0o120000, S_IFDIR = 0o040000
/** Directories known at once; more than that, and all are forgotten. */
const MAX_KNOWN = 16_384
const MAX_LINKS = 40
/** After so many requests it is tried again whether a directory can be watched. */
const RETRY = 1024
/** How often it is taken from the queue before it is left to the next request. */
const TRIES = 4

/** Nothing is certain just now. */
export const UNSURE = -1

interface Dir {
  /** With its slash. */
  readonly path: string
  /** The same without links, if that is known. */
  readonly real: string | undefined
  readonly outer: Dir | undefined
  /** Where the link leads that it is. */
  readonly target: Dir | undefined
  /** Negative: it cannot be watched. */
  readonly watch: number
  readonly mark: number
  /** The directory around it cannot be watched: which one it is, is looked at each time. */
  readonly anchor: { readonly ino: number; readonly dev: number } | undefined
  /** It or one on the way to it is looked at each time. */
  readonly anchored: boolean
  /** The moment after which it is learnt anew. */
  readonly until: number
  /** When it was last found to hold. */
  epoch: number
  moment: number
  /** By names of files: none of them is in it. */
  readonly absent: Map<readonly string[], boolean>
}

const blank = (): Stat => ({ mode: 0, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0, dev: 0, uid: 0 })
const bytesOf = (path: string): Buffer => Buffer.from(`${path}\0`, 'latin1')

export class DirectoryWatch {
  readonly #port: Port
  readonly #board: ChangeBoard
  readonly #queue: ChangeQueue
  readonly #dirs = new Map<string, Dir>()
  readonly #found = blank()
  #epoch = 0
  #moment = 0
  #seq = -1
  #flood = -1
  #links = 0

  /** @param queue this thread's end of the board's queue */
  constructor(port: Port, board: ChangeBoard, queue: ChangeQueue) {
    this.#port = port
    this.#board = board
    this.#queue = queue
  }

  /**
   * To be asked once a request has come, before anything else: what is said after it holds of this moment.
   * @returns a number that is the same while nothing has changed, or UNSURE
   */
  moment(): number {
    this.#moment++
    for (let n = 0; n < TRIES; n++) {
      const waiting = this.#queue.look()
      if (waiting === 0) return this.#upTo(this.#board.seq)
      if (waiting < 0) break
      if (waiting & Waiting.mounts) this.#forget()
      if (waiting & Waiting.changes && !this.#board.drain(this.#queue)) break
    }
    return UNSURE
  }

  #upTo(seq: number): number {
    if (seq & 1) return UNSURE
    if (seq !== this.#seq) {
      this.#seq = seq
      this.#epoch++
      const { flood } = this.#board
      if (flood !== this.#flood) this.#forget()
      this.#flood = flood
    }
    return this.#epoch
  }

  #forget(): void {
    this.#dirs.clear()
    this.#epoch++
  }

  /**
   * True if none of the names is in the directory, for certain. Only after `moment` has answered a number.
   * @param directory absolute, with its slash @param names compared as an object
   */
  lacks(directory: string, names: readonly string[]): boolean {
    const dir = this.#dir(directory)
    if (dir.watch < 0) return false
    let absent = dir.absent.get(names)
    if (absent === undefined) {
      absent = this.#looked(dir, names)
      dir.absent.set(names, absent)
    }
    return absent
  }

  /** True if what was said of a directory holds until `moment` answers another number. */
  lasts(directory: string): boolean {
    return this.#dirs.get(directory)?.anchored === false
  }

  #looked({ path }: Dir, names: readonly string[]): boolean {
    // A name with a slash is looked for in another directory.
    if (names.some((name) => name.includes('/'))) return false
    for (const name of names) this.#board.mind(name)
    // The link itself: what one leads to may come to be without any change here.
    return names.every((name) => this.#stat(path + name, false) === -Errno.noent)
  }

  #stat(path: string, follow: boolean): number {
    return this.#port.files.stat(path, this.#found, follow)
  }

  #dir(path: string): Dir {
    const known = this.#dirs.get(path)
    if (known !== undefined && this.#holds(known)) return known
    const outer = path === '/' ? undefined : this.#dir(path.slice(0, path.lastIndexOf('/', path.length - 2) + 1))
    const dir = this.#learn(path, outer)
    if (this.#dirs.size >= MAX_KNOWN) this.#dirs.clear()
    this.#dirs.set(path, dir)
    return dir
  }

  #holds(dir: Dir): boolean {
    if (dir.anchored ? dir.moment === this.#moment : dir.epoch === this.#epoch) return true
    const holds = this.#moment <= dir.until && (dir.outer === undefined || this.#holds(dir.outer)) &&
      (dir.target === undefined || this.#holds(dir.target)) &&
      (dir.watch < 0 || this.#board.mark(dir.watch) === dir.mark) &&
      (dir.anchor === undefined || this.#isStill(dir.path, dir.anchor))
    if (holds) {
      dir.epoch = this.#epoch
      dir.moment = this.#moment
    }
    return holds
  }

  #isStill(path: string, { ino, dev }: { readonly ino: number; readonly dev: number }): boolean {
    return this.#stat(path, true) === 0 && this.#found.ino === ino && this.#found.dev === dev
  }

  // The outer directory is watched already, and its name is minded before it is looked at.
  #learn(path: string, outer: Dir | undefined): Dir {
    if (outer === undefined) return this.#watched({ path, real: '/', outer, target: undefined }, false)
    if (outer.watch < 0) return this.#anchored(path, outer)
    const name = path.slice(outer.path.length, -1)
    this.#board.mind(name)
    if (this.#stat(path.slice(0, -1), false) !== 0) return this.#unwatched(path, outer)
    const kind = this.#found.mode & S_IFMT
    if (kind === S_IFDIR) return this.#watched({ path, real: outer.real && `${outer.real}${name}/`, outer, target: undefined }, outer.anchored)
    const target = kind === S_IFLNK ? this.#target(path, outer) : undefined
    if (target === undefined || target.watch < 0) return this.#unwatched(path, outer)
    const { real, watch, mark } = target
    return this.#made({
      path, real, outer, target, watch, mark, anchor: undefined, anchored: outer.anchored || target.anchored,
    })
  }

  #target(path: string, outer: Dir): Dir | undefined {
    const to = textOf(path.slice(0, -1))
    if (to === undefined || outer.real === undefined || this.#links >= MAX_LINKS) return undefined
    const whole = pathOf(outer.real, to)
    if (whole === undefined) return undefined
    this.#links++
    try {
      return this.#dir(whole)
    } finally {
      this.#links--
    }
  }

  // Watched from before its mark is read, and that before anything is looked for in it.
  #watched(where: Pick<Dir, 'path' | 'real' | 'outer' | 'target'>, anchored: boolean, anchor?: Dir['anchor']): Dir {
    const plain = where.path === '/' ? '/' : where.path.slice(0, -1)
    const watch = this.#board.watch(this.#queue, bytesOf(plain))
    const mark = watch < 0 ? 0 : this.#board.mark(watch)
    return this.#made({ ...where, watch, mark, anchor, anchored })
  }

  #unwatched(path: string, outer: Dir): Dir {
    return this.#made({
      path, real: undefined, outer, target: undefined, watch: -Errno.notdir, mark: 0, anchor: undefined,
      anchored: outer.anchored,
    })
  }

  #anchored(path: string, outer: Dir): Dir {
    // Links on the way are found anew each time, with it.
    const plain = path.slice(0, -1)
    if (this.#stat(plain, false) !== 0 || (this.#found.mode & S_IFMT) !== S_IFDIR) return this.#unwatched(path, outer)
    const { ino, dev } = this.#found
    const dir = this.#watched({ path, real: undefined, outer, target: undefined }, true, { ino, dev })
    // It would be looked at for nothing.
    return dir.watch < 0 ? this.#unwatched(path, outer) : dir
  }

  #made(parts: Omit<Dir, 'epoch' | 'moment' | 'absent' | 'until'>): Dir {
    const until = parts.watch < 0 ? this.#moment + RETRY : Infinity
    return { ...parts, until, epoch: this.#epoch, moment: this.#moment, absent: new Map() }
  }
}

function textOf(link: string): string | undefined {
  try {
    return readlinkSync(Buffer.from(link, 'latin1'), 'latin1')
  } catch {
    return undefined
  }
}

/**
 * Where a link in a directory leads: absolute, with a slash at its end.
 * @param real the directory, without links
 * @returns undefined if `..` follows a name: that might be a link itself
 */
function pathOf(real: string, link: string): string | undefined {
  const parts = link.split('/').filter((part) => part !== '' && part !== '.')
  const up = parts.findLastIndex((part) => part === '..') + 1
  if (parts.slice(0, up).some((part) => part !== '..')) return undefined
  const from = link.startsWith('/') ? [] : real.split('/').filter((part) => part !== '')
  const whole = [...from.slice(0, Math.max(0, from.length - up)), ...parts.slice(up)]
  return whole.length === 0 ? '/' : `/${whole.join('/')}/`
}
