/* mod_authz_user: `Require user NAME...` and `Require valid-user`. */
import {
  parseStringExpression, registerAuthz, wordsOf, type AuthzStatus, type Expression, type Module, type Request,
} from 'httpd'

/** Names, or an expression that tells them. */
type Names = readonly string[] | Expression<string>

function checkUser(r: Request, names: readonly string[]): AuthzStatus {
  if (names.includes(r.user!)) return 'granted'
  r.log('debug', 'authz_user', `AH01663: access to ${r.uri} failed, reason: user '${r.user}' does not meet ` +
    "'require'ments for user to be allowed access")
  return 'denied'
}

registerAuthz<Names>('user', {
  parse(args, command) {
    const expression = parseStringExpression(args, command, 'Cannot parse expression in require line: ')
    return expression.constant === undefined ? expression : wordsOf(expression.constant)
  },
  check(r, names) {
    if (r.user === undefined) return 'deniedNoUser'
    if (!('resolve' in names)) return checkUser(r, names)
    return names.resolve<AuthzStatus>(r, 'authz_user', (text) => checkUser(r, wordsOf(text)), (reason) => {
      r.log('error', 'authz_user', `AH02594: authz_user authorize: require user: Can't evaluate expression: ${reason}`)
      return 'denied'
    })
  },
  isSlow: (names) => 'resolve' in names && !names.quick,
})

registerAuthz('valid-user', {
  parse: () => undefined,
  check: (r) => r.user === undefined ? 'deniedNoUser' : 'granted',
})

export const module = {
  name: 'authz_user_module',
  file: 'mod_authz_user.c',
} satisfies Module
