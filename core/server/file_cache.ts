/**
 * Looks at files, at most once per turn of the event loop for each path, and
 * keeps descriptors and small contents between turns for as long as the look
 * says that it is still the same file.
 */
import type { FileInfo } from '../hook/types.ts'
import { Errno, type Fd, type Memory, type Port, type Stat } from '../port/port.ts'

const S_IFMT = 0o170000, S_IFREG = 0o100000, S_IFDIR = 0o040000, S_IFLNK = 0o120000
/** Files up to this size are kept in memory, larger ones open. */
const SMALL = 16 * 1024
/** What an entry takes in memory besides its path, about, and how often it has the path. */
const ENTRY_BYTES = 600
const PATH_COPIES = 2
/** Paths above this many bytes are kept only while there is something of their files to keep. */
const LONG = 1024
const MAX_OPEN = 512
/** A file changed this recently (ms) may change again without its time stamp moving: do not keep its content. */
const SETTLED = 2000

export class OpenFile {
  readonly fd: Fd
  #users = 1
  readonly #close: (fd: Fd) => void

  constructor(fd: Fd, close: (fd: Fd) => void) {
    this.fd = fd
    this.#close = close
  }

  hold(): this {
    this.#users++
    return this
  }

  release(): void {
    if (--this.#users === 0) this.#close(this.fd)
  }
}

/** What is known of one path. */
export class FileEntry implements FileInfo {
  readonly path: string
  /** 0 or a negative errno. */
  result = 0
  type: FileInfo['type'] = 'none'
  size = 0
  mtimeMs = 0
  ctimeMs = 0
  ino = 0
  dev = 0
  mode = 0
  uid = 0
  checkedAt = -1
  file: OpenFile | undefined
  content: Buffer | undefined
  /** Whether the path itself is a symbolic link, and in which turn that was looked up. */
  isLink = false
  linkCheckedAt = -1
  /** The cache has it; if not, it may have another one for the same path. */
  isKept = false
  /** What holds it, for whoever needs that again. */
  parent: FileEntry | undefined
  /** For whoever renders headers of this file: forgotten when the file changes. */
  rendered: unknown
  /** The same for whoever reads it as .htaccess. */
  htaccess: unknown
  /** Which sections hold for it; see Resolver. */
  plan: unknown

  constructor(path: string) {
    this.path = path
  }
}

/** What is known of nothing. */
export const NO_FILE: FileInfo = Object.freeze({ type: 'none', size: 0, mtimeMs: 0, ino: 0, mode: 0 })

export class FileCache {
  readonly #port: Port
  readonly #entries = new Map<string, FileEntry>()
  /** Entries with a descriptor, oldest first. */
  readonly #opened = new Set<FileEntry>()
  readonly #found: Stat = { mode: 0, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0, dev: 0, uid: 0 }
  readonly #scratch: Memory
  readonly #budget: number
  #bytes = 0
  #turn = 0
  #turns = 0

  /** @param budget bytes of memory that entries and contents may take, about */
  constructor(port: Port, budget: number) {
    this.#port = port
    this.#budget = budget
    this.#scratch = port.host.memory(SMALL)
  }

  /** A turn begins: what was seen before may be out of date. */
  beginTurn(): void {
    this.#turn = ++this.#turns
  }

  /** Until the next one begins every look is a new one. */
  endTurn(): void {
    this.#turn = NaN
  }

  /** @param path absolute, one character per byte */
  look(path: string): FileEntry {
    let entry = this.#entries.get(path)
    if (entry === undefined) {
      entry = new FileEntry(path)
      // A very long one is hardly asked for twice, but anybody can ask for many.
      if (path.length <= LONG) this.#add(entry)
    }
    return this.lookAgain(entry)
  }

  /** As `look` for the path of an entry that somebody has held on to. */
  lookAgain(entry: FileEntry): FileEntry {
    if (entry.checkedAt !== this.#turn) this.#check(entry)
    return entry
  }

  /** A link itself, uncached: for Options without FollowSymLinks. */
  lookAtLink(path: string, into: Stat): number {
    return this.#port.files.stat(path, into, false)
  }

  /** Whether the path of an entry is itself a link, also one that leads nowhere. */
  isLink(entry: FileEntry): boolean {
    if (entry.linkCheckedAt !== this.#turn) {
      entry.linkCheckedAt = this.#turn
      entry.isLink = this.#port.files.stat(entry.path, this.#found, false) === 0 &&
        (this.#found.mode & S_IFMT) === S_IFLNK
    }
    return entry.isLink
  }

  /** Opens the file of an entry, or answers a negative errno. The entry keeps it; whoever sends it holds it. */
  open(entry: FileEntry): OpenFile | number {
    if (entry.file !== undefined) return entry.file
    const fd = this.#open(entry)
    return fd < 0 ? fd : this.#keepOpen(entry, fd)
  }

  /**
   * What is to be sent of a file: the whole content of a small one, else the open file; or a negative errno. What the
   * entry says is brought into line with what was opened: the path may lead elsewhere since it was looked at.
   */
  source(entry: FileEntry, nowMs: number): Buffer | OpenFile | number {
    return entry.content ?? entry.file ?? this.#load(entry, nowMs)
  }

  #load(entry: FileEntry, nowMs: number): Buffer | OpenFile | number {
    const { files } = this.#port
    const fd = this.#open(entry)
    if (fd < 0) return fd
    if (entry.size > SMALL || nowMs - Math.max(entry.ctimeMs, entry.mtimeMs) < SETTLED) return this.#keepOpen(entry, fd)
    const got = files.pread(fd, this.#scratch, 0, SMALL, 0)
    // Somebody is writing to it.
    if (this.#learnOpen(entry, fd) || got !== entry.size) return this.#keepOpen(entry, fd)
    files.close(fd)
    entry.content = Buffer.from(this.#scratch.bytes.subarray(0, got))
    this.#bytes += got
    if (this.#bytes > this.#budget) this.#evict(entry)
    return entry.content
  }

  #open(entry: FileEntry): number {
    const { files } = this.#port
    this.#keepEntry(entry)
    const fd = files.open(entry.path)
    if (fd < 0) return fd
    this.#learnOpen(entry, fd)
    if (entry.type === 'file') return fd
    files.close(fd)
    return -Errno.acces
  }

  #keepOpen(entry: FileEntry, fd: Fd): OpenFile {
    this.#opened.add(entry)
    if (this.#opened.size > MAX_OPEN) this.#closeSome(entry)
    return (entry.file = new OpenFile(fd, (old) => this.#port.files.close(old)))
  }

  /** True if it is not what the entry was about. */
  #learnOpen(entry: FileEntry, fd: Fd): boolean {
    return this.#port.files.statOpen(fd, this.#found) === 0 && this.#learn(entry, this.#found)
  }

  #add(entry: FileEntry): void {
    this.#entries.set(entry.path, entry)
    entry.isKept = true
    this.#bytes += costOf(entry)
    if (this.#bytes > this.#budget) this.#evict(entry)
  }

  // It may have gone while somebody held on to it; what it holds from now on must be given back some day.
  #keepEntry(entry: FileEntry): void {
    const kept = this.#entries.get(entry.path)
    if (kept === entry) return
    if (kept !== undefined) this.#remove(kept)
    this.#add(entry)
  }

  #remove(entry: FileEntry): void {
    this.#forget(entry)
    this.#entries.delete(entry.path)
    entry.isKept = false
    this.#bytes -= costOf(entry)
  }

  #check(entry: FileEntry): void {
    entry.checkedAt = this.#turn
    const result = this.#port.files.stat(entry.path, this.#found, true)
    if (result === 0) this.#learn(entry, this.#found)
    else if (result !== entry.result) {
      this.#forget(entry)
      entry.result = result
      entry.type = 'none'
    }
  }

  /** True if it is another file than before, or was changed. */
  #learn(entry: FileEntry, found: Stat): boolean {
    if (entry.ino === found.ino && entry.dev === found.dev && entry.size === found.size &&
        entry.mtimeMs === found.mtimeMs && entry.ctimeMs === found.ctimeMs && entry.result === 0) return false
    this.#forget(entry)
    entry.result = 0
    const kind = found.mode & S_IFMT
    entry.type = kind === S_IFREG ? 'file' : kind === S_IFDIR ? 'directory' : 'other'
    entry.size = found.size
    entry.mtimeMs = found.mtimeMs
    entry.ctimeMs = found.ctimeMs
    entry.ino = found.ino
    entry.dev = found.dev
    entry.mode = found.mode
    entry.uid = found.uid
    return true
  }

  #forget(entry: FileEntry): void {
    this.#closeFile(entry)
    if (entry.content !== undefined) this.#bytes -= entry.content.length
    entry.content = entry.rendered = entry.htaccess = entry.plan = undefined
  }

  #closeFile(entry: FileEntry): void {
    if (entry.file === undefined) return
    this.#opened.delete(entry)
    entry.file.release()
    entry.file = undefined
  }

  // What was added first goes, until a quarter is free: a Map keeps the order in which its keys were added.
  #evict(keep: FileEntry): void {
    const enough = this.#budget * 3 / 4
    for (const entry of this.#entries.values()) {
      if (this.#bytes <= enough) break
      if (entry !== keep) this.#remove(entry)
    }
  }

  #closeSome(keep: FileEntry): void {
    let left = MAX_OPEN / 4
    for (const entry of this.#opened) {
      if (left-- <= 0) break
      if (entry !== keep) this.#closeFile(entry)
    }
  }
}

const costOf = ({ path }: FileEntry): number => ENTRY_BYTES + PATH_COPIES * path.length

/** The status that a failed look at a file means (Apache's directory walk). */
export const statusOfErrno = (result: number): number =>
  result === -Errno.noent || result === -Errno.notdir ? 404
  : result === -Errno.acces || result === -Errno.perm || result === -Errno.loop ? 403
  : result === -Errno.nametoolong ? 403 : 500
