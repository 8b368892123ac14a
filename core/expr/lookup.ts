/**
 * The variables, functions and operators that expressions may use, by name:
 * the core's and those that modules add (Apache's expr_lookup hook). One rule:
 * a name is looked up when the configuration is read, never for a request.
 */
import type { Answer } from '../hook/hook.ts'
import type { Request } from '../hook/types.ts'
import type { Evaluation } from './evaluation.ts'

interface Row {
  readonly name: string
  /** For the documentation. */
  readonly help: string
  /** False: it may block the thread, so event's listener leaves it to others. */
  readonly quick?: false
  /** True: it may answer a promise. */
  readonly async?: true
}

/** `%{NAME}`, in any case of letters. */
export interface VariableRow extends Row {
  value(request: Request, evaluation: Evaluation): Answer<string | undefined>
}

/** `name(arg, …)`, or with one argument `%{name:arg}`; in any case of letters. */
export interface FunctionRow extends Row {
  /** How many arguments it takes. */
  readonly arity?: number
  /** The same for the same arguments, whatever the request: worked out at once where they are constant. */
  readonly pure?: true
  /** Shows what files hold: not in .htaccess, whose writer may not be who may read them. */
  readonly restricted?: true
  call(evaluation: Evaluation, ...args: string[]): Answer<string | undefined>
}

/** `word in name(arg)`. */
export interface ListRow extends Row {
  list(evaluation: Evaluation, arg: string): Answer<readonly string[]>
}

/** `-X word`; unlike the others its name is known by the case of its letter. */
export interface UnaryRow<T = unknown> extends Row {
  readonly pure?: true
  /** Given: the argument must be constant, and is this to `test`. @throws Error saying why not */
  prepare?(arg: string): T
  test(evaluation: Evaluation, arg: string, prepared: T): Answer<boolean>
}

/** `word -name word`. */
export interface BinaryRow<T = unknown> extends Row {
  readonly pure?: true
  /** Given: the second argument must be constant, and is this to `test`. @throws Error saying why not */
  prepare?(arg: string): T
  test(evaluation: Evaluation, left: string, right: string, prepared: T): Answer<boolean>
}

/** What a module adds; a name that is there already means what was added last. */
export interface ExpressionRows {
  readonly variables?: readonly VariableRow[]
  readonly functions?: readonly FunctionRow[]
  readonly lists?: readonly ListRow[]
  readonly unary?: readonly UnaryRow[]
  readonly binary?: readonly BinaryRow[]
}

const variables = new Map<string, VariableRow>()
const functions = new Map<string, FunctionRow>()
const lists = new Map<string, ListRow>()
const unary = new Map<string, UnaryRow>()
const binary = new Map<string, BinaryRow>()

export function registerExpressions(rows: ExpressionRows): void {
  for (const row of rows.variables ?? []) variables.set(row.name.toUpperCase(), row)
  for (const row of rows.functions ?? []) functions.set(row.name.toLowerCase(), row)
  for (const row of rows.lists ?? []) lists.set(row.name.toLowerCase(), row)
  for (const row of rows.unary ?? []) unary.set(row.name, row)
  for (const row of rows.binary ?? []) binary.set(row.name.toLowerCase(), row)
}

export const lookup = {
  variable: (name: string) => variables.get(name.toUpperCase()),
  function: (name: string) => functions.get(name.toLowerCase()),
  list: (name: string) => lists.get(name.toLowerCase()),
  unary: (name: string) => unary.get(name),
  binary: (name: string) => binary.get(name.toLowerCase()),
}

/** All rows, for the documentation. */
export const registered = () => ({
  variables: [...variables.values()], functions: [...functions.values()], lists: [...lists.values()],
  unary: [...unary.values()], binary: [...binary.values()],
})
