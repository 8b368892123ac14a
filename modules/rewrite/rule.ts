/* What RewriteCond and RewriteRule lines say, ready to run. One rule: patterns and texts are compiled here, once. */
import {
  compileRegex, ConfigError, knownStatus, numberOf, parseCondition, RegexSyntaxError,
  type Command, type Expression, type Regex,
} from 'httpd'
import { Template } from './template.ts'
import type { Escaping, QueryFlags } from './uri.ts'
import { flagsOf, wordsOf } from './words.ts'

/** How the text of a condition is tested. */
export type Test =
  | { readonly kind: 'regex'; readonly regex: Regex }
  | { readonly kind: 'expression'; readonly expression: Expression<boolean> }
  | { readonly kind: 'file'; readonly letter: string }
  | { readonly kind: 'url' | 'access' }
  | { readonly kind: 'text' | 'number'; readonly holds: (order: number) => boolean; readonly to: string }

export interface Condition {
  readonly input: Template
  readonly test: Test
  /** As written, with its `!`: for the trace. */
  readonly pattern: string
  readonly negated: boolean
  readonly ignoreCase: boolean
  readonly or: boolean
  readonly noVary: boolean
}

export interface Rule {
  /** As written, without its `!`. */
  readonly pattern: string
  readonly regex: Regex
  readonly negated: boolean
  readonly conditions: readonly Condition[]
  /** Undefined for `-`: nothing is substituted. */
  readonly output: Template | undefined
  readonly flags: RuleFlags
}

export interface RuleFlags extends QueryFlags {
  /** R: the client is sent elsewhere. */
  redirect: boolean
  /** F, G, R with a status that is none of a redirect: that is the answer. */
  answer: boolean
  status: number
  append: boolean
  discard: boolean
  last: boolean
  none: boolean
  final: boolean
  end: boolean
  again: boolean
  rounds: number
  chain: boolean
  skip: number
  ignoreCase: boolean
  noEscape: boolean
  noSubrequests: boolean
  passThrough: boolean
  proxy: boolean
  discardPathInfo: boolean
  unsafeAllow3F: boolean
  unsafePrefixStat: boolean
  /** Slashes in front stay as they are. */
  unc: boolean
  escapes: boolean
  escaping: Escaping | undefined
  type: Template | undefined
  handler: Template | undefined
  env: Template[]
  cookies: Template[]
}

/** Rounds that N may make (REWRITE_MAX_ROUNDS). */
const MAX_ROUNDS = 10_000

const noFlags = (): RuleFlags => ({
  redirect: false, answer: false, status: 302, append: false, discard: false, last: false, none: false, final: false,
  end: false, again: false, rounds: MAX_ROUNDS, chain: false, skip: 0, ignoreCase: false, noEscape: false,
  noSubrequests: false, passThrough: false, proxy: false, discardPathInfo: false, unsafeAllow3F: false,
  unsafePrefixStat: false, unc: false, escapes: false, escaping: undefined, type: undefined, handler: undefined, env: [], cookies: [],
})

type SetFlag = (flags: RuleFlags, value: string, command: Command) => void

const NO_ESCAPING: Escaping = { only: '', not: '', plus: true, controls: false }
const escaping = (flags: RuleFlags, change: Partial<Escaping>): void => {
  flags.escaping = { ...flags.escaping ?? NO_ESCAPING, ...change }
}

const answer = (status: number): SetFlag => (flags) => {
  flags.answer = true
  flags.status = status
}

/** Flags by their short and long names, in lower case. */
const FLAGS: Readonly<Record<string, SetFlag>> = {
  b: (flags, value) => {
    flags.escapes = true
    escaping(flags, { only: value === '' ? undefined : value })
  },
  bne: (flags, value) => {
    if (value === '') throw new ConfigError("flag 'BNE' wants a list of characters (i.e. [BNE=...])")
    escaping(flags, { not: value })
  },
  bnp: (flags) => escaping(flags, { plus: false }),
  bctls: (flags) => {
    flags.escapes = true
    escaping(flags, { controls: true })
  },
  c: (flags) => void (flags.chain = true),
  co: (flags, value, command) => void flags.cookies.push(new Template(value, command)),
  dpi: (flags) => void (flags.discardPathInfo = true),
  e: (flags, value, command) => void flags.env.push(new Template(value, command)),
  end: (flags) => void (flags.end = true),
  f: answer(403),
  g: answer(410),
  h: (flags, value, command) => void (flags.handler = new Template(value, command)),
  l: (flags) => void (flags.final = true),
  n: (flags, value) => {
    flags.again = true
    if (value !== '') flags.rounds = numberOf(value)
  },
  nc: (flags) => void (flags.ignoreCase = true),
  ne: (flags) => void (flags.noEscape = true),
  ns: (flags) => void (flags.noSubrequests = true),
  p: (flags) => void (flags.proxy = true),
  pt: (flags) => void (flags.passThrough = true),
  qsa: (flags) => void (flags.append = true),
  qsd: (flags) => void (flags.discard = true),
  qsl: (flags) => void (flags.last = true),
  r: redirect,
  s: (flags, value) => void (flags.skip = numberOf(value)),
  t: (flags, value, command) => void (flags.type = new Template(value, command)),
  unsafeallow3f: (flags) => void (flags.unsafeAllow3F = true),
  unsafeprefixstat: (flags) => void (flags.unsafePrefixStat = true),
  unc: (flags) => void (flags.unc = true),
}

const LONG: Readonly<Record<string, string>> = {
  backrefescaping: 'b', backrefernoplus: 'bnp', backrefnoplus: 'bnp', chain: 'c', cookie: 'co', discardpath: 'dpi',
  env: 'e', forbidden: 'f', gone: 'g', handler: 'h', last: 'l', next: 'n', nocase: 'nc', noescape: 'ne', nosubreq: 'ns',
  proxy: 'p', passthrough: 'pt', qsappend: 'qsa', qsdiscard: 'qsd', qslast: 'qsl', redirect: 'r', skip: 's', type: 't',
}

const REDIRECTS: Readonly<Record<string, number>> = { permanent: 301, temp: 302, seeother: 303 }

function redirect(flags: RuleFlags, value: string): void {
  flags.redirect = true
  const named = own(REDIRECTS, value.toLowerCase())
  const status = named ?? (/^\d/.test(value) ? numberOf(value) : 302)
  if (status !== 500 && knownStatus(status) === 500) throw new ConfigError(`invalid HTTP response code '${value}' for flag 'R'`)
  if (!isRedirect(status)) flags.answer = true
  flags.status = status
}

/** Those that Apache redirects with (ap_is_HTTP_REDIRECT). */
export const isRedirect = (status: number): boolean => status >= 300 && status <= 399

/** @throws ConfigError */
export function readRule(command: Command, conditions: readonly Condition[]): Rule {
  const { first, second, third } = argumentsOf(command)
  const flags = noFlags()
  for (const [name, value] of third === undefined ? [] : prefixed(command, () => flagsOf(third))) {
    const key = name.toLowerCase()
    const set = own(FLAGS, own(LONG, key) ?? key)
    if (set === undefined) throw new ConfigError(`RewriteRule: unknown flag '${name}'`)
    prefixed(command, () => set(flags, value, command))
  }
  if (!flags.escapes) flags.escaping = undefined
  const negated = first.startsWith('!')
  const pattern = negated ? first.slice(1) : first
  const regex = regexOf(command, pattern, flags.ignoreCase)
  const output = flags.answer || second === '-' ? undefined : new Template(withoutQuery(second, flags), command)
  return { pattern, regex, negated, conditions, output, flags }
}

/** A question mark at the end takes the query away, as QSD does where no query is written. */
function withoutQuery(text: string, flags: RuleFlags): string {
  if (text.endsWith('?') && !flags.append) {
    flags.none = true
    return text.slice(0, -1)
  }
  if (flags.discard && !text.includes('?')) flags.none = true
  return text
}

function argumentsOf(command: Command): NonNullable<ReturnType<typeof wordsOf>> {
  const words = wordsOf(command.args)
  if (words === undefined) throw new ConfigError(`${command.directive.name}: bad argument line '${command.args}'`)
  return words
}

function prefixed<T>(command: Command, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`${command.directive.name}: ${error.message}`) : error
  }
}

function regexOf(command: Command, pattern: string, ignoreCase: boolean): Regex {
  try {
    return compileRegex(pattern, ignoreCase ? 'i' : '')
  } catch (error) {
    throw error instanceof RegexSyntaxError
      ? new ConfigError(`${command.directive.name}: cannot compile regular expression '${pattern}'`) : error
  }
}

const own = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined

const CONDITION_FLAGS: Readonly<Record<string, 'ignoreCase' | 'or' | 'noVary'>> = {
  nc: 'ignoreCase', nocase: 'ignoreCase', or: 'or', ornext: 'or', nv: 'noVary', novary: 'noVary',
}

/** @throws ConfigError */
export function readCondition(command: Command): Condition {
  const { first, second, third } = argumentsOf(command)
  const flags = { ignoreCase: false, or: false, noVary: false }
  for (const [name] of third === undefined ? [] : prefixed(command, () => flagsOf(third))) {
    const key = name.toLowerCase()
    const flag = own(CONDITION_FLAGS, key)
    if (flag === undefined) throw new ConfigError(`RewriteCond: unknown flag '${name}'`)
    flags[flag] = true
  }
  const not = second.startsWith('!')
  const text = not ? second.slice(1) : second
  const isExpression = first.toLowerCase() === 'expr'
  const different = !isExpression && /^-ne./s.test(text)
  const test = isExpression ? expressionTest(command, text, flags.noVary) : testOf(command, text, flags.ignoreCase)
  if (flags.ignoreCase && test.kind !== 'regex' && test.kind !== 'text') {
    flags.ignoreCase = false
    command.note('warn', `AH00665: RewriteCond: NoCase option for non-regex pattern '${text}' is not supported and will ` +
      `be ignored. (${command.file}:${command.line})`)
  }
  return { input: new Template(isExpression ? '' : first, command), test, pattern: second, negated: not !== different, ...flags }
}

function expressionTest(command: Command, text: string, noVary: boolean): Test {
  const what = `RewriteCond: cannot compile expression${command.htaccess ? ' in htaccess context' : ''} "${text}" `
  return { kind: 'expression', expression: parseCondition(text, command, what, noVary ? { vary: false } : {}) }
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  lt: (order) => order < 0, le: (order) => order <= 0, eq: (order) => order === 0, ne: (order) => order === 0,
  gt: (order) => order > 0, ge: (order) => order >= 0,
  '<': (order) => order < 0, '<=': (order) => order <= 0, '=': (order) => order === 0,
  '>': (order) => order > 0, '>=': (order) => order >= 0,
}

function testOf(command: Command, text: string, ignoreCase: boolean): Test {
  const letter = /^-([fsdxhlLUF])$/.exec(text)?.[1]
  if (letter === 'U') return { kind: 'url' }
  if (letter === 'F') return { kind: 'access' }
  if (letter !== undefined) return { kind: 'file', letter }
  const number = /^-(lt|le|eq|ne|gt|ge)(.+)$/s.exec(text)
  if (number !== null) return { kind: 'number', holds: ORDERS[number[1]!]!, to: number[2]! }
  const order = text.length > 1 ? /^([<>]=?|=)(.*)$/s.exec(text) : null
  if (order === null) return { kind: 'regex', regex: regexOf(command, text, ignoreCase) }
  const to = order[1] === '=' && order[2] === '""' ? '' : order[2]!
  return { kind: 'text', holds: ORDERS[order[1]!]!, to }
}
