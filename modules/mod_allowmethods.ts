/* mod_allowmethods: which methods are allowed in a place, whatever handles them there. */
import {
  ACCESS_CONF, ConfigError, DECLINED, M_INVALID, methodName, methodNumber, Order, raw, Settings, wordsOf,
  type Command, type Module, type Request, type Status,
} from 'httpd'

const perDirectory = new Settings('directory', {
  /** GET stands for HEAD as well, and HEAD for GET. Empty: all of them. */
  allowed: new Set() as ReadonlySet<string>,
})

function allow(said: { allowed?: ReadonlySet<string> }, { args }: Command): void {
  const words = wordsOf(args)
  if (words.length === 0) throw new ConfigError("AllowMethods: No method or 'reset' keyword given")
  if (words.length === 1 && words[0]!.toLowerCase() === 'reset') {
    said.allowed = new Set()
    return
  }
  const wrong = words.find((method) => methodNumber(method) === M_INVALID)
  if (wrong !== undefined) throw new ConfigError(`AllowMethods: Invalid Method '${wrong}'`)
  const names = words.map((method) => methodName(methodNumber(method)))
  said.allowed = new Set([...(said.allowed ?? []), ...names, ...(names.includes('GET') ? ['HEAD'] : [])])
}

/** access_checker */
export function checkMethod(r: Request): Status {
  if (r.dir(perDirectory).allowed.has(r.method)) return DECLINED
  r.log('error', 'allowmethods', `AH01623: client method denied by server configuration: '${r.method}' to ` +
    `${r.filename ?? `uri ${r.uri}`}`)
  return 405
}

export const module = {
  name: 'allowmethods_module',
  file: 'mod_allowmethods.c',
  settings: [perDirectory],
  directives: [
    perDirectory.directive('AllowMethods', [raw], (said, command) => allow(said, command), ACCESS_CONF,
      'The methods that are allowed, or `reset` for all of them'),
  ],
  register({ accessChecker }, on) {
    on(accessChecker, checkMethod, {
      quick: true, order: Order.reallyFirst, when: (settings) => settings.dir(perDirectory).allowed.size > 0,
    })
  },
} satisfies Module
