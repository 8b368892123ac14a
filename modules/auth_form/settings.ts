/* What mod_auth_form's directives say. */
import {
  ACCESS_CONF, allowedBy, authnProvider, ConfigError, each, flag, parsed, parseStringExpression, Settings, word,
  type AuthnProvider, type Command, type Directive, type Expression,
} from 'httpd'

interface Conf {
  providers: readonly AuthnProvider[]
  authoritative: boolean
  /** Names of fields. */
  username: string
  password: string
  location: string
  method: string
  mimetype: string
  body: string
  /** Bytes of a form. */
  size: number
  site: string | undefined
  fakesBasic: boolean
  mayStore: boolean
  loginRequired: Expression<string> | undefined
  loginSuccess: Expression<string> | undefined
  logout: Expression<string> | undefined
}

export const form = new Settings<Conf>('directory', {
  providers: [], authoritative: true,
  username: 'httpd_username', password: 'httpd_password', location: 'httpd_location',
  method: 'httpd_method', mimetype: 'httpd_mimetype', body: 'httpd_body',
  size: 8192, site: undefined, fakesBasic: false, mayStore: false,
  loginRequired: undefined, loginSuccess: undefined, logout: undefined,
})

function providers(said: Partial<Conf>, command: Command, names: readonly string[]): void {
  if (command.table?.has('session_module') === false)
    throw new ConfigError('You must load mod_session to enable the mod_auth_form functions')
  for (const name of names) {
    const found = authnProvider(name, command.table)
    if (found === undefined) throw new ConfigError(`Unknown Authn provider: ${name}`)
    if (found.checkPassword === undefined)
      throw new ConfigError(`The '${name}' Authn provider doesn't support Form Authentication`)
    said.providers = [...said.providers ?? [], found]
  }
}

const fieldName = parsed((text, { name }) => {
  if (text === '' || /[=&]/.test(text)) throw new ConfigError(`${name} cannot be empty, or contain '=' or '&'.`)
  return text
})

/** As C's strtol with base 0, whatever follows the number. */
const size = parsed((text) => {
  const [, sign, hex, octal, decimal] = /^\s*([+-]?)(?:0x([0-9a-f]+)|0([0-7]+)|(\d+))?/i.exec(text)!
  const bytes = Number.parseInt(hex ?? octal ?? decimal ?? '0', hex !== undefined ? 16 : octal !== undefined ? 8 : 10)
  if ((sign === '-' && bytes !== 0) || !Number.isSafeInteger(bytes))
    throw new ConfigError('AuthCookieFormSize must be a size in bytes, or zero.')
  return bytes
})

type Place = 'loginRequired' | 'loginSuccess' | 'logout'

const place = (name: string, key: Place, what: string, help: string): Directive =>
  form.directive(name, [word], (said, command, text) => {
    said[key] = parseStringExpression(text, command, `Could not parse ${what} expression '${text}': `)
  }, AUTHCFG, help)

const AUTHCFG = allowedBy('AuthConfig')

export const directives: readonly Directive[] = [
  form.directive('AuthFormProvider', [each(word)], providers, AUTHCFG, 'specify the auth providers for a directory or location'),
  form.directive('AuthFormUsername', [fieldName], 'username', AUTHCFG, 'The field of the login form carrying the username'),
  form.directive('AuthFormPassword', [fieldName], 'password', AUTHCFG, 'The field of the login form carrying the password'),
  form.directive('AuthFormLocation', [fieldName], 'location', AUTHCFG,
    'The field of the login form carrying the URL to redirect on successful login.'),
  form.directive('AuthFormMethod', [fieldName], 'method', AUTHCFG,
    'The field of the login form carrying the original request method.'),
  form.directive('AuthFormMimetype', [fieldName], 'mimetype', AUTHCFG,
    'The field of the login form carrying the original request mimetype.'),
  form.directive('AuthFormBody', [fieldName], 'body', AUTHCFG,
    'The field of the login form carrying the urlencoded original request body.'),
  form.directive('AuthFormSize', [size], 'size', ACCESS_CONF, 'Maximum size of body parsed by the form parser'),
  place('AuthFormLoginRequiredLocation', 'loginRequired', 'login required',
    'If set, redirect the browser to this URL rather than return 401 Not Authorized.'),
  place('AuthFormLoginSuccessLocation', 'loginSuccess', 'login success',
    'If set, redirect the browser to this URL when a login processed by the login handler is successful.'),
  place('AuthFormLogoutLocation', 'logout', 'logout required',
    'The URL of the logout successful page. An attempt to access an URL handled by the handler form-logout-handler will ' +
    'result in an redirect to this page after logout.'),
  form.directive('AuthFormSitePassphrase', [word], 'site', AUTHCFG,
    'If set, use this passphrase to determine whether the user should be authenticated. Bypasses the user authentication ' +
    'check on every website hit, and is useful for high traffic sites.'),
  form.directive('AuthFormAuthoritative', [flag], 'authoritative', AUTHCFG,
    "Set to 'Off' to allow access control to be passed along to lower modules if the UserID is not known to this module"),
  form.directive('AuthFormFakeBasicAuth', [flag], 'fakesBasic', AUTHCFG,
    "Set to 'On' to pass through authentication to the rest of the server as a basic authentication header."),
  form.directive('AuthFormDisableNoStore', [flag], 'mayStore', AUTHCFG,
    "Set to 'on' to stop the sending of a Cache-Control no-store header with the login screen. This allows the browser to " +
    'cache the credentials, but at the risk of it being possible for the login form to be resubmitted and revealed to the ' +
    'backend server through XSS. Use at own risk.'),
]
