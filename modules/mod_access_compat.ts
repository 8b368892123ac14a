/*
 * mod_access_compat: access by address and environment as Apache 2.2 wrote it (Order, Allow, Deny), and whether it or
 * Require is enough (Satisfy). What one section says replaces all that the sections around it say.
 */
import {
  after, allowedBy, ConfigError, each, limitHolds, OK, provenHost, registerSatisfy, Settings, subnet, tableValue,
  word, type Answer, type Command, type Module, type Request, type Status, type Subnet,
} from 'httpd'

type Limit = Command['limit']
type Order = 'allow,deny' | 'deny,allow' | 'mutual-failure'

/** Something that one line says of the methods that it speaks of; undefined: of all. */
interface Said<T> { readonly value: T; readonly limit: Limit }

/** Whom an Allow or a Deny speaks of. */
type Rule =
  | { readonly kind: 'all' }
  | { readonly kind: 'env'; readonly name: string; readonly present: boolean }
  | { readonly kind: 'ip'; readonly has: Subnet }
  | { readonly kind: 'host'; readonly name: string }

interface Access {
  readonly order: readonly Said<Order>[]
  readonly allow: readonly Said<Rule>[]
  readonly deny: readonly Said<Rule>[]
  readonly satisfy: readonly Said<'any' | 'all'>[]
}

const SILENT: Access = { order: [], allow: [], deny: [], satisfy: [] }

export const compat = new Settings('directory', { access: SILENT })

const speaks = ({ limit }: Said<unknown>, method: string): boolean => limit === undefined || limitHolds(limit, method)

/** What was said last of a method. */
function last<T>(said: readonly Said<T>[], method: string, otherwise: T): T {
  for (let i = said.length - 1; i >= 0; i--) if (speaks(said[i]!, method)) return said[i]!.value
  return otherwise
}

const isAny = (r: Request): boolean => last(r.dir(compat).access.satisfy, r.method, 'all') === 'any'
registerSatisfy(isAny)

/** As text of configuration: `example.org` is a domain with all names in it; `.example.org` is without itself. */
export function inDomain(domain: string, name: string): boolean {
  const [whole, lower] = [domain.toLowerCase(), name.toLowerCase()]
  if (!lower.endsWith(whole)) return false
  // What matches has to begin where a label does.
  return lower.length === whole.length || whole.startsWith('.') || lower[lower.length - whole.length - 1] === '.'
}

function applies(rule: Rule, r: Request): Answer<boolean> {
  switch (rule.kind) {
    case 'all': return true
    case 'env': return (tableValue(r.env, rule.name) !== undefined) === rule.present
    case 'ip': return rule.has(r.clientIp)
    case 'host': return provenHost(r).then((name) => name !== undefined && inDomain(rule.name, name))
  }
}

/** Whether one of the rules holds. */
function some(rules: readonly Said<Rule>[], r: Request, from = 0): Answer<boolean> {
  for (let i = from; i < rules.length; i++) {
    if (!speaks(rules[i]!, r.method)) continue
    const answer = applies(rules[i]!.value, r)
    if (typeof answer !== 'boolean') return answer.then((found) => found || some(rules, r, i + 1))
    if (answer) return true
  }
  return false
}

/** access_checker. */
export function checkAccess(r: Request): Answer<Status> {
  const { order, allow, deny } = r.dir(compat).access
  return after(some(allow, r), (allowed) => after(some(deny, r), (denied) => {
    const may = {
      'allow,deny': allowed && !denied, 'deny,allow': allowed || !denied, 'mutual-failure': allowed && !denied,
    }
    return may[last(order, r.method, 'deny,allow')] ? OK : refuse(r)
  }))
}

function refuse(r: Request): Status {
  r.log('error', 'access_compat', `AH01797: client denied by server configuration: ${r.filename ?? `uri ${r.uri}`}`)
  return 403
}

/** @throws ConfigError with Apache's text */
function ruleOf(text: string): Rule {
  const env = /^env=(!?)(.*)$/is.exec(text)
  if (env !== null) return { kind: 'env', name: env[2]!, present: env[1] === '' }
  if (text.toLowerCase() === 'all') return { kind: 'all' }
  const has = networkOf(text)
  return has === undefined ? { kind: 'host', name: text } : { kind: 'ip', has }
}

/** undefined for what looks like a name. */
function networkOf(text: string): Subnet | undefined {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  if (!address.includes(':') && !/^[.\d]*$/.test(address)) {
    if (slash >= 0) throw new ConfigError('An IP address was expected')
    return undefined
  }
  return tried(text) ?? fault(tried(slash < 0 ? '' : `${address}/1`) === undefined
    ? 'The specified IP address is invalid.' : 'The specified network mask is invalid.')
}

function tried(text: string): Subnet | undefined {
  try {
    return subnet(text)
  } catch {
    return undefined
  }
}

function fault(message: string): never {
  throw new ConfigError(message)
}

type Part = { access?: Access }

/** Adds to what this section says. */
function add<K extends keyof Access>(said: Part, list: K, command: Command, value: Access[K][number]['value']): void {
  const access = said.access ?? SILENT
  said.access = { ...access, [list]: [...access[list], { value, limit: command.limit }] }
}

const rules = (list: 'allow' | 'deny') => (said: Part, command: Command, from: string, texts: readonly string[]): void => {
  if (from.toLowerCase() !== 'from') throw new ConfigError("allow and deny must be followed by 'from'")
  for (const text of texts) {
    if (text.startsWith('#')) throw new ConfigError('No comments are allowed here')
    add(said, list, command, ruleOf(text))
  }
}

function order(said: Part, command: Command, text: string): void {
  const lower = text.toLowerCase()
  if (lower !== 'allow,deny' && lower !== 'deny,allow' && lower !== 'mutual-failure')
    throw new ConfigError('unknown order')
  add(said, 'order', command, lower)
}

function satisfy(said: Part, command: Command, text: string): void {
  const lower = text.toLowerCase()
  if (lower !== 'any' && lower !== 'all') throw new ConfigError("Satisfy either 'any' or 'all'.")
  add(said, 'satisfy', command, lower)
}

const LIMIT = allowedBy('Limit')
const FROM = "'from' followed by hostnames or IP-address wildcards"

export const module = {
  name: 'access_compat_module',
  file: 'mod_access_compat.c',
  settings: [compat],
  directives: [
    compat.directive('order', [word], order, LIMIT, "'allow,deny', 'deny,allow', or 'mutual-failure'"),
    compat.directive('allow', [word, each(word)], rules('allow'), LIMIT, FROM),
    compat.directive('deny', [word, each(word)], rules('deny'), LIMIT, FROM),
    compat.directive('Satisfy', [word], satisfy, allowedBy('AuthConfig'),
      "access policy if both allow and require used ('all' or 'any')"),
  ],
  register({ accessChecker }, on) {
    // Where a user may make good what is refused here the request may go on to another thread: it is told of there.
    const goesOn = ({ satisfy }: Access): boolean => satisfy.some(({ value }) => value === 'any')
    on(accessChecker, checkAccess, {
      quick: true,
      when: (settings) => settings.dir(compat).access !== SILENT && !goesOn(settings.dir(compat).access),
    })
    on(accessChecker, checkAccess, { when: (settings) => goesOn(settings.dir(compat).access) })
  },
} satisfies Module
