/* What the command lines of htpasswd and htdbm have in common. Pure. */
import { EXIT, Fault, UsageFault } from './fault.ts'
import type { Algorithm } from './hash.ts'

export interface Chosen<Action extends string> {
  action: Action | undefined
  algorithm: Algorithm
  from: 'prompt' | 'stdin' | 'argument'
}

/** Letters that say what is to be done, and how passwords are hashed. */
export interface Letters<Action extends string> {
  readonly actions: Readonly<Record<string, Action>>
  readonly algorithms: Readonly<Record<string, Algorithm>>
}

/** @throws Fault */
export function takeOption<Action extends string>(
  state: Chosen<Action>, letter: string, { actions, algorithms }: Letters<Action>,
): void {
  const action = actions[letter]
  const algorithm = algorithms[letter]
  if (action !== undefined) {
    if (state.action !== undefined && state.action !== action) {
      const letters = Object.keys(actions).map((each) => `-${each}`).join(' ')
      throw new Fault(EXIT.syntax, `only one of ${letters} may be specified`)
    }
    state.action = action
  } else if (algorithm !== undefined) state.algorithm = algorithm
  else if (letter === 'b') state.from = 'argument'
  else if (letter === 'i') state.from = state.from === 'argument' ? 'argument' : 'stdin'
  else throw new UsageFault(`illegal option -- ${letter}`)
}

/** @param option as the message names it @throws Fault */
export function costOf(text: string, option: string): number {
  const cost = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (cost === 0) throw new Fault(EXIT.syntax, `argument to ${option} must be a positive integer`)
  return cost
}

const MOST_NAME = 255

/** @throws Fault */
export function checkLength(user: string): void {
  if (user.length > MOST_NAME) throw new Fault(EXIT.tooLong, `username too long (> ${MOST_NAME})`)
}
