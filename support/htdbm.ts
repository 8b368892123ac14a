/*
 * htdbm: makes and changes databases of users as mod_authn_dbm reads them. Options, messages and exit codes are those of
 * Apache's program; what it would print, it prints on standard output.
 */
import { verifyPassword, PasswordError } from '../core/base/password.ts'
import { DbmError, dbmKind, type WritableDbm } from '../core/port/dbm/dbm.ts'
import { USAGE, wantedBy, type Wanted } from './htdbm/command_line.ts'
import { EXIT, Fault, UsageFault } from './htpasswd/fault.ts'
import { hashOf, warnings } from './htpasswd/hash.ts'
import { bytesOf, passwordFor, pathOf, say } from './htpasswd/password.ts'

const print = (text: string): void => void process.stdout.write(Buffer.from(text, 'latin1'))

function record(wanted: Wanted): string {
  const { algorithm, cost, comment } = wanted
  const password = passwordFor(wanted)
  for (const warning of warnings(algorithm, password, cost)) say(warning)
  return hashOf(algorithm, password, cost) + (comment === undefined ? '' : `:${comment}`)
}

/** Opens the database; what is wrong with it has Apache's words in front. */
function opened<T>({ file, type }: Wanted, open: (kind: ReturnType<typeof dbmKind>, path: string) => T): T {
  const path = pathOf(file)
  try {
    return open(dbmKind(type, path), path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!(error instanceof DbmError) && code === undefined) throw error
    const reason = code === 'ENOENT' ? 'No such file or directory' : code === 'EACCES' ? 'Permission denied' : message
    throw new Fault(EXIT.file, `Error opening database ${file}\n${bytesOf(reason)}`, false)
  }
}

/** The record of a user up to its colon, and what follows that. */
function partsOf(value: Buffer): { readonly hash: string; readonly comment: string | undefined } {
  const text = value.toString('latin1')
  const colon = text.indexOf(':')
  return colon < 0 ? { hash: text, comment: undefined } : { hash: text.slice(0, colon), comment: text.slice(colon + 1) }
}

function list(wanted: Wanted): void {
  const dbm = opened(wanted, (kind, path) => kind.read(path))
  print(`Dumping records from database -- ${wanted.file}\n    ${'Username'.padEnd(32)} Comment\n`)
  let count = 0
  for (const [key, value] of dbm.entries()) {
    const { comment } = partsOf(value)
    print(`    ${key.toString('latin1').padEnd(32)}${comment === undefined ? '' : ` ${comment}`}\n`)
    count++
  }
  print(`Total #records : ${count}\n`)
  dbm.close()
}

function verify(wanted: Wanted): void {
  const { user } = wanted
  const dbm = opened(wanted, (kind, path) => kind.read(path))
  const value = dbm.get(Buffer.from(user, 'latin1'))
  dbm.close()
  if (value === undefined) throw new Fault(EXIT.user, `The user '${user}' could not be found in database`, false)
  if (!verifyPassword(passwordFor(wanted), partsOf(value).hash))
    throw new Fault(EXIT.password, `Password mismatch for user '${user}'`, false)
  say(`Password validated for user '${pathOf(user)}'`)
}

/** @param act answers what has become of the database; what it throws leaves that as it was, if its type can */
function change(wanted: Wanted, act: (dbm: WritableDbm) => string): void {
  const dbm = opened(wanted, (kind, path) => kind.write(path, wanted.action === 'create'))
  try {
    const done = act(dbm)
    dbm.close()
    say(`Database ${pathOf(wanted.file)} ${done}.`)
  } catch (error) {
    dbm.abandon()
    throw error
  }
}

function set(wanted: Wanted): void {
  // Before anybody is asked for a password.
  if (wanted.action === 'set') opened(wanted, (kind, path) => kind.read(path)).close()
  const text = Buffer.from(record(wanted), 'latin1')
  const key = Buffer.from(wanted.user, 'latin1')
  change(wanted, (dbm) => {
    const known = dbm.get(key) !== undefined
    dbm.put(key, text)
    return wanted.action === 'create' ? 'created' : known ? 'modified' : 'updated'
  })
}

function remove(wanted: Wanted): void {
  change(wanted, (dbm) => {
    if (dbm.remove(Buffer.from(wanted.user, 'latin1'))) return 'modified'
    throw new Fault(EXIT.user, `Cannot find user '${wanted.user}' in database`, false)
  })
}

function act(wanted: Wanted): void {
  switch (wanted.action) {
    case 'print': return print(`${wanted.user}:${record(wanted)}\n`)
    case 'list': return list(wanted)
    case 'verify': return verify(wanted)
    case 'remove': return remove(wanted)
    case 'set':
    case 'create': return set(wanted)
  }
}

try {
  act(wantedBy(process.argv.slice(2).map(bytesOf)))
} catch (error) {
  if (!(error instanceof Fault) && !(error instanceof PasswordError) && !(error instanceof DbmError)) throw error
  const named = !(error instanceof Fault) || error.named
  if (error.message !== '') say(`${named ? 'htdbm: ' : ''}${pathOf(error.message)}`)
  if (error instanceof UsageFault) process.stderr.write(USAGE)
  process.exitCode = error instanceof Fault ? error.exit : error instanceof DbmError ? EXIT.file : EXIT.password
}
