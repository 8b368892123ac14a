/**
 * .htaccess files as requests meet them. That a file is not there is known
 * from watching its directory; one that is there is read when first asked for,
 * and kept while a look at it says that it is still the same. Both are gone by
 * the next request after a change on disk.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { HtaccessFile, type HtaccessFault, type HtaccessInput } from '../config/htaccess.ts'
import type { HtaccessAbsence, HtaccessAccess, HtaccessSource } from '../config/resolve.ts'
import type { Rights } from '../config/rights.ts'
import type { ConfigVector } from '../config/settings.ts'
import type { Override } from '../config/where.ts'
import { describeErrno, Errno, type Memory, type Port } from '../port/port.ts'
import { ChangeBoard } from './change_board.ts'
import { dirCore } from './core_settings.ts'
import { DirectoryWatch, UNSURE } from './directory_watch.ts'
import type { FileCache, FileEntry } from './file_cache.ts'

const S_IFMT = 0o170000, S_IFSOCK = 0o140000
/** A file changed this recently (ms) may change again without its time stamp moving: its text is read again. */
const SETTLED = 2000
/** Longest .htaccess file, in bytes. */
const MAX_TEXT = 16 * 1024 * 1024
const PIECE = 64 * 1024

/** What the requests of one thread share of .htaccess files, whichever server they are for. */
export class HtaccessFiles {
  readonly #files: FileCache
  readonly #port: Port
  readonly absence: HtaccessAbsence
  #piece: Memory | undefined

  /** @param note is told, once in the process, why directories are not watched */
  constructor(port: Port, files: FileCache, note: HtaccessInput['note']) {
    this.#files = files
    this.#port = port
    this.absence = new LateAbsence(() => watchOf(port, (errno) =>
      note('notice', `SY00079: (${errno}) ${describeErrno(errno)}: Cannot watch directories: each request looks for ` +
        'each .htaccess file (see fs.inotify.max_user_instances)')))
  }

  read(path: string, input: HtaccessInput): HtaccessFile | HtaccessFault | undefined {
    const entry = this.#files.look(path)
    return entry.result < 0 ? failed(entry) : this.#kept(entry, input)
  }

  #kept(entry: FileEntry, input: HtaccessInput): HtaccessFile | HtaccessFault | undefined {
    if (entry.type !== 'file') return irregular(entry)
    // The entry forgets it when the file changes.
    let kept = entry.htaccess instanceof KeptText ? entry.htaccess : undefined
    if (kept === undefined || !kept.settled) {
      const settled = Date.now() - Math.max(entry.ctimeMs, entry.mtimeMs) >= SETTLED
      const text = this.#text(entry)
      if (typeof text !== 'string') return text
      entry.htaccess = kept = kept?.text === text ? kept : new KeptText(entry.path, text)
      kept.settled = settled
    }
    return kept.under(input)
  }

  // Through the port: opening never waits, whatever has taken the file's place since it was looked at.
  #text(entry: FileEntry): string | HtaccessFault {
    const { files, host } = this.#port
    const fd = files.open(entry.path)
    if (fd < 0) return unreadable(entry, -fd)
    const piece = (this.#piece ??= host.memory(PIECE))
    let text = ''
    try {
      for (;;) {
        const got = files.pread(fd, piece, 0, PIECE, text.length)
        if (got < 0) return unreadable(entry, -got)
        if (got === 0) return text
        text += piece.bytes.toString('latin1', 0, got)
        if (text.length > MAX_TEXT) return { fault: `SY00090: ${entry.path}: Cannot use a file of more than ${MAX_TEXT} bytes` }
      }
    } finally {
      files.close(fd)
    }
  }
}

/** The text of a file, and what it means to each server. */
class KeptText {
  readonly text: string
  /** Read when the file had not changed for a while: a change from then on moves its time stamp. */
  settled = false
  readonly #path: string
  readonly #files = new Map<HtaccessInput, HtaccessFile>()

  constructor(path: string, text: string) {
    this.#path = path
    this.text = text
  }

  under(input: HtaccessInput): HtaccessFile {
    let file = this.#files.get(input)
    if (file === undefined) this.#files.set(input, (file = new HtaccessFile(this.#path, this.text, input)))
    return file
  }
}

/** .htaccess for the requests of one server. */
export function htaccessAccess(files: HtaccessFiles, names: readonly string[], input: HtaccessInput): HtaccessAccess {
  const read: HtaccessSource['read'] = (directory) => {
    for (const name of names) {
      const found = files.read(directory + name, input)
      if (found !== undefined) return found
    }
    return undefined
  }
  return { source: { read, absence: files.absence }, names, rights }
}

/** A watch that is made when a request first needs it: most servers have no use for one. */
class LateAbsence implements HtaccessAbsence {
  readonly #make: () => DirectoryWatch | undefined
  #watch: DirectoryWatch | undefined
  #made = false

  constructor(make: () => DirectoryWatch | undefined) {
    this.#make = make
  }

  moment(): number {
    if (!this.#made) {
      this.#made = true
      this.#watch = this.#make()
    }
    return this.#watch === undefined ? UNSURE : this.#watch.moment()
  }

  lacks(directory: string, names: readonly string[]): boolean {
    return this.#watch!.lacks(directory, names)
  }

  lasts(directory: string): boolean {
    return this.#watch!.lasts(directory)
  }
}

const BOARD = 'httpd: changes of directories'

/** Makes room for what the threads of this process share: before the first of them is started. */
export function shareWatches(): void {
  if (getEnvironmentData(BOARD) === undefined)
    setEnvironmentData(BOARD, new SharedArrayBuffer(ChangeBoard.bytes))
}

function watchOf(port: Port, failed: (errno: number) => void): DirectoryWatch | undefined {
  const memory = getEnvironmentData(BOARD)
  if (!(memory instanceof SharedArrayBuffer)) return undefined
  const board = new ChangeBoard(memory, port.changes)
  const queue = board.attach(failed)
  return queue && new DirectoryWatch(port, board, queue)
}

/** What is not there is fine; what cannot be looked at might forbid something, so the request is refused. */
function failed(entry: FileEntry): HtaccessFault | undefined {
  if (entry.result === -Errno.noent || entry.result === -Errno.notdir) return undefined
  return unreadable(entry, -entry.result)
}

const unreadable = ({ path }: FileEntry, errno: number): HtaccessFault => ({
  fault: `AH00529: ${path} pcfg_openfile: unable to check htaccess file, ensure it is readable and that '${path.slice(0, path.lastIndexOf('/') + 1)}' is executable`,
  status: 403, level: 'crit', errno,
})

/** What is no file. It is never opened: a FIFO might keep the thread waiting. */
function irregular(entry: FileEntry): HtaccessFault {
  if ((entry.mode & S_IFMT) === S_IFSOCK) return unreadable(entry, Errno.nxio)
  return {
    ...unreadable(entry, Errno.badf),
    first: `AH00554: Access to file ${entry.path} denied by server: not a regular file`,
  }
}

function rights(vector: ConfigVector): Rights {
  const core = vector.holds(dirCore)
  return {
    overrides: core.allowOverride as readonly Override[], list: core.allowOverrideList,
    options: core.allowOverrideOptions,
    nonfatalOverride: core.nonfatalOverride, nonfatalUnknown: core.nonfatalUnknown,
  }
}
