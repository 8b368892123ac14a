/*
 * mod_authn_dbm: users and their passwords in a file of the dbm family, as htdbm makes it (AuthDBMUserFile). A user has
 * the value `hash` or `hash:comment`; `user:realm` has the MD5 of `user:realm:password`. See ADR 32 for the types.
 */
import {
  allowedBy, cacheCredentials, DbmError, dbmFile, lookUpDbm, PasswordError, registerAuthn, Settings, verifyPassword, word,
  type AuthnStatus, type ConfigVector, type DbmFile, type Module, type Request,
} from 'httpd'

interface Users {
  readonly file: DbmFile | undefined
  readonly type: string
}

const NONE: Users = { file: undefined, type: 'default' }

// As Apache: what one section says replaces all that the sections around it say.
const dbm = new Settings('directory', { users: NONE })

const set = (said: { users?: Users }, change: Partial<Users>): void => {
  said.users = { ...NONE, ...said.users, ...change }
}

/** What stands for a key, up to a colon; a status if there is nothing, or if it cannot be told, which has been logged. */
function lookUp(r: Request, conf: ConfigVector, key: string): AuthnStatus | { readonly hash: string } {
  const { file, type } = conf.holds(dbm).users
  if (file === undefined) {
    r.log('error', 'authn_dbm', `AH10285: could not open dbm (type ${type}) file: AuthDBMUserFile is not set`)
    return 'error'
  }
  try {
    const value = lookUpDbm(file, type, key)
    return value === undefined ? 'userNotFound' : { hash: value.split(':', 1)[0]! }
  } catch (error) {
    const why = error instanceof DbmError ? `: ${error.message}` : ''
    r.log('error', 'authn_dbm', `AH10285: could not open dbm (type ${type}) file: ${file.path}${why}`, error)
    return 'error'
  }
}

function checkPassword(r: Request, user: string, password: string, conf: ConfigVector): AuthnStatus {
  const found = lookUp(r, conf, user)
  if (typeof found === 'string') return found
  cacheCredentials(r, 'dbm', user, undefined, found.hash)
  try {
    return verifyPassword(password, found.hash) ? 'granted' : 'denied'
  } catch (error) {
    if (!(error instanceof PasswordError)) throw error
    r.log('error', 'authn_dbm', `SY00176: Cannot check the password of user ${user}: ${error.message}`)
    return 'error'
  }
}

function realmHash(r: Request, user: string, realm: string, conf: ConfigVector): AuthnStatus | { readonly hash: string } {
  const found = lookUp(r, conf, `${user}:${realm}`)
  if (typeof found !== 'string') cacheCredentials(r, 'dbm', user, realm, found.hash)
  return found
}

registerAuthn('dbm', { checkPassword, realmHash })

export const module = {
  name: 'authn_dbm_module',
  file: 'mod_authn_dbm.c',
  settings: [dbm],
  directives: [
    dbm.directive('AuthDBMUserFile', [dbmFile], (said, _, file) => set(said, { file }), allowedBy('AuthConfig'),
      'dbm database file containing user IDs and passwords'),
    dbm.directive('AuthDBMType', [word], (said, _, type) => set(said, { type }), allowedBy('AuthConfig'),
      'what type of DBM file the user file is'),
  ],
} satisfies Module
