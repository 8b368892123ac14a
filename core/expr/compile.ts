/**
 * From a tree to functions. One rule: every name is looked up here, every
 * regular expression compiled here; evaluating only calls what was found.
 */
import { compileRegex, MatchBudget, MatchError, RegexSyntaxError, type RegexMatch } from '../config/regex.ts'
import type { Answer } from '../hook/hook.ts'
import type { Comparison, Cond, List, Regex, Substitution, Word } from './ast.ts'
import type { Captures, Evaluation } from './evaluation.ts'
import { ExpressionFault } from './fault.ts'
import { lookup, type FunctionRow } from './lookup.ts'
import { all, constant, direct, map, map2, settled, some, type Part } from './part.ts'

type Compiled = ReturnType<typeof compileRegex>

export class Compiler {
  readonly #restricted: boolean
  /** False once something was met that may block the thread. */
  quick = true
  /** Variables asked for, in upper case. */
  readonly variables = new Set<string>()

  /** @param restricted refuses functions that show what files hold */
  constructor(restricted: boolean) {
    this.#restricted = restricted
  }

  condition(cond: Cond): Part<boolean> {
    switch (cond.kind) {
      case 'constant': return constant(cond.value)
      case 'not': return map(this.condition(cond.cond), true, (value) => !value)
      case 'and': return some(cond.conds.map((each) => this.condition(each)), false)
      case 'or': return some(cond.conds.map((each) => this.condition(each)), true)
      case 'compare': return map2(this.word(cond.left), this.word(cond.right), true, COMPARE[cond.operator])
      case 'match': return this.#match(this.word(cond.left), cond.regex, cond.negated)
      case 'in': return map2(this.word(cond.left), this.list(cond.list), true, (word, list) => list.includes(word))
      case 'unary': return this.#unary(cond.name, cond.arg, cond.at)
      case 'binary': return this.#binary(cond.name, cond.left, cond.right, cond.at)
    }
  }

  word(word: Word): Part<string> {
    switch (word.kind) {
      case 'text': case 'digits': return constant(word.value)
      case 'concat': return map(all(word.parts.map((part) => this.word(part))), true, (texts) => texts.join(''))
      case 'variable': return this.#variable(word.name, word.at)
      case 'call': return this.#call(word.name, word.args, word.at)
      case 'backref': {
        const { group } = word
        return direct(({ captures }) => captures.groups?.[group] ?? '')
      }
      case 'truth': return map(this.condition(word.cond), true, String)
      case 'join': {
        const separator = word.separator === undefined ? constant('') : this.word(word.separator)
        return map2(this.list(word.list), separator, true, (list, between) => list.join(between))
      }
      case 'sub': return this.#sub(word.substitution, word.subject)
    }
  }

  list(list: List): Part<readonly string[]> {
    switch (list.kind) {
      case 'words': return all(list.words.map((word) => this.word(word)))
      case 'split': return this.#split(list.by, list.of)
      case 'listCall': {
        const row = lookup.list(list.name)
        if (row === undefined) throw missing('List-returning function', list.name, list.at)
        this.#noteCost(row)
        const called = map(this.word(list.arg), false, (arg, evaluation) => row.list(evaluation, arg))
        return settled(called, row.async !== true)
      }
    }
  }

  #noteCost(row: { readonly quick?: false }): void {
    if (row.quick === false) this.quick = false
  }

  #regex({ pattern, ignoreCase, at }: Regex): Compiled {
    try {
      return compileRegex(pattern, ignoreCase ? 'i' : '')
    } catch (error) {
      if (error instanceof RegexSyntaxError) throw new ExpressionFault('Failed to compile regular expression', at)
      throw new ExpressionFault((error as Error).message, at)
    }
  }

  #match(left: Part<string>, expression: Regex, negated: boolean): Part<boolean> {
    const regex = this.#regex(expression)
    // Without groups it leaves alone what $0 to $9 are.
    if (groupsOf(expression) === 0) return map(left, true, (word) => regex.test(word) !== negated)
    return map(left, false, (word, { captures }) => {
      const match = regex.exec(word)
      captures.groups = match ?? undefined
      return (match !== null) !== negated
    })
  }

  #variable(name: string, at: number): Part<string> {
    const row = lookup.variable(name)
    if (row === undefined) throw missing('Variable', name, at)
    this.#noteCost(row)
    this.variables.add(row.name)
    const asked = direct((evaluation) => row.value(evaluation.request, evaluation))
    return map(settled(asked, row.async !== true), false, orEmpty)
  }

  #call(name: string, args: readonly Word[], at: number): Part<string> {
    const row = lookup.function(name)
    if (row === undefined) throw missing('Function', name, at)
    const { arity = 1 } = row
    if (args.length !== arity)
      throw new ExpressionFault(`Function '${name}' takes ${arity === 1 ? 'one argument' : `${arity} arguments`}`, at)
    if (row.restricted === true && this.#restricted)
      throw new ExpressionFault(`${row.name} not available in restricted context`, at)
    this.#noteCost(row)
    const pure = row.pure === true
    return map(settled(this.#called(row, args.map((arg) => this.word(arg)), pure), row.async !== true), pure, orEmpty)
  }

  #called(row: FunctionRow, args: readonly Part<string>[], pure: boolean): Part<Answer<string | undefined>> {
    return args.length === 1
      ? map(args[0]!, pure, (arg, evaluation) => row.call(evaluation, arg))
      : map(all(args), pure, (texts, evaluation) => row.call(evaluation, ...texts))
  }

  #unary(name: string, arg: Word, at: number): Part<boolean> {
    const row = lookup.unary(name)
    if (row === undefined) throw missing('Unary operator', `-${name}`, at)
    this.#noteCost(row)
    const prepared = row.prepare && prepare(name, arg, at, (text) => row.prepare!(text))
    const pure = row.pure === true
    const tested = map(this.word(arg), pure, (text, evaluation) => row.test(evaluation, text, prepared))
    return settled(tested, row.async !== true)
  }

  #binary(name: string, left: Word, right: Word, at: number): Part<boolean> {
    const row = lookup.binary(name)
    if (row === undefined) throw missing('Binary operator', `-${name}`, at)
    this.#noteCost(row)
    const prepared = row.prepare && prepare(name, right, at, (text) => row.prepare!(text))
    const tested = map2(this.word(left), this.word(right), row.pure === true,
      (a, b, evaluation) => row.test(evaluation, a, b, prepared))
    return settled(tested, row.async !== true)
  }

  #sub(substitution: Substitution, subject: Word): Part<string> {
    const replace = this.#replacer(substitution)
    return map(this.word(subject), false, (text, evaluation) => {
      let out = ''
      let from = 0
      for (const { index, length, by } of replace(text, evaluation, substitution.all)) {
        out += text.slice(from, index) + by
        from = index + length
      }
      return out + text.slice(from)
    })
  }

  // By a pattern: what is between its matches. By a substitution: what it makes of each match, the rest is dropped.
  #split(by: Regex | Substitution, of: Word | List): Part<readonly string[]> {
    const subject: Part<string | readonly string[]> =
      of.kind === 'words' || of.kind === 'listCall' || of.kind === 'split' ? this.list(of) : this.word(of)
    if (by.kind === 'regex') {
      const regex = this.#regex(by)
      return map(subject, true, (texts, evaluation) => {
        const budget = budgetOf(evaluation)
        return [texts].flat().flatMap((text) => between(regex, text, budget))
      })
    }
    const replace = this.#replacer(by)
    return map(subject, false, (texts, evaluation) =>
      [texts].flat().flatMap((text) => [...replace(text, evaluation, true)].map((each) => each.by)))
  }

  #replacer({ regex: expression, replacement }: Substitution) {
    const regex = this.#regex(expression)
    const word = this.word(replacement)
    if (!word.sync) throw new ExpressionFault('Substitution may not have to wait', expression.at)
    return function* (text: string, evaluation: Evaluation, every: boolean) {
      const outer = evaluation.captures.groups
      const budget = budgetOf(evaluation)
      for (const match of every ? regex.every(text, budget) : once(regex, text)) {
        evaluation.captures.groups = match
        const by = word.run(evaluation) as string
        budget.bytes -= COPIED * by.length
        if (budget.bytes < 0) throw new MatchError(regex.source, 'the replacements are too long')
        yield { index: match.index, length: match[0].length, by }
      }
      evaluation.captures.groups = outer
    }
  }
}

const orEmpty = (text: string | undefined): string => text ?? ''

const missing = (what: string, name: string, at: number) => new ExpressionFault(`${what} '${name}' does not exist`, at)

function prepare(name: string, arg: Word, at: number, make: (text: string) => unknown): unknown {
  if (arg.kind !== 'text') throw new ExpressionFault(`-${name} requires subnet/netmask as constant argument`, at)
  try {
    return make(arg.value)
  } catch (error) {
    throw new ExpressionFault(error instanceof Error ? error.message : String(error), at)
  }
}

/** How many groups a pattern has. */
function groupsOf({ pattern }: Regex): number {
  try {
    return compileRegex(pattern).names.length - 1
  } catch {
    return 0
  }
}

/** What a byte of a replacement takes from the budget: it is held, and copied later. Some 37 MB in all. */
const COPIED = 8

// All searches of an evaluation have one budget, those of replacements in replacements too.
const budgets = new WeakMap<Evaluation, MatchBudget>()

/** @param evaluation absent where a constant is worked out */
function budgetOf(evaluation: Evaluation | undefined): MatchBudget {
  const budget = (evaluation && budgets.get(evaluation)) ?? new MatchBudget()
  if (evaluation !== undefined) budgets.set(evaluation, budget)
  return budget
}

function once(regex: Compiled, text: string): RegexMatch[] {
  const match = regex.exec(text)
  return match === null ? [] : [match]
}

function between(regex: Compiled, text: string, budget: MatchBudget): string[] {
  const pieces: string[] = []
  let from = 0
  for (const { index, 0: whole } of regex.every(text, budget)) {
    if (whole === '') continue
    pieces.push(text.slice(from, index))
    from = index + whole.length
  }
  pieces.push(text.slice(from))
  return pieces
}

const INT64_MAX = 2n ** 63n - 1n

/** As C's strtoll: what is no number is 0, what is too large is the largest. */
function integer(text: string): number | bigint {
  const digits = /^[ \t\n\v\f\r]*([+-]?[0-9]+)/.exec(text)?.[1]
  if (digits === undefined) return 0
  if (digits.length <= 15) return Number(digits)
  const value = BigInt(digits.replace(/^\+/, ''))
  return value > INT64_MAX ? INT64_MAX : value < -INT64_MAX - 1n ? -INT64_MAX - 1n : value
}

const numbers = (holds: (difference: number) => boolean) => (left: string, right: string): boolean => {
  const a = integer(left)
  const b = integer(right)
  return holds(a < b ? -1 : a > b ? 1 : 0)
}

const COMPARE: Readonly<Record<Comparison, (left: string, right: string) => boolean>> = {
  '==': (left, right) => left === right, '!=': (left, right) => left !== right,
  '<': (left, right) => left < right, '<=': (left, right) => left <= right,
  '>': (left, right) => left > right, '>=': (left, right) => left >= right,
  '-eq': numbers((difference) => difference === 0), '-ne': numbers((difference) => difference !== 0),
  '-lt': numbers((difference) => difference < 0), '-le': numbers((difference) => difference <= 0),
  '-gt': numbers((difference) => difference > 0), '-ge': numbers((difference) => difference >= 0),
}

export type { Captures }
