/*
 * mod_authn_core: what kind of authentication there is and what for (AuthType, AuthName), and other names for providers
 * with settings of their own. Who does it is some other module's matter.
 */
import {
  allowedBy, authnCore, authnProvider, authType, ConfigError, ConfigVector, OK, Order, parseStringExpression,
  registerAuthnAlias, GLOBAL_ONLY, word,
  type AnySettings, type AuthnProvider, type Command, type Directive, type Expression, type Module, type Request,
  type Section, type Status,
} from 'httpd'

const AUTHCFG = allowedBy('AuthConfig')

/** A text that is what it says, or an expression; it is asked for where nothing can be waited for. */
function text(words: string, command: Command, directive: string): string | Expression<string> {
  const expression = parseStringExpression(words, command, `Cannot parse expression '${words}' in ${directive}: `)
  if (!expression.sync)
    throw new ConfigError(`Cannot use expression '${words}' in ${directive}: it has to wait for a look-up`)
  return expression.constant ?? expression
}

/** check_user_id, after all others: nobody does what the configuration asks for. */
export function authenticateNobody(r: Request): Status {
  const type = authType(r)
  // No AuthType: nothing is to be authenticated.
  if (type === undefined) return OK
  r.log('error', 'authn_core', `AH01796: AuthType ${type} configured without corresponding module`)
  return 500
}

/** Calls a provider with what its alias says over what holds for the request. */
function aliasOf(base: AuthnProvider, said: ConfigVector, settings: readonly AnySettings[]): AuthnProvider {
  const merged = new WeakMap<ConfigVector, ConfigVector>()
  const under = (outer: ConfigVector): ConfigVector => {
    let conf = merged.get(outer)
    if (conf === undefined) merged.set(outer, conf = outer.mergedWith(said, settings))
    return conf
  }
  const { checkPassword, realmHash } = base
  return {
    ...(checkPassword && { checkPassword: (r, user, password, conf) => checkPassword(r, user, password, under(conf)) }),
    ...(realmHash && { realmHash: (r, user, realm, conf) => realmHash(r, user, realm, under(conf)) }),
  }
}

const ALIAS = '<AuthnProviderAlias'

function providerAlias(command: Command, words: readonly string[], walk: (inside: { section: Section }) => void): void {
  const [name = '', alias = ''] = words
  if (name === '' || alias === '') throw new ConfigError(`${ALIAS}> directive requires additional arguments`)
  if (name === alias) throw new ConfigError('The alias provider name must be different from the base provider name.')
  const { table } = command
  if (authnProvider(alias, table) !== undefined) {
    throw new ConfigError(`The alias provider ${alias} has already be registered previously as either a base provider ` +
      'or an alias provider.')
  }
  const base = authnProvider(name, table)
  if (base === undefined) throw new ConfigError(`Unknown Authn provider: ${name}`)
  const vector = new ConfigVector()
  walk({
    section: {
      kind: 'Directory', pattern: '', at: { file: command.file, line: command.line }, vector, inner: [],
      // It holds nowhere by itself.
      matches: () => false,
    },
  })
  const settings = table!.settings().filter(({ scope }) => scope === 'directory')
  registerAuthnAlias(table!, alias, aliasOf(base, vector, settings))
}

const alias: Directive = {
  name: ALIAS, where: GLOBAL_ONLY, takes: 'takes two arguments', scope: 'directory',
  help: 'Another name for a provider, with settings of its own',
  apply: () => { /* The section function does all of it. */ },
  section: providerAlias,
}

export const module = {
  name: 'authn_core_module',
  file: 'mod_authn_core.c',
  settings: [authnCore],
  directives: [
    authnCore.directive('AuthType', [word], (said, command, words) => {
      said.type = text(words, command, 'AuthType')
    }, AUTHCFG, 'an HTTP authorization type (e.g., "Basic")'),
    authnCore.directive('AuthName', [word], (said, command, words) => {
      said.name = text(words, command, 'AuthName')
    }, AUTHCFG, 'the authentication realm (e.g. "Members Only")'),
    alias,
  ],
  register({ checkUserId }, on) {
    const quick = (type: typeof authnCore.defaults.type) => typeof type !== 'object' || type.quick
    on(checkUserId, authenticateNobody,
      { order: Order.last, quick: true, when: (settings) => quick(settings.dir(authnCore).type) })
    on(checkUserId, authenticateNobody,
      { order: Order.last, when: (settings) => !quick(settings.dir(authnCore).type) })
  },
} satisfies Module
