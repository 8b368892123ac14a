/*
 * htdigest: makes and changes the files that mod_auth_digest's users are in, as mod_authn_file reads them. Options,
 * messages and exit codes are those of Apache's program. One rule: a server that reads the file meanwhile sees the old one
 * or the new one.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { changed, has, lineOf } from './htdigest/lines.ts'
import { Fault } from './htpasswd/fault.ts'
import { ask } from './htpasswd/prompt.ts'
import { replaceFile } from './htpasswd/replace.ts'

const EXIT = { fault: 1, tooLong: 5 } as const
const MOST_PASSWORD = 254
const USAGE = 'Usage: htdigest [-c] passwordfile realm username\nThe -c flag creates a new file.'

const fault = (message: string): Fault => new Fault(EXIT.fault, message)
const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
const say = (bytes: string): void => void process.stderr.write(Buffer.from(bytes, 'latin1'))

interface Wanted { readonly creates: boolean; readonly file: string; readonly realm: string; readonly user: string }

function wantedBy(words: readonly string[]): Wanted {
  const creates = words.length === 4 && words[0] === '-c'
  const [file, realm, user, more] = creates ? words.slice(1) : words
  if (file === undefined || realm === undefined || user === undefined || more !== undefined) throw fault(USAGE)
  for (const [what, text] of [['realm', realm], ['username', user]] as const)
    if (/[:\n]/.test(text)) throw fault(`Cannot use ${what} "${text}": it contains a colon or a line feed`)
  return { creates, file, realm: bytesOf(realm), user: bytesOf(user) }
}

function newLine({ user, realm }: Wanted): string {
  const password = ask('New password: ')
  if (password.length > MOST_PASSWORD) throw new Fault(EXIT.tooLong, 'password too long')
  if (ask('Re-type new password: ') !== password) throw fault("They don't match, sorry.")
  return lineOf(user, realm, password)
}

function create(wanted: Wanted): void {
  const { file, user, realm } = wanted
  // What there is goes when there is something to take its place.
  write(file, '', 'a')
  say(`Adding password for ${user} in realm ${realm}.\n`)
  write(file, `${newLine(wanted)}\n`)
}

function write(file: string, text: string, flag = 'w'): void {
  try {
    writeFileSync(file, text, { encoding: 'latin1', flag })
  } catch (error) {
    throw fault(`Could not open passwd file ${file} for writing: ${reason(error)}`)
  }
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).errno
  const text = code === undefined ? undefined : getSystemErrorMap().get(code)?.[1]
  return text === undefined ? String(error) : text[0]!.toUpperCase() + text.slice(1)
}

function change(wanted: Wanted): void {
  const { file, user, realm } = wanted
  let text
  try {
    text = readFileSync(file, 'latin1')
  } catch {
    throw fault(`Could not open passwd file ${file} for reading.\nUse -c option to create new one.`)
  }
  say(`${has(text, user, realm) ? 'Changing password for' : 'Adding'} user ${user} in realm ${realm}\n`)
  const result = changed(text, user, realm, newLine(wanted))
  try {
    replaceFile(file, result)
  } catch {
    throw fault(`htdigest: unable to update file ${file}`)
  }
}

try {
  const wanted = wantedBy(process.argv.slice(2))
  if (wanted.creates) create(wanted)
  else change(wanted)
} catch (error) {
  if (!(error instanceof Fault)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = error.exit
}
