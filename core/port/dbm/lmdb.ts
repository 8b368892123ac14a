/**
 * LMDB, through the package lmdb, which is loaded when the first database is opened. A file is mapped into memory and
 * believed: what can be told from outside (its kind, its length) is looked at first, and who made it must be trusted.
 */
import {
  chmodSync, closeSync, copyFileSync, existsSync, fchmodSync, fchownSync, fstatSync, fsyncSync, mkdtempSync, openSync, readSync,
  realpathSync, renameSync, rmSync, statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Lmdb from 'lmdb'
import { DbmError } from './error.ts'
import { lockFile } from './lock.ts'
import type { Dbm, DbmKind, WritableDbm } from './dbm.ts'

export type Store = Lmdb.RootDatabase<Buffer, Buffer>

/** Where things stand in the two pages that a file begins with; bytes. */
const MAGIC_AT = 24, VERSION_AT = 28, PAGE_SIZE_AT = 48, LAST_PAGE_AT = 144, TURN_AT = 152, HEAD = 160
const MAGIC = 0xbeefc0de
const VERSION = 2
/** Longer keys are refused by the library. */
export const MOST_KEY = 1978

let library: typeof Lmdb | undefined

function load(): typeof Lmdb {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded by the few who need it, at once
    return (library ??= require('lmdb') as typeof Lmdb)
  } catch (error) {
    throw new DbmError(`the package lmdb cannot be loaded: ${(error as Error).message.split('\n', 1)[0]!}`)
  }
}

const BYTES = { noSubdir: true, encoding: 'binary', keyEncoding: 'binary', compression: false } as const

/** Threads of all processes that read at the same time; 64 bytes each. */
const MOST_READERS = 8192

/** Opens one that several processes change at the same time, or makes it. Nothing of it is certain to be on the disk. */
export const openStore = (path: string): Store =>
  load().open<Buffer, Buffer>({ ...BYTES, path, noSync: true, maxReaders: MOST_READERS })

interface Head { readonly turn: bigint; readonly lastPage: bigint; readonly pageSize: number }

function headAt(fd: number, at: number): Head | undefined {
  const bytes = Buffer.alloc(HEAD)
  if (readSync(fd, bytes, 0, HEAD, at) < HEAD) return undefined
  if (bytes.readUInt32LE(MAGIC_AT) !== MAGIC || bytes.readUInt32LE(VERSION_AT) !== VERSION) return undefined
  return {
    turn: bytes.readBigUInt64LE(TURN_AT), lastPage: bytes.readBigUInt64LE(LAST_PAGE_AT), pageSize: bytes.readUInt32LE(PAGE_SIZE_AT),
  }
}

/** @throws DbmError for a file that the library would fall over */
function check(path: string): void {
  const fd = openSync(path, 'r')
  try {
    const first = headAt(fd, 0)
    const second = first && headAt(fd, first.pageSize)
    if (first === undefined || second === undefined) throw new DbmError('it is not a database of type LMDB')
    const { lastPage, pageSize } = first.turn > second.turn ? first : second
    if (BigInt(fstatSync(fd).size) < (lastPage + 1n) * BigInt(pageSize)) throw new DbmError('it is cut off')
  } finally {
    closeSync(fd)
  }
}

class LmdbFile implements WritableDbm {
  readonly #store: Store
  readonly #finish: (keep: boolean) => void

  constructor(store: Store, finish: (keep: boolean) => void) {
    this.#store = store
    this.#finish = finish
  }

  get(key: Uint8Array): Buffer | undefined {
    if (key.length === 0 || key.length > MOST_KEY) return undefined
    const found = this.#store.getBinary(Buffer.from(key))
    return found && Buffer.from(found)
  }

  * entries(): Iterable<readonly [Buffer, Buffer]> {
    for (const { key, value } of this.#store.getRange()) yield [Buffer.from(key), Buffer.from(value)]
  }

  put(key: Uint8Array, value: Uint8Array): void {
    if (key.length === 0 || key.length > MOST_KEY) throw new DbmError(`a key has 1 to ${MOST_KEY} bytes`)
    this.#store.putSync(Buffer.from(key), Buffer.from(value))
  }

  remove(key: Uint8Array): boolean {
    return this.#store.removeSync(Buffer.from(key))
  }

  close(): void {
    void this.#store.close()
    this.#finish(true)
  }

  abandon(): void {
    void this.#store.close()
    this.#finish(false)
  }
}

/** The file, once nobody else is about to replace it; whoever waited for one that was replaced begins anew. */
function locked(target: string): number {
  for (;;) {
    const fd = openSync(target, 'r+')
    try {
      lockFile(fd)
      if (statSync(target).ino === fstatSync(fd).ino) return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
  }
}

// In a directory that nobody else can write to, on the same file system.
function write(path: string, fresh: boolean): WritableDbm {
  const target = existsSync(path) ? realpathSync(path) : path
  const lock = fresh ? undefined : locked(target)
  const directory = mkdtempSync(`${target}.`)
  const temporary = join(directory, 'new')
  const forget = (): void => {
    rmSync(directory, { recursive: true, force: true })
    if (lock !== undefined) closeSync(lock)
  }
  try {
    if (!fresh) {
      copyFileSync(target, temporary)
      check(temporary)
    }
    return new LmdbFile(load().open<Buffer, Buffer>({ ...BYTES, path: temporary, noSync: true }), (keep) => {
      try {
        if (keep) takePlace(temporary, target)
      } finally {
        forget()
      }
    })
  } catch (error) {
    forget()
    throw error
  }
}

const NEW_MODE = 0o644

/** With the rights of the file that was there. */
function takePlace(temporary: string, target: string): void {
  const before = statSync(target, { throwIfNoEntry: false })
  const fd = openSync(temporary, 'r+')
  try {
    if (before !== undefined) fchownSync(fd, before.uid, before.gid)
    fchmodSync(fd, before === undefined ? NEW_MODE & ~process.umask() : before.mode & 0o7777)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, target)
}

// The library wants to write a lock file beside what it reads, to where who serves may not write. It reads a copy without
// a name, which also stays what it is whoever writes to the file.
function read(path: string): Dbm {
  const directory = mkdtempSync(join(tmpdir(), 'httpd-dbm-'))
  try {
    const copy = join(directory, 'copy')
    copyFileSync(path, copy)
    chmodSync(copy, 0o600)
    check(copy)
    return new LmdbFile(load().open<Buffer, Buffer>({ ...BYTES, path: copy, readOnly: true }), () => undefined)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export const lmdb: DbmKind = {
  files: (path) => [path],
  isAt: (path) => existsSync(path),
  needsTrust: true,
  read,
  write,
}
