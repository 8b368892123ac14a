/**
 * Files of keys and values (the dbm family): what is asked of one, whatever its kind. Keys and values are any bytes.
 *
 *   LMDB   one file, changed as a whole: who writes makes a new one that takes the place of the old
 *   SDBM   two files, PATH.dir and PATH.pag, as Apache's library makes them; changed in place, small values only
 */
import { DbmError } from './error.ts'
import { lmdb } from './lmdb.ts'
import { sdbm } from './sdbm.ts'

export { DbmError }

export interface Dbm {
  /** A copy. @throws DbmError, or an error of node:fs */
  get(key: Uint8Array): Buffer | undefined
  /** All there is, in no order. */
  entries(): Iterable<readonly [key: Buffer, value: Buffer]>
  close(): void
}

/** The same to be changed, by one program at a time. Nothing is certain before `close` has returned. */
export interface WritableDbm extends Dbm {
  put(key: Uint8Array, value: Uint8Array): void
  /** @returns false if it was not there */
  remove(key: Uint8Array): boolean
  close(): void
  /** Closes it without the changes, where the kind can do without them. */
  abandon(): void
}

export interface DbmKind {
  /** The files of a database, its path first. */
  files(path: string): readonly string[]
  /** Whether those at the path look like this kind. */
  isAt(path: string): boolean
  /** True: a file that somebody has made wrong on purpose can end the process, or worse. */
  readonly needsTrust: boolean
  /** @throws DbmError, or an error of node:fs */
  read(path: string): Dbm
  /** @param fresh what is there goes */
  write(path: string, fresh: boolean): WritableDbm
}

const KINDS: Readonly<Record<string, DbmKind>> = { LMDB: lmdb, SDBM: sdbm }
/** Kinds of Apache that this server has no library for. */
const ELSEWHERE = ['DB', 'GDBM', 'NDBM']
const DEFAULT = 'default'

/** What may be said where a kind is asked for. */
const NAMES = [...Object.keys(KINDS), DEFAULT]

/** A name that Apache has, or this server, whether or not there is a library for it. */
export const isDbmType = (name: string): boolean =>
  [...NAMES, ...ELSEWHERE].some((each) => each.toLowerCase() === name.toLowerCase())

/**
 * @param name in any case of letters; `default`: what is there, and LMDB where there is nothing
 * @throws DbmError
 */
export function dbmKind(name: string, path: string): DbmKind {
  const upper = name.toUpperCase()
  const kind = KINDS[upper]
  if (kind !== undefined) return kind
  if (name.toLowerCase() === DEFAULT) return Object.values(KINDS).find((each) => each.isAt(path)) ?? lmdb
  throw new DbmError(ELSEWHERE.includes(upper) ? `there is no library for files of type ${upper}: there are ${NAMES.join(', ')}`
    : `type ${name} is none of ${NAMES.join(', ')}`)
}
