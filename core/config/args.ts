/**
 * Arguments of directives. Each takes its words off the front of the line; a
 * list of them is what Apache calls TAKE1, TAKE12, ITERATE, FLAG and so on.
 */
import { ConfigError } from './errors.ts'
import type { Command } from './directive.ts'

export interface Arg<T> {
  /** How many words: `one`, `optional` (none or one), `each` (one or more, the rest). */
  readonly count: 'one' | 'optional' | 'each'
  /** True for On|Off, which has an error text of its own. */
  readonly flag?: boolean
  take(words: string[], command: Command): T
}

export type Values<A extends readonly Arg<unknown>[]> =
  { -readonly [K in keyof A]: A[K] extends Arg<infer V> ? V : never }

/** Any word. */
export const word: Arg<string> = { count: 'one', take: (words) => words.shift()! }

/** A word that a function turns into a value; it throws a ConfigError if it cannot. */
export const parsed = <T>(parse: (text: string, command: Command) => T): Arg<T> => ({
  count: 'one',
  take: (words, command) => parse(words.shift()!, command),
})

const INT_MAX = 0x7fffffff

/**
 * As C's atoi: garbage is 0, trailing text is ignored. Apache's numbers without a check of their own.
 * What an int cannot hold, which C leaves open, is the nearest that it can.
 */
export const numberOf = (text: string): number =>
  Math.max(-INT_MAX - 1, Math.min(INT_MAX, Number.parseInt(text, 10) || 0))

export const atoi: Arg<number> = parsed(numberOf)

/** One of some words, in any case of letters; `message` is Apache's text for another one. */
export const oneOf = <const T extends string>(choices: readonly T[], message: string): Arg<T> =>
  parsed((text) => {
    const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
    if (found === undefined) throw new ConfigError(message)
    return found
  })

export const flag: Arg<boolean> = {
  count: 'one',
  flag: true,
  take(words, command) {
    const text = words.shift()!.toLowerCase()
    if (text === 'on') return true
    if (text === 'off') return false
    throw command.usage('must be On or Off')
  },
}

export const optional = <T>(arg: Arg<T>): Arg<T | undefined> => ({
  count: 'optional',
  take: (words, command) => (words.length > 0 ? arg.take(words, command) : undefined),
})

/** The rest of the words, at least one. */
export const each = <T>(arg: Arg<T>): Arg<T[]> => ({
  count: 'each',
  take(words, command) {
    const values = []
    while (words.length > 0) values.push(arg.take(words, command))
    return values
  },
})

/** The rest of the line as it was written, quotes and all: Apache's RAW_ARGS. Must stand alone. */
export const raw: Arg<string> = { count: 'each', take: (_, command) => command.args }

/** How many words a list of arguments takes, and Apache's words for it. */
export function arity(args: readonly Arg<unknown>[]): { min: number; max: number; takes: string } {
  const one = args.filter((arg) => arg.count === 'one').length
  const maybe = args.filter((arg) => arg.count === 'optional').length
  if (args.includes(raw)) return { min: 0, max: Infinity, takes: 'takes the rest of the line' }
  if (args.some((arg) => arg.count === 'each')) {
    const takes = one === 0 ? 'requires at least one argument' : 'requires at least two arguments'
    return { min: one + 1, max: Infinity, takes }
  }
  // What follows On or Off is not looked at: `KeepAlive On # always` is fine.
  if (one === 1 && maybe === 0 && args[0]!.flag) return { min: 1, max: Infinity, takes: 'must be On or Off' }
  const max = one + maybe
  return { min: one, max, takes: TAKES[`${one}-${max}`] ?? `takes ${one} to ${max} arguments` }
}

const TAKES: Readonly<Record<string, string>> = {
  '0-0': 'takes no arguments',
  '1-1': 'takes one argument',
  '2-2': 'takes two arguments',
  '1-2': 'takes 1-2 arguments',
  '3-3': 'takes three arguments',
  '2-3': 'takes two or three arguments',
  '1-3': 'takes one, two or three arguments',
}
