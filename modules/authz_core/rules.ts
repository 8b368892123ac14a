/*
 * The rules that Require lines and their containers make: a tree, kept flat in plain objects, and what it
 * says of a request. The logic is that of Apache's mod_authz_core.
 */
import { after, type Answer, type AuthzProvider, type AuthzStatus, type Request } from 'httpd'

export type Logic = 'and' | 'or'

/** One Require line, or a container of rules. */
export type Rule = Requirement | Container

interface Common {
  /** `Require not`, <RequireNone>. */
  readonly negate: boolean
  /** The methods that it speaks of; undefined: all. */
  readonly limit: { readonly methods: readonly string[]; readonly except: boolean } | undefined
}

export interface Requirement extends Common {
  readonly provider: AuthzProvider
  readonly parsed: unknown
  /** As written, for the log. */
  readonly text: string
}

export interface Container extends Common {
  readonly logic: Logic
  readonly rules: Rule[]
}

export const isContainer = (rule: Rule): rule is Container => 'rules' in rule

/**
 * What a rule says of a request. Answers a promise if a requirement did.
 * @param within how it is joined with the rules beside it; what limits itself to other methods does not stand in the
 *   way of those
 */
export function evaluate(rule: Rule, r: Request, within: Logic = 'and'): Answer<AuthzStatus> {
  if (!speaksOf(rule, r.method)) return within === 'and' ? 'granted' : 'neutral'
  const answer = isContainer(rule) ? evaluateAll(rule, r, 0, 'neutral') : rule.provider.check(r, rule.parsed)
  return rule.negate ? after(answer, negated) : answer
}

/** A container speaks of the methods that anything in it speaks of. */
function speaksOf(rule: Rule, method: string): boolean {
  if (rule.limit === undefined)
    return !isContainer(rule) || rule.rules.length === 0 || rule.rules.some((inner) => speaksOf(inner, method))
  const { methods, except } = rule.limit
  return (methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))) !== except
}

// That something was denied is no reason to grant: the opposite of denied is neutral.
const negated = (status: AuthzStatus): AuthzStatus =>
  status === 'granted' ? 'denied' : status === 'denied' || status === 'deniedNoUser' ? 'neutral' : status

function evaluateAll(container: Container, r: Request, from: number, before: AuthzStatus): Answer<AuthzStatus> {
  const { logic, rules } = container
  let result = before
  for (let i = from; i < rules.length; i++) {
    const answer = evaluate(rules[i]!, r, logic)
    if (answer instanceof Promise) {
      const sofar = result
      return answer.then((late) =>
        isFinal(logic, late) ? late : evaluateAll(container, r, i + 1, joined(logic, sofar, late)))
    }
    if (isFinal(logic, answer)) return answer
    result = joined(logic, result, answer)
  }
  return result
}

const isFinal = (logic: Logic, status: AuthzStatus): boolean =>
  status === 'error' || status === (logic === 'and' ? 'denied' : 'granted')

/** `deniedNoUser` says that a user may change the result; it stands unless something else is certain. */
function joined(logic: Logic, before: AuthzStatus, status: AuthzStatus): AuthzStatus {
  if (status === 'neutral') return before
  if (before === 'neutral') return status
  if (status !== 'deniedNoUser') return before
  return logic === 'and' ? (before === 'denied' ? before : status) : before === 'denied' ? status : before
}

/** What a rule says of every request; undefined if that depends on the request. */
export function constant(rule: Rule): AuthzStatus | undefined {
  if (rule.limit !== undefined) return undefined
  const answer = isContainer(rule) ? constantOf(rule) : rule.provider.constant?.(rule.parsed)
  return answer !== undefined && rule.negate ? negated(answer) : answer
}

function constantOf({ logic, rules }: Container): AuthzStatus | undefined {
  let result: AuthzStatus = 'neutral'
  for (const rule of rules) {
    const status = constant(rule)
    if (status === undefined || isFinal(logic, status)) return status
    result = joined(logic, result, status)
  }
  return result
}

/** True if a requirement in there may take its time. */
export function isSlow(rule: Rule): boolean {
  if (isContainer(rule)) return rule.rules.some(isSlow)
  return rule.provider.slow === true || rule.provider.isSlow?.(rule.parsed) === true
}

/** True if it contains rules that can only deny, so that nobody would ever be granted anything. */
export const onlyNegative = ({ rules }: Container): boolean => rules.length > 0 && rules.every(({ negate }) => negate)
