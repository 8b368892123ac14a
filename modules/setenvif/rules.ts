/* What one line of mod_setenvif says, and how it is carried out for a request: pure functions of both. */
import {
  after, compileRegex, ConfigError, isFixed, LONGEST_SUBSTITUTION, nextWord, parseCondition, RegexSyntaxError,
  remoteHost, substitute, tableSet, tableUnset, tableValue,
  type Answer, type Command, type Expression, type Regex, type Request,
} from 'httpd'

/** What becomes of one variable. */
export interface Change {
  readonly name: string
  /** Undefined: it is taken away. */
  readonly value: string | undefined
  /** It has no `$0` … `$9` in it. */
  readonly fixed: boolean
}

interface Match {
  /** Of what the test looks at, lower case: lines in a row that look at the same thing look once. */
  readonly subject: string
  readonly pattern: string
  readonly ignoreCase: boolean
  look(r: Request): string | undefined
  /** The groups of the match; null for none. */
  test(subject: string): readonly (string | undefined)[] | null
}

interface Condition { readonly expression: Expression<boolean> }

export type Rule = (Match | Condition) & { readonly changes: readonly Change[] }

const ATTRIBUTES: Readonly<Record<string, (r: Request) => string | undefined>> = {
  remote_addr: (r) => r.clientIp,
  remote_host: (r) => remoteHost(r) ?? r.clientIp,
  server_addr: (r) => r.connection.localIp,
  request_uri: (r) => r.uri,
  request_method: (r) => r.method,
  request_protocol: (r) => r.protocolText,
}

export const looksAtHost = (rule: Rule): boolean => 'subject' in rule && rule.subject === 'remote_host'

const HEADER_NAME = /^[-A-Za-z0-9_]*$/

function lookerFor(name: string, ignoreCase: boolean, directive: string): Match['look'] {
  const attribute = Object.hasOwn(ATTRIBUTES, name.toLowerCase()) ? ATTRIBUTES[name.toLowerCase()] : undefined
  if (attribute !== undefined) return attribute
  // An extension of the client's certificate: without TLS there is none to look into.
  if (/^oid\(/i.test(name)) return () => undefined
  if (HEADER_NAME.test(name)) return (r) => r.headersIn.get(name) ?? variable(r, name)
  const names = compiled(name, ignoreCase, `${directive}Header name regex could not be compiled.`)
  return (r) => lastOf(r, names)
}

/** Of several headers that match the last one counts. */
function lastOf({ headersIn }: Request, names: Regex): string | undefined {
  let found: string | undefined
  for (const [name, value] of headersIn.fields()) if (names.test(name)) found = value
  return found
}

// Without making the table where there is none.
const variable = (r: Request, name: string): string | undefined =>
  r.hasEnv === false ? undefined : tableValue(r.env, name)

function compiled(pattern: string, ignoreCase: boolean, message: string): Regex {
  try {
    return compileRegex(pattern, ignoreCase ? 'i' : '')
  } catch (error) {
    throw error instanceof RegexSyntaxError ? new ConfigError(message) : error
  }
}

/** The text that a pattern without special characters stands for; undefined if it has any. */
export function plainText(pattern: string): string | undefined {
  return /^(?:[^\\^.$|()[\]*+?{}]|\\[\\^.$|()[\]*+?{}])*\\?$/.test(pattern) ? pattern.replace(/\\(.?)/gs, '$1') : undefined
}

const NO_GROUPS: readonly string[] = []

function testerFor(pattern: string, ignoreCase: boolean, directive: string): Match['test'] {
  const plain = plainText(pattern)
  if (plain === undefined) {
    const regex = compiled(pattern, ignoreCase, `${directive} regex could not be compiled.`)
    return (subject) => regex.exec(subject)
  }
  const wanted = ignoreCase ? plain.toLowerCase() : plain
  return (subject) => (ignoreCase ? subject.toLowerCase() : subject).includes(wanted) ? NO_GROUPS : null
}

/** `NAME`, `NAME=VALUE`, `!NAME`, one or more. Of several for one variable the last counts. */
function changesIn(text: string, directive: string, plain: boolean): readonly Change[] {
  const changes = new Map<string, Change>()
  for (let [word, rest] = nextWord(text); word !== ''; [word, rest] = nextWord(rest)) {
    const at = word.indexOf('=')
    const [said, value] = at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)]
    const name = value === '' && said.startsWith('!') ? said.slice(1) : said
    const unset = value.startsWith('!') || name !== said
    // What is no regular expression has no groups: a $ in the value stands for itself.
    changes.set(name.toLowerCase(), { name, value: unset ? undefined : value || '1', fixed: plain || isFixed(value) })
  }
  if (changes.size === 0) throw new ConfigError(`Missing envariable expression for ${directive}`)
  return [...changes.values()]
}

/** @param rest of the line, after the name of what it looks at */
export function matchRule(name: string, rest: string, directive: string, ignoreCase: boolean): Rule {
  const [pattern, words] = nextWord(rest)
  if (pattern === '') throw new ConfigError(`Missing regular expression for ${directive}`)
  return {
    subject: name.toLowerCase(), pattern, ignoreCase,
    test: testerFor(pattern, ignoreCase, directive), look: lookerFor(name, ignoreCase, directive),
    changes: changesIn(words, directive, plainText(pattern) !== undefined),
  }
}

export function expressionRule(command: Command): Rule {
  const { name } = command.directive
  const [text, words] = nextWord(command.args)
  if (text === '') throw new ConfigError(`Missing expression for ${name}`)
  return {
    expression: parseCondition(text, command, `Could not parse expression "${text}": `),
    changes: changesIn(words, name, false),
  }
}

/**
 * Carries rules out, one after the other.
 * @returns false if a value came to be too long: what it is of has failed
 */
export function applyRules(r: Request, rules: readonly Rule[], from = 0): Answer<boolean> {
  let seen: string | undefined
  let value = ''
  for (let i = from; i < rules.length; i++) {
    const rule = rules[i]!
    if ('expression' in rule) {
      const captures: { groups: readonly (string | undefined)[] | undefined } = { groups: undefined }
      const holds = decide(r, rule, captures)
      if (holds instanceof Promise) {
        return after(holds, (late) => (late && !change(r, rule.changes, captures.groups ?? NO_GROUPS) ? false : applyRules(r, rules, i + 1)))
      }
      if (holds && !change(r, rule.changes, captures.groups ?? NO_GROUPS)) return false
      continue
    }
    if (rule.subject !== seen) {
      seen = rule.subject
      value = rule.look(r) ?? ''
    }
    const groups = rule.test(value)
    if (groups !== null && !change(r, rule.changes, groups)) return false
  }
  return true
}

// What cannot be evaluated does not hold.
function decide(r: Request, { expression }: Condition, captures: { groups: readonly (string | undefined)[] | undefined }): Answer<boolean> {
  return expression.resolve(r, 'setenvif', (holds) => holds, () => false, captures)
}

function change({ env }: Request, changes: readonly Change[], groups: readonly (string | undefined)[]): boolean {
  for (const { name, value, fixed } of changes) {
    if (value === undefined) tableUnset(env, name)
    else if (fixed) tableSet(env, name, value)
    else {
      const text = substitute(value, groups)
      if (text.length >= LONGEST_SUBSTITUTION) return false
      tableSet(env, name, text)
    }
  }
  return true
}
