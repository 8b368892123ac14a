/*
 * mod_authz_core: who may ask for what. Require lines name providers; containers join them. What a
 * configuration says of every request alike is worked out once, not per request.
 */
import {
  ACCESS_CONF, after, ConfigError, DECLINED, OK, Order, Settings, allowedBy, authType, authzProvider, flag,
  globalCore, noteAuthFailure, oneOf, parseCondition, raw, registerAuthz, tableValue,
  type Answer, type AuthzStatus, type Command, type Directive, type Module, type Request, type Status,
} from 'httpd'
import { providerAlias } from './authz_core/alias.ts'
import {
  constant, evaluate, isSlow, onlyNegative, type Container, type Logic, type Rule,
} from './authz_core/rules.ts'

/** The rules of one place. `logic`: how they join with the rules outside of it (AuthMerging). */
interface Rules {
  readonly logic: Logic | 'off' | undefined
  readonly container: Container | undefined
}

const NO_RULES: Rules = { logic: undefined, container: undefined }

const authz = new Settings('directory', {
  rules: NO_RULES,
  /** AuthzSendForbiddenOnFailure: 403 even though another user might be allowed. */
  forbidden: false,
}, {
  rules: merge,
})

function merge(outer: Rules, inner: Rules): Rules {
  const { logic } = inner
  if (logic === undefined && inner.container === undefined) return outer
  if (logic === undefined || logic === 'off') return inner
  const both = [outer.container, inner.container].filter((container) => container !== undefined)
  return { logic, container: both.length < 2 ? both[0] : group(logic, both) }
}

const group = (logic: Logic, rules: Rule[]): Container => ({ logic, rules, negate: false, limit: undefined })

/** What is worked out once for rules that hold somewhere. */
interface Decision {
  readonly always: AuthzStatus | undefined
  readonly slow: boolean
}

const decisions = new WeakMap<Rules, Decision>()

function decisionFor(rules: Rules): Decision {
  let decision = decisions.get(rules)
  if (decision === undefined) {
    const { container } = rules
    // Nothing required: granted, with no word about users.
    const always = container === undefined ? 'granted' : constant(container)
    decisions.set(rules, decision = { always, slow: container !== undefined && isSlow(container) })
  }
  return decision
}

function authorise(r: Request, afterAuthentication: boolean): Answer<Status> {
  const { rules } = r.dir(authz)
  const { always } = decisionFor(rules)
  if (always === 'granted') return OK
  return after(always ?? evaluate(rules.container!, r), (status) => verdict(r, status, afterAuthentication))
}

function verdict(r: Request, status: AuthzStatus, afterAuthentication: boolean): Status {
  if (status === 'granted') return OK
  if (status === 'error') return 500
  if (status === 'deniedNoUser') {
    if (!afterAuthentication) return DECLINED
    r.log('error', 'authz_core', `AH01629: authorization failure (no authenticated user): ${r.uri}`)
    return unauthorised(r)
  }
  if (afterAuthentication && authType(r) !== undefined) {
    r.log('error', 'authz_core', `AH01631: user ${r.user}: authorization failure for "${r.uri}": `)
    return r.dir(authz).forbidden ? 403 : unauthorised(r)
  }
  r.log('error', 'authz_core', `AH01630: client denied by server configuration: ${r.filename ?? `uri ${r.uri}`}`)
  return 403
}

/** The client may try as somebody else. */
function unauthorised(r: Request): Status {
  noteAuthFailure(r)
  return 401
}

/** access_checker_ex: what can be decided without a user. */
export const checkWithoutUser = (r: Request): Answer<Status> => authorise(r, false)
/** auth_checker: what depends on the user. */
export const checkUser = (r: Request): Answer<Status> => authorise(r, true)

// Configuration: while the lines of a container are carried out, its rules are collected here.
let open: { readonly container: Container; readonly name: string } | undefined

type Said = { rules?: Rules }

/** The container that a line adds to: the open one, or that of the place, which is as if by <RequireAny>. */
function target(said: Said): Container {
  if (open !== undefined) return open.container
  const before = said.rules ?? NO_RULES
  if (before.container !== undefined) return before.container
  const container = group('or', [])
  said.rules = { logic: before.logic, container }
  return container
}

function require(said: Said, command: Command): void {
  const [, first, rest] = /^(\S*)\s*(.*)$/s.exec(command.args.trim())!
  const negate = first!.toLowerCase() === 'not'
  const [, name, args] = negate ? /^(\S*)\s*(.*)$/s.exec(rest!)! : ['', first, rest]
  if (name === '') throw command.usage('requires at least one argument')
  const provider = authzProvider(name!, command.table)
  if (provider === undefined) throw new ConfigError(`Unknown Authz provider: ${name}`)
  const parsed = provider.parse(args!, command)
  if (negate) refuseIn(open, command.name)
  target(said).rules.push({ provider, parsed, text: `${name} ${args}`, negate, limit: command.limit })
}

/** Where one requirement is enough, one that can only deny changes nothing. */
function refuseIn(outer: typeof open, name: string): void {
  if (outer === undefined || outer.container.logic === 'or')
    throw new ConfigError(`negative ${name} directive has no effect in ${outer?.name ?? '<RequireAny'}> directive`)
}

/** <RequireAll>, <RequireAny>, <RequireNone>. */
function container(name: string, logic: Logic, negate: boolean, help: string): Directive {
  return {
    name, where: allowedBy('AuthConfig'), help, takes: 'takes no arguments', scope: 'directory',
    apply: () => { /* The section function does all of it. */ },
    section(command, words, walk) {
      if (words.length > 0) throw new ConfigError(`${name}> takes no arguments`)
      const made: Container = { logic, rules: [], negate, limit: command.limit }
      const outer = open
      if (negate) refuseIn(outer, `${name}>`)
      open = { container: made, name }
      try {
        walk()
      } finally {
        open = outer
      }
      if (made.rules.length === 0) throw new ConfigError(`${name}> directive contains no authorization directives`)
      if (onlyNegative(made))
        throw new ConfigError(`${name}> directive contains only negative authorization directives`)
      target(command.vector('directory').said(authz)).rules.push(made)
    },
  }
}

registerAuthz('all', {
  parse(args) {
    const lower = args.trim().toLowerCase()
    if (lower !== 'granted' && lower !== 'denied')
      throw new ConfigError("Argument for 'Require all' must be 'granted' or 'denied'")
    return lower
  },
  check: (_, said) => said,
  constant: (said) => said,
})

const words = (args: string): string[] =>
  args.split(/\s+/).filter((text) => text !== '').map((text) => text.replace(/^"(.*)"$/, '$1'))

registerAuthz('env', {
  parse: words,
  check: (r, names) => names.some((name) => tableValue(r.env, name) !== undefined) ? 'granted' : 'denied',
})

const METHODS = new Set(('GET HEAD PUT POST DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE ' +
  'LOCK UNLOCK VERSION-CONTROL CHECKOUT UNCHECKOUT CHECKIN UPDATE LABEL REPORT MKWORKSPACE MKACTIVITY ' +
  'BASELINE-CONTROL MERGE').split(' '))

registerAuthz('method', {
  parse(args, command) {
    const methods = words(args)
    const registered = command.server.vector.holds(globalCore).registeredMethods
    for (const method of methods) {
      if (!METHODS.has(method) && !registered.includes(method))
        throw new ConfigError(`'${method}' is not a valid method`)
    }
    return methods
  },
  check: (r, methods) =>
    methods.includes(r.method) || (r.method === 'HEAD' && methods.includes('GET')) ? 'granted' : 'denied',
})

registerAuthz('expr', {
  parse(args, command) {
    // Around all of it quotes are none of the expression's; inside nothing is escaped.
    const text = /^"(.*)"$/s.exec(args)?.[1] ?? args
    return parseCondition(text, command, 'Cannot parse expression in require line: ')
  },
  check: (r, expression) => expression.resolve<AuthzStatus>(r, 'authz_core',
    // Who the user is might change the answer.
    (value) => value ? 'granted' : expression.variables.has('REMOTE_USER') ? 'deniedNoUser' : 'denied',
    (reason) => {
      r.log('error', 'authz_core', `AH02320: Error evaluating expression in 'Require expr': ${reason}`)
      return 'error'
    }),
  constant: ({ constant }) => constant === undefined ? undefined : constant ? 'granted' : 'denied',
  isSlow: ({ quick }) => !quick,
})

const AUTHCFG = allowedBy('AuthConfig')

export const module = {
  name: 'authz_core_module',
  file: 'mod_authz_core.c',
  settings: [authz],
  directives: [
    {
      ...authz.directive('Require', [raw], require, AUTHCFG, 'A provider, and what it is to require'),
      takes: 'requires at least one argument',
    },
    container('<RequireAll', 'and', false, 'Requirements of which none may fail and one must be met'),
    container('<RequireAny', 'or', false, 'Requirements of which one must be met'),
    container('<RequireNone', 'or', true, 'Requirements of which none may be met'),
    authz.directive('AuthMerging', [oneOf(['off', 'and', 'or'],
      'AuthMerging must be one of: Off | And | Or')], (said, _, logic) => {
      said.rules = { logic, container: said.rules?.container }
    }, AUTHCFG, 'How requirements join with those outside: Off, And, Or'),
    authz.directive('AuthzSendForbiddenOnFailure', [flag], 'forbidden', ACCESS_CONF,
      'Whether a refused user gets 403 and is not asked again'),
    providerAlias,
  ],
  register({ accessCheckerEx, authChecker }, on) {
    const slow = (rules: Rules) => decisionFor(rules).slow
    for (const [hook, check] of [[accessCheckerEx, checkWithoutUser], [authChecker, checkUser]] as const) {
      on(hook, check, { order: Order.last, quick: true, when: (settings) => !slow(settings.dir(authz).rules) })
      on(hook, check, { order: Order.last, when: (settings) => slow(settings.dir(authz).rules) })
    }
  },
} satisfies Module
