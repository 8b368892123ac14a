/*
 * mod_authn_anon: users who need no account, and whose password is their mail address, as with anonymous FTP
 * (AuthBasicProvider anon).
 */
import {
  allowedBy, each, flag, registerAuthn, Settings, word,
  type AuthnStatus, type ConfigVector, type Directive, type Module,
  type Request,
} from 'httpd'

interface Anonymous {
  /** In lower case. */
  readonly users: readonly string[]
  /** `*` among them: any name will do. */
  readonly anyUser: boolean
  readonly noUserId: boolean
  readonly mustGiveEmail: boolean
  readonly verifyEmail: boolean
  readonly logEmail: boolean
}

const NOBODY: Anonymous = {
  users: [], anyUser: false, noUserId: false, mustGiveEmail: true, verifyEmail: false, logEmail: true,
}

// As Apache: what one section says replaces all that the sections around it say.
const anonymous = new Settings('directory', { anonymous: NOBODY })

type Part = { anonymous?: Anonymous }

const set = (said: Part, change: Partial<Anonymous>): void => {
  said.anonymous = { ...NOBODY, ...said.anonymous, ...change }
}

function users(said: Part, _: unknown, names: readonly string[]): void {
  const { users: before = [], anyUser = false } = said.anonymous ?? {}
  set(said, { users: [...before, ...names.map((name) => name.toLowerCase())], anyUser: anyUser || names.includes('*') })
}

function checkPassword(r: Request, user: string, password: string, conf: ConfigVector): AuthnStatus {
  const { users, anyUser, noUserId, mustGiveEmail, verifyEmail, logEmail } = conf.holds(anonymous).anonymous
  if (users.length === 0) return 'userNotFound'
  if (user === '' && !noUserId) return 'userNotFound'
  if (user !== '' && !anyUser && !users.includes(user.toLowerCase())) return 'userNotFound'
  const isAddress = !verifyEmail || (password.includes('@') && password.includes('.'))
  if ((mustGiveEmail && password === '') || !isAddress) {
    r.log('debug', 'authn_anon',
      `AH01673: Anonymous: Authentication failed, user <${user}>, password: <${password}>`)
    return user === '' ? 'userNotFound' : 'denied'
  }
  if (logEmail) r.log('info', 'authn_anon', `AH01672: Anonymous: Passwd <${password}> Accepted`)
  return 'granted'
}

registerAuthn('anon', { checkPassword })

const AUTHCFG = allowedBy('AuthConfig')

const on = (name: string, key: 'mustGiveEmail' | 'noUserId' | 'verifyEmail' | 'logEmail', help: string): Directive =>
  anonymous.directive(name, [flag], (said, _, value) => set(said, { [key]: value }), AUTHCFG, help)

export const module = {
  name: 'authn_anon_module',
  file: 'mod_authn_anon.c',
  settings: [anonymous],
  directives: [
    anonymous.directive('Anonymous', [each(word)], users, AUTHCFG, 'a space-separated list of user IDs'),
    on('Anonymous_MustGiveEmail', 'mustGiveEmail', 'Whether a password has to be given'),
    on('Anonymous_NoUserId', 'noUserId', 'Whether the name may be empty'),
    on('Anonymous_VerifyEmail', 'verifyEmail', 'Whether the password has to look like a mail address'),
    on('Anonymous_LogEmail', 'logEmail', 'Whether the password is written into the error log'),
  ],
} satisfies Module
