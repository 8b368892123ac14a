/**
 * Look-ups in files of the dbm family for requests: they stay open while they are the same files. One rule: a database
 * that has been replaced is seen by the next request.
 */
import { statSync } from 'node:fs'
import { parsed, type Arg } from '../config/args.ts'
import { fsPath } from '../config/include.ts'
import { DbmError, dbmKind, type Dbm, type DbmKind } from '../port/dbm/dbm.ts'

/** Files open at a time. */
const MOST_OPEN = 32

/** A database as a directive names it. */
export interface DbmFile {
  /** One character per byte. */
  readonly path: string
  /** Named by who may also change the configuration, which .htaccess is not. */
  readonly trusted: boolean
}

/** The argument of a directive that names one. */
export const dbmFile: Arg<DbmFile> = parsed((path, command) =>
  ({ path: command.serverRootRelative(path), trusted: !command.htaccess }))

interface Open { readonly stamp: string; readonly dbm: Dbm }

const open = new Map<string, Open>()

/**
 * The value of a key, one character per byte each; undefined: there is none. Blocks while it reads.
 * @param type SDBM, LMDB or default, in any case of letters
 * @throws DbmError, or an error of node:fs
 */
export function lookUpDbm({ path, trusted }: DbmFile, type: string, key: string): string | undefined {
  const file = fsPath(path).toString()
  const kind = dbmKind(type, file)
  if (kind.needsTrust && !trusted) throw new DbmError('a file that .htaccess names may be of type SDBM only')
  const dbm = openedAt(file, kind)
  return dbm.get(Buffer.from(key, 'latin1'))?.toString('latin1')
}

function openedAt(file: string, kind: DbmKind): Dbm {
  const stamp = kind.files(file).map(stampOf).join()
  const known = open.get(file)
  if (known?.stamp === stamp) return known.dbm
  forget(file)
  if (open.size >= MOST_OPEN) forget(open.keys().next().value!)
  const dbm = kind.read(file)
  open.set(file, { stamp, dbm })
  return dbm
}

function forget(file: string): void {
  open.get(file)?.dbm.close()
  open.delete(file)
}

// A new file has another number, or, where that is used again, was made at another time.
function stampOf(file: string): string {
  const stat = statSync(file, { bigint: true })
  // Opening a named pipe would hold the thread up for ever.
  if (!stat.isFile()) throw new DbmError(`${file} is no regular file`)
  return `${stat.dev} ${stat.ino} ${stat.ctimeNs}`
}
