/*
 * mod_authn_file: users and their passwords in a text file, `user:hash` or `user:realm:hash` (AuthUserFile). The file is
 * looked at for each request and read when it has changed; checking a password takes time, so nothing here is quick.
 */
import {
  allowedBy, cacheCredentials, FileLookup, FileTooLarge, linesNaming, parsed, PasswordError, registerAuthn, Settings,
  verifyPassword,
  type AuthnStatus, type ConfigVector, type Module, type Request,
} from 'httpd'

const users = new Settings('directory', { file: undefined as string | undefined })

/** A row, as far as its colons tell: several in a row count as one. */
const fieldsOf = (line: string): string[] => line.split(/:+/)

/** The hash of a user, or undefined. */
export function passwordIn(content: Buffer, user: string): string | undefined {
  for (const line of linesNaming(content, user)) {
    const [name, hash = ''] = fieldsOf(line)
    if (name === user) return hash
  }
  return undefined
}

/** The hash of `user\0realm`, or undefined. */
export function realmHashIn(content: Buffer, key: string): string | undefined {
  const [user, realm] = key.split('\0') as [string, string]
  for (const line of linesNaming(content, user)) {
    const [name, where, hash = ''] = fieldsOf(line)
    if (name === user && where === realm) return hash
  }
  return undefined
}

const passwords = new FileLookup(passwordIn, (user) => user)
const realmHashes = new FileLookup(realmHashIn, (key) => key.slice(0, key.indexOf('\0')))

/** What a file says of a key; `error` if it cannot be read, which has been logged then. */
function lookUp(r: Request, conf: ConfigVector, lookup: FileLookup<string | undefined>, key: string): AuthnStatus | { hash: string } {
  const { file } = conf.holds(users)
  if (file === undefined) {
    r.log('error', 'authn_file', `${lookup === passwords ? 'AH01619' : 'AH01621'}: AuthUserFile not specified in the configuration`)
    return 'error'
  }
  try {
    const hash = lookup.get(file, key)
    return hash === undefined ? 'userNotFound' : { hash }
  } catch (error) {
    const why = error instanceof FileTooLarge ? `: ${error.message}` : ''
    const number = lookup === passwords ? 'AH01620' : 'AH01622'
    r.log('error', 'authn_file', `${number}: Could not open password file: ${file}${why}`, error)
    return 'error'
  }
}

function checkPassword(r: Request, user: string, password: string, conf: ConfigVector): AuthnStatus {
  const found = lookUp(r, conf, passwords, user)
  if (typeof found === 'string') return found
  cacheCredentials(r, 'file', user, undefined, found.hash)
  try {
    return verifyPassword(password, found.hash) ? 'granted' : 'denied'
  } catch (error) {
    if (!(error instanceof PasswordError)) throw error
    r.log('error', 'authn_file', `SY00140: Cannot check the password of user ${user}: ${error.message}`)
    return 'error'
  }
}

function realmHash(r: Request, user: string, realm: string, conf: ConfigVector): AuthnStatus | { hash: string } {
  const found = lookUp(r, conf, realmHashes, `${user}\0${realm}`)
  if (typeof found !== 'string') cacheCredentials(r, 'file', user, realm, found.hash)
  return found
}

registerAuthn('file', { checkPassword, realmHash })

export const module = {
  name: 'authn_file_module',
  file: 'mod_authn_file.c',
  settings: [users],
  directives: [
    users.directive('AuthUserFile', [parsed((path, command) => command.serverRootRelative(path))], 'file',
      allowedBy('AuthConfig'), 'text file containing user IDs and passwords'),
  ],
} satisfies Module
