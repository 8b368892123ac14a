/*
 * mod_auth_basic: name and password with each request (RFC 7617). Providers tell whether they are right; the answer to
 * a request without them is made at once, checking them is never left to a thread that must not be held up.
 */
import {
  after, allowedBy, authName, authnCore, authnProvider, authType, ConfigError, DECLINED, each, flag, OK, optional, Order,
  parseStringExpression, registerChallenge, Settings, word,
  type Answer, type AuthnProvider, type AuthnStatus, type Command, type ConfigVector, type Expression, type Module,
  type Request, type Status,
} from 'httpd'
import { basicCredentials, type Credentials } from './auth_basic/credentials.ts'
import { isEqual, md5 } from './shared/hashes.ts'

/** The name and the password that whatever comes after is told. */
interface Fake { readonly user: Expression<string>; readonly password: Expression<string> }

export const basic = new Settings('directory', {
  providers: [] as readonly AuthnProvider[],
  /** Somebody else may know users whom no provider knows if it is off. */
  authoritative: true,
  fake: undefined as Fake | undefined,
  /** AuthBasicUseDigestAlgorithm MD5: what is kept are MD5 hashes of `user:realm:password`. */
  digest: false,
})

/** Where no provider is named. */
const DEFAULT_PROVIDER = 'file'

const isBasic = (type: string | undefined): boolean => type?.toLowerCase() === 'basic'

/** Asks the client for a name and a password. */
export function challenge(r: Request): void {
  r.errHeadersOut.set('WWW-Authenticate', `Basic realm="${authName(r) ?? ''}"`)
}
registerChallenge('Basic', challenge)

function refuse(r: Request): Status {
  challenge(r)
  return 401
}

/** check_user_id, first: what is wrong before any provider is asked. */
export function checkCredentials(r: Request): Status {
  const type = authType(r)
  if (!isBasic(type)) return DECLINED
  if (authName(r) === undefined) {
    r.log('error', 'auth_basic', `AH01615: need AuthName: ${r.uri}`)
    return 500
  }
  r.authType = type
  const header = r.headersIn.get('Authorization')
  if (header === undefined) return refuse(r)
  const sent = basicCredentials(header)
  if (sent === undefined) {
    r.log('error', 'auth_basic', `AH01614: client used wrong authentication scheme: ${r.uri}`)
    return refuse(r)
  }
  // For the log: who it is said to be.
  r.user = sent.user
  return DECLINED
}

/** check_user_id: asks the providers. */
export function authenticate(r: Request): Answer<Status> {
  if (!isBasic(authType(r))) return DECLINED
  const sent = basicCredentials(r.headersIn.get('Authorization') ?? '')
  if (sent === undefined) return refuse(r)
  const conf = r.dir(basic)
  return after(askAll(r, sent, conf.providers.length > 0 ? conf.providers : defaultProviders(r), 0, 'userNotFound'),
    (status) => status === 'granted' ? OK : verdict(r, sent.user, status))
}

function defaultProviders(r: Request): readonly AuthnProvider[] {
  const provider = authnProvider(DEFAULT_PROVIDER, undefined)
  if (provider?.checkPassword !== undefined) return [provider]
  r.log('error', 'auth_basic', 'AH01616: No Authn provider configured')
  return []
}

/** The first provider that knows the user decides. */
function askAll(
  r: Request, sent: Credentials, providers: readonly AuthnProvider[], from: number, before: AuthnStatus,
): Answer<AuthnStatus> {
  if (from >= providers.length) return providers.length === 0 ? 'error' : before
  return after(ask(r, sent, providers[from]!, r.dirVector), (status) =>
    status === 'userNotFound' ? askAll(r, sent, providers, from + 1, status) : status)
}

function ask(r: Request, { user, password }: Credentials, provider: AuthnProvider, conf: ConfigVector): Answer<AuthnStatus> {
  if (!r.dir(basic).digest) return provider.checkPassword!(r, user, password, conf)
  if (provider.realmHash === undefined) {
    r.log('error', 'auth_basic', 'AH02493: AuthBasicUseDigestAlgorithm is set, but a provider has no such hashes')
    return 'error'
  }
  const realm = authName(r) ?? ''
  const digest = md5(`${user}:${realm}:${password}`)
  return after(provider.realmHash(r, user, realm, conf), (found) =>
    typeof found === 'string' ? found : isEqual(found.hash, digest) ? 'granted' : 'denied')
}

function verdict(r: Request, user: string, status: AuthnStatus): Status {
  if (status !== 'denied' && !r.dir(basic).authoritative) return DECLINED
  if (status === 'error') return 500
  r.log('error', 'auth_basic', status === 'denied'
    ? `AH01617: user ${user}: authentication failure for "${r.uri}": Password Mismatch`
    : `AH01618: user ${user} not found: ${r.uri}`)
  return refuse(r)
}

/** fixups, last: whoever comes after sees another name and password (AuthBasicFake). */
export function pretend(r: Request): Answer<Status> {
  const { user, password } = r.dir(basic).fake!
  const text = (what: 'user' | 'password', number: string, empty: string, go: (text: string) => Answer<Status>): Answer<Status> =>
    (what === 'user' ? user : password).resolve<Status>(r, 'auth_basic', (found) => {
      if (found !== '') return go(found)
      const name = what === 'user' ? 'username' : what
      r.log('info', 'auth_basic', `${empty}: AuthBasicFake: empty ${name} expression for URI '${r.uri}', ignoring`)
      r.editHeadersIn().unset('Authorization')
      return DECLINED
    }, (reason) => {
      r.log('error', 'auth_basic',
        `${number}: AuthBasicFake: could not evaluate ${what} expression for URI '${r.uri}': ${reason}`)
      return 500
    })
  return text('user', 'AH02455', 'AH02458', (name) => text('password', 'AH02456', 'AH02459', (secret) => {
    const value = `Basic ${Buffer.from(`${name}:${secret}`, 'latin1').toString('base64')}`
    r.editHeadersIn().set('Authorization', value)
    r.log('info', 'auth_basic', `AH02457: AuthBasicFake: "Authorization: ${value}"`)
    return OK
  }))
}

function fake(said: { fake?: Fake | undefined }, command: Command, user: string, password = 'password'): void {
  if (user.toLowerCase() === 'off') {
    said.fake = undefined
    return
  }
  said.fake = {
    user: parseStringExpression(user, command, `Could not parse fake username expression '${user}': `),
    password: parseStringExpression(password, command,
      `Could not parse fake password expression associated to user '${user}': `),
  }
}

function provider(said: { providers?: readonly AuthnProvider[] }, command: Command, names: readonly string[]): void {
  for (const name of names) {
    const found = authnProvider(name, command.table)
    if (found === undefined) throw new ConfigError(`Unknown Authn provider: ${name}`)
    if (found.checkPassword === undefined)
      throw new ConfigError(`The '${name}' Authn provider doesn't support Basic Authentication`)
    said.providers = [...said.providers ?? [], found]
  }
}

function digestAlgorithm(said: { digest?: boolean }, _: Command, name: string): void {
  const lower = name.toLowerCase()
  if (lower !== 'md5' && lower !== 'off')
    throw new ConfigError(`Invalid algorithm in AuthBasicUseDigestAlgorithm: ${name}`)
  said.digest = lower === 'md5'
}

const AUTHCFG = allowedBy('AuthConfig')

export const module = {
  name: 'auth_basic_module',
  file: 'mod_auth_basic.c',
  settings: [basic],
  directives: [
    basic.directive('AuthBasicProvider', [each(word)], provider, AUTHCFG,
      'specify the auth providers for a directory or location'),
    basic.directive('AuthBasicAuthoritative', [flag], 'authoritative', AUTHCFG,
      "Set to 'Off' to allow access control to be passed along to lower modules if the UserID is not known to this module"),
    basic.directive('AuthBasicFake', [word, optional(word)], fake, AUTHCFG,
      "Fake basic authentication using the given expressions for username and password, 'off' to disable. Password " +
      "defaults to 'password' if missing."),
    basic.directive('AuthBasicUseDigestAlgorithm', [word], digestAlgorithm, AUTHCFG,
      "Set to 'MD5' to use the auth provider's authentication check for digest auth, using a hash of 'user:realm:pass'"),
  ],
  register({ checkUserId, fixups }, on) {
    // An expression may say Basic of some requests only.
    const applies = (type: typeof authnCore.defaults.type) => typeof type === 'object' || isBasic(type)
    const isQuick = (text: typeof authnCore.defaults.type) => typeof text !== 'object' || text.quick
    const quick = ({ type, name }: typeof authnCore.defaults) => isQuick(type) && isQuick(name)
    on(checkUserId, checkCredentials, {
      quick: true, when: (settings) => applies(settings.dir(authnCore).type) && quick(settings.dir(authnCore)),
    })
    on(checkUserId, checkCredentials, {
      when: (settings) => applies(settings.dir(authnCore).type) && !quick(settings.dir(authnCore)),
    })
    const isQuickFake = ({ user, password }: Fake) => user.quick && password.quick
    on(fixups, pretend, {
      order: Order.last, quick: true,
      when: (settings) => settings.dir(basic).fake !== undefined && isQuickFake(settings.dir(basic).fake!),
    })
    on(fixups, pretend, {
      order: Order.last,
      when: (settings) => settings.dir(basic).fake !== undefined && !isQuickFake(settings.dir(basic).fake!),
    })
    on(checkUserId, authenticate, { when: (settings) => applies(settings.dir(authnCore).type) })
  },
} satisfies Module
