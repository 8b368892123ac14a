/*
 * htpasswd: makes and changes password files as mod_authn_file reads them. Options, messages and exit codes are those of
 * Apache's program. One rule: a server that reads the file meanwhile sees the old one or the new one.
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { PasswordError, verifyPassword } from '../core/base/password.ts'
import { USAGE, wantedBy, type Wanted } from './htpasswd/command_line.ts'
import { EXIT, Fault, UsageFault } from './htpasswd/fault.ts'
import { hashOf, warnings } from './htpasswd/hash.ts'
import { changed, hashIn } from './htpasswd/lines.ts'
import { bytesOf, passwordFor, pathOf, say } from './htpasswd/password.ts'
import { replaceFile } from './htpasswd/replace.ts'

function lineFor(wanted: Wanted): string {
  const { algorithm, cost, user } = wanted
  const password = passwordFor(wanted)
  for (const warning of warnings(algorithm, password, cost)) say(warning)
  return `${user}:${hashOf(algorithm, password, cost)}`
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    throw new Fault(EXIT.file, `cannot modify file ${bytesOf(file)}; use '-c' to create it`)
  }
}

const noPasswords = (file: string): Fault =>
  new Fault(EXIT.notPasswords, `The file ${bytesOf(file)} does not appear to be a valid htpasswd file.`)

function replace(file: string, text: string): void {
  try {
    replaceFile(file, text)
  } catch {
    throw new Fault(EXIT.file, `cannot modify file ${bytesOf(realpathSync(file))}`)
  }
}

function create(file: string, text: string): void {
  try {
    writeFileSync(file, text, 'latin1')
  } catch {
    throw new Fault(EXIT.file, `cannot create file ${bytesOf(file)}`)
  }
}

function change(wanted: Wanted, file: string, line: string | undefined): void {
  const { user } = wanted
  const result = changed(read(file), user, line)
  if (result === undefined) throw noPasswords(file)
  if (line === undefined && result.found === 0) return say(`User ${user} not found`)
  replace(file, result.text)
  say(`${line === undefined ? 'Deleting' : result.found > 0 ? 'Updating' : 'Adding'} password for user ${user}`)
}

function verify(wanted: Wanted, file: string): void {
  const hash = hashIn(read(file), wanted.user)
  if (hash === null) throw noPasswords(file)
  if (hash === undefined) throw new Fault(EXIT.user, `User ${wanted.user} not found`, false)
  if (!verifyPassword(passwordFor(wanted), hash)) throw new Fault(EXIT.password, 'password verification failed', false)
  say(`Password for user ${wanted.user} correct.`)
}

function act(wanted: Wanted): void {
  const file = pathOf(wanted.file)
  switch (wanted.action) {
    case 'print': return void process.stdout.write(Buffer.from(`${lineFor(wanted)}\n\n`, 'latin1'))
    case 'verify': return verify(wanted, file)
    case 'delete': return change(wanted, file, undefined)
    case 'set':
      // Before anybody is asked for a password.
      read(file)
      return change(wanted, file, lineFor(wanted))
    case 'create': {
      const line = lineFor(wanted)
      create(file, `${line}\n`)
      return say(`Adding password for user ${wanted.user}`)
    }
  }
}

try {
  act(wantedBy(process.argv.slice(2).map(bytesOf)))
} catch (error) {
  if (!(error instanceof Fault) && !(error instanceof PasswordError)) throw error
  const named = error instanceof PasswordError || error.named
  if (error.message !== '') say(`${named ? 'htpasswd: ' : ''}${pathOf(error.message)}`)
  if (error instanceof UsageFault) process.stderr.write(USAGE)
  process.exitCode = error instanceof PasswordError ? EXIT.password : error.exit
}
