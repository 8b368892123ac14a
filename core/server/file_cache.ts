/**
 * Looks at files, at most once per turn of the event loop for each path, and
 * keeps descriptors and small contents between turns for as long as the look
 * says that it is still the same file.
 */
import type { FileInfo } from '../hook/types.ts'
import { Errno, type Fd, type Memory, type Port, type Stat } from '../port/port.ts'

const S_IFMT = 0o170000, S_IFREG = 0o100000, S_IFDIR = 0o040000
/** Files up to this size are kept in memory once asked for again. */
const SMALL = 16 * 1024
const SMALL_TOTAL = 8 * 1024 * 1024
const MAX_ENTRIES = 4096
/** Paths above this many bytes are kept only while their files are open. */
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
  readonly pathBytes: Buffer
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
  uses = 0
  /** For whoever renders headers of this file: forgotten when the file changes. */
  rendered: unknown
  /** The same for whoever reads it as .htaccess. */
  htaccess: unknown

  constructor(path: string) {
    this.path = path
    // Memory of its own: a piece of node's pool would keep 8 KiB for each path that was ever asked for.
    this.pathBytes = Buffer.allocUnsafeSlow(path.length + 1)
    this.pathBytes.write(`${path}\0`, 'latin1')
  }
}

/** What is known of nothing. */
export const NO_FILE: FileInfo = Object.freeze({ type: 'none', size: 0, mtimeMs: 0, ino: 0, mode: 0 })

export class FileCache {
  readonly #port: Port
  readonly #entries = new Map<string, FileEntry>()
  readonly #found: Stat = { mode: 0, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0, dev: 0, uid: 0 }
  readonly #scratch: Memory
  #turn = 0
  #open = 0
  #contentBytes = 0

  constructor(port: Port) {
    this.#port = port
    this.#scratch = port.host.memory(SMALL)
  }

  /** A turn begins: what was seen before may be out of date. */
  beginTurn(): void {
    this.#turn++
  }

  /** @param path absolute, one character per byte */
  look(path: string): FileEntry {
    let entry = this.#entries.get(path)
    if (entry === undefined) {
      if (this.#entries.size >= MAX_ENTRIES) this.#evict()
      entry = new FileEntry(path)
      // A very long one is hardly asked for twice, but anybody can ask for many.
      if (path.length <= LONG) this.#entries.set(path, entry)
    }
    if (entry.checkedAt !== this.#turn) this.#check(entry)
    return entry
  }

  /** A link itself, uncached: for Options without FollowSymLinks. */
  lookAtLink(path: string, into: Stat): number {
    return this.#port.files.stat(Buffer.from(`${path}\0`, 'latin1'), into, false)
  }

  /** Opens the file of an entry, or answers a negative errno. The entry keeps it; whoever sends it holds it. */
  open(entry: FileEntry): OpenFile | number {
    if (entry.file !== undefined) return entry.file
    this.#keepEntry(entry)
    const fd = this.#port.files.open(entry.pathBytes)
    if (fd < 0) return fd
    if (++this.#open > MAX_OPEN) this.#closeSome(entry)
    return (entry.file = new OpenFile(fd, (old) => this.#port.files.close(old)))
  }

  /** The whole content of a small file that is asked for repeatedly, if it may be kept in memory. */
  content(entry: FileEntry, nowMs: number): Buffer | undefined {
    if (entry.content !== undefined) return entry.content
    if (entry.size > SMALL || ++entry.uses < 2 || nowMs - Math.max(entry.ctimeMs, entry.mtimeMs) < SETTLED) return undefined
    const file = this.open(entry)
    if (typeof file === 'number') return undefined
    const got = this.#port.files.pread(file.fd, this.#scratch, 0, SMALL, 0)
    if (got !== entry.size) return undefined
    if (this.#contentBytes + got > SMALL_TOTAL) this.#dropContents()
    this.#contentBytes += got
    return (entry.content = Buffer.from(this.#scratch.bytes.subarray(0, got)))
  }

  // It may have gone while somebody held on to it; what it holds from now on must be given back some day.
  #keepEntry(entry: FileEntry): void {
    const kept = this.#entries.get(entry.path)
    if (kept === entry) return
    if (kept !== undefined) this.#forget(kept)
    this.#entries.set(entry.path, entry)
  }

  #check(entry: FileEntry): void {
    entry.checkedAt = this.#turn
    const found = this.#found
    const result = this.#port.files.stat(entry.pathBytes, found, true)
    if (result < 0) {
      this.#forget(entry)
      entry.result = result
      entry.type = 'none'
      return
    }
    if (entry.ino === found.ino && entry.dev === found.dev && entry.size === found.size &&
        entry.mtimeMs === found.mtimeMs && entry.ctimeMs === found.ctimeMs && entry.result === 0) return
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
  }

  #forget(entry: FileEntry): void {
    if (entry.file !== undefined) this.#open--
    entry.file?.release()
    if (entry.content !== undefined) this.#contentBytes -= entry.content.length
    entry.file = entry.content = entry.rendered = entry.htaccess = undefined
    entry.uses = 0
  }

  // The oldest quarter goes: a Map keeps the order in which its keys were added.
  #evict(): void {
    let left = MAX_ENTRIES / 4
    for (const [path, entry] of this.#entries) {
      if (left-- <= 0) break
      this.#forget(entry)
      this.#entries.delete(path)
    }
  }

  #closeSome(keep: FileEntry): void {
    let left = MAX_OPEN / 4
    for (const entry of this.#entries.values()) {
      if (left <= 0) break
      if (entry.file === undefined || entry === keep) continue
      entry.file.release()
      entry.file = undefined
      this.#open--
      left--
    }
  }

  #dropContents(): void {
    for (const entry of this.#entries.values()) entry.content = undefined
    this.#contentBytes = 0
  }
}

/** The status that a failed look at a file means (Apache's directory walk). */
export const statusOfErrno = (result: number): number =>
  result === -Errno.noent || result === -Errno.notdir ? 404
  : result === -Errno.acces || result === -Errno.perm || result === -Errno.loop ? 403
  : result === -Errno.nametoolong ? 403 : 500
