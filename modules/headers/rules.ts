/* What one Header or RequestHeader line says, as it is checked when the configuration is read. */
import {
  compileRegex, ConfigError, parseCondition, RegexSyntaxError, wordsOf,
  type Command, type Expression, type Regex,
} from 'httpd'
import { NO_VALUE, parseValue, type Value } from './value.ts'

const ACTIONS = ['add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', 'edit*'] as const
export type Action = (typeof ACTIONS)[number]

/** The request's headers; those of a response of success; those of every response. */
export type Table = 'in' | 'out' | 'err'

export interface Rule {
  readonly action: Action
  readonly table: Table
  readonly name: string
  /** It does nothing where there is no such header. */
  readonly needsOne: boolean
  /** The body has a type that is more than a header. */
  readonly isContentType: boolean
  readonly value: Value
  /** Of edit what is replaced, of echo the names. */
  readonly regex: Regex | undefined
  /** Before it is known where the request leads. */
  readonly early: boolean
  /** Only if this variable is set, or is not. */
  readonly variable: { readonly name: string; readonly wanted: boolean } | undefined
  readonly condition: Expression<boolean> | undefined
}

/** In the order in which they are changed. */
export const TABLES: readonly Table[] = ['in', 'err', 'out']

/** It may block the thread. */
export const isSlow = ({ value, condition }: Rule): boolean =>
  value.expression?.quick === false || condition?.quick === false

/** @throws ConfigError with Apache's texts */
export function parseRule(command: Command): Rule {
  const words = wordsOf(command.args)
  const isRequest = command.directive.name === 'RequestHeader'
  const first = words[0]?.toLowerCase()
  const table: Table = isRequest ? 'in' : first === 'always' ? 'err' : 'out'
  if (!isRequest && (first === 'always' || first === 'onsuccess')) words.shift()
  if (words.length > 5) throw new ConfigError(`${command.directive.name} has too many arguments`)
  const action = ACTIONS.find((each) => each === words[0]?.toLowerCase())
  if (action === undefined) {
    throw new ConfigError("first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', " +
      "'note', 'edit', or 'edit*'.")
  }
  const [, name = '', ...rest] = words
  const { value, regex, clause } = operands(action, name, rest, isRequest)
  const header = name.replace(/:.*/s, '')
  return {
    action, table, name: header, isContentType: header.toLowerCase() === 'content-type', regex,
    needsOne: action === 'unset' || action === 'edit' || action === 'edit*',
    ...parseClause(clause, command), value: value === undefined ? NO_VALUE : parseValue(value, command),
  }
}

interface Operands { readonly value?: string; readonly regex: Regex | undefined; readonly clause: string | undefined }

function operands(action: Action, name: string, rest: readonly string[], isRequest: boolean): Operands {
  const [first, second, third] = rest
  if (action === 'edit' || action === 'edit*') {
    if (first === undefined || second === undefined) throw new ConfigError('Header edit requires a match and a substitution')
    return { value: second, regex: compiled(first, 'edit'), clause: third }
  }
  if (third !== undefined) throw new ConfigError('Too many arguments to directive')
  if (action === 'unset' || action === 'echo') {
    if (first !== undefined && second !== undefined)
      throw new ConfigError(action === 'unset' ? 'header unset takes two arguments' : 'Header echo takes two arguments')
    if (action === 'unset') return { regex: undefined, clause: first }
    if (isRequest) throw new ConfigError('Header echo only valid on Header directives')
    return { regex: compiled(name, 'echo'), clause: first }
  }
  if (first === undefined) throw new ConfigError('Header requires three arguments')
  return { value: first, regex: undefined, clause: second }
}

function compiled(pattern: string, action: string): Regex {
  try {
    return compileRegex(pattern)
  } catch (error) {
    throw error instanceof RegexSyntaxError ? new ConfigError(`Header ${action} regex could not be compiled`) : error
  }
}

/** `early`, `env=NAME`, `env=!NAME`, `expr=CONDITION` */
function parseClause(clause: string | undefined, command: Command): Pick<Rule, 'early' | 'variable' | 'condition'> {
  const none = { early: false, variable: undefined, condition: undefined }
  if (clause === undefined) return none
  const lower = clause.toLowerCase()
  if (lower === 'early') return { ...none, early: true }
  if (lower.startsWith('expr='))
    return { ...none, condition: parseCondition(clause.slice(5), command, "Can't parse envclause/expression: ") }
  if (!lower.startsWith('env=')) throw new ConfigError(`Unknown parameter: ${clause}`)
  const wanted = clause[4] !== '!'
  const name = clause.slice(wanted ? 4 : 5)
  if (name === '') {
    throw new ConfigError('error: missing environment variable name. envclause should be in the form env=envar ')
  }
  return { ...none, variable: { name, wanted } }
}
