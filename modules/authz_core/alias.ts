/*
 * <AuthzProviderAlias>: another name for a provider with what it is to require, and with settings of its own. What the
 * alias requires is read once, where the alias stands; what follows its name in a Require line means nothing.
 */
import {
  authzProvider, ConfigError, ConfigVector, GLOBAL_ONLY, registerAuthzAlias,
  type AnySettings, type AuthzProvider, type Command, type Directive, type Request, type Section,
} from 'httpd'

const NAME = '<AuthzProviderAlias'

/** @param args what the alias requires; only the first of several words, as Apache has it */
function aliased(command: Command, words: readonly string[], walk: (inside: { section: Section }) => void): void {
  const [name = '', alias = '', args = '', ...more] = words
  if (name === '' || alias === '') throw new ConfigError(`${NAME}> directive requires additional arguments`)
  if (more.length > 0) {
    command.note('warn', `AH10142: When several arguments (${args} ${more[0]!}...) are passed to a ${NAME} directive, ` +
      'they must be enclosed in quotation marks.  Otherwise, only the first one is taken into account')
  }
  const table = command.table!
  const vector = new ConfigVector()
  walk({
    section: {
      kind: 'Directory', pattern: '', at: { file: command.file, line: command.line }, vector, inner: [],
      // It holds nowhere by itself.
      matches: () => false,
    },
  })
  const base = authzProvider(name, table)
  if (base === undefined) throw new ConfigError(`Unknown Authz provider: ${name}`)
  const settings = table.settings().filter(({ scope }) => scope === 'directory')
  const said = settings.some((one) => vector.says(one) !== undefined)
  const asked = askedAs(base, parse(base, name, args, command))
  registerAuthzAlias(table, alias, said ? under(asked, vector, settings) : asked)
}

function parse(base: AuthzProvider, name: string, args: string, command: Command): unknown {
  try {
    return base.parse(args, command)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`Can't parse 'Require ${name} ${args}': ${error.message}`)
  }
}

/** The provider as it is with what was parsed before. */
function askedAs(base: AuthzProvider, parsed: unknown): AuthzProvider<undefined> {
  const constant = base.constant?.(parsed)
  return {
    parse: () => undefined,
    check: (r) => base.check(r, parsed),
    constant: () => constant,
    slow: base.slow === true || base.isSlow?.(parsed) === true,
  }
}

/** The same with what the alias says of settings over what holds for the request. */
function under(asked: AuthzProvider<undefined>, said: ConfigVector, settings: readonly AnySettings[]): AuthzProvider<undefined> {
  const merged = new WeakMap<ConfigVector, ConfigVector>()
  const withSaid = (outer: ConfigVector): ConfigVector => {
    let conf = merged.get(outer)
    if (conf === undefined) merged.set(outer, conf = outer.mergedWith(said, settings))
    return conf
  }
  return { ...asked, check: (r) => asked.check(configuredAs(r, withSaid(r.dirVector)), undefined) }
}

/** A request to whoever asks what is configured for it by another configuration, and itself in all else. */
function configuredAs(r: Request, conf: ConfigVector): Request {
  const dir: Request['dir'] = (settings) => conf.holds(settings)
  return new Proxy(r, {
    get(target, key) {
      if (key === 'dir') return dir
      if (key === 'dirVector') return conf
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) as unknown : value
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  })
}

export const providerAlias: Directive = {
  name: NAME, where: GLOBAL_ONLY, takes: 'requires additional arguments', scope: 'directory',
  help: 'Another name for a provider with its arguments, and with settings of its own',
  apply: () => { /* The section function does all of it. */ },
  section: aliased,
}
