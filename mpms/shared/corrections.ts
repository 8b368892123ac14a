/**
 * How numbers that cannot be served are corrected, and what is said then: at a start the long form with `WARNING:`,
 * at a restart a shorter one, each under a number of its own (Apache's check_config hooks).
 */
import { machine, type FixedLimits, type Machine, type Startup } from 'httpd'

/** Log numbers of one message: at the start, and at a restart. */
export type Numbers = readonly [start: string, restart: string]

/** Numbers of the three messages on a limit that is fixed at the first start. */
export interface LimitNumbers {
  readonly above: Numbers
  readonly below: Numbers
  readonly changed: string
}

/** What corrections depend on, besides the numbers. */
export interface Circumstances {
  readonly restart: boolean
  /** What holds since the first start; undefined then. */
  readonly fixed: FixedLimits | undefined
  /** Looked at only if a directive asks for it. */
  readonly machine: () => Machine
  readonly say: (level: 'warn' | 'info', text: string) => void
}

/** check_config: messages are notes of the start. @param module the MPM's log name */
export const checking = ({ restart, fixed, note }: Startup, module: string): Circumstances =>
  ({ restart, fixed, machine, say: (level, text) => note(level, module, text) })

/** After check_config, when everything has been said. */
export const silent = (fixed: FixedLimits | undefined): Circumstances =>
  ({ restart: fixed !== undefined, fixed, machine, say: () => undefined })

/** Both forms of a message, without number and `WARNING: `. */
export interface Texts {
  readonly start: string
  readonly restart: string
}

export function correct({ restart, say }: Circumstances, numbers: Numbers, texts: Texts): void {
  say('warn', restart ? `${numbers[1]}: ${texts.restart}` : `${numbers[0]}: WARNING: ${texts.start}`)
}

/** `not allowed, increasing to 1`. @param why added to the text of a start */
export function atLeastOne(value: number, name: string, numbers: Numbers, about: Circumstances, why = ''): number {
  if (value >= 1) return value
  const text = `${name} of ${value} not allowed, increasing to 1`
  correct(about, numbers, { start: `${text}${why || '.'}`, restart: text })
  return 1
}

export const SPARE_TEXT = ' to avoid almost certain server failure. Please read the documentation.'

/** The end of two texts: what to change instead. */
export const toIncrease = (directive: string): string => `To increase, please see the ${directive} directive.`

/** ServerLimit or ThreadLimit: at most what is compiled in, at least 1, and what it was at the first start. */
export interface Limit {
  readonly name: string
  /** What it limits, in words: `servers`. */
  readonly what: string
  readonly most: number
  readonly numbers: LimitNumbers
  readonly original: number | undefined
}

export function limited(value: number, limit: Limit, about: Circumstances): number {
  const { name, numbers, original } = limit
  const possible = value > limit.most ? atMost(value, limit, about) : atLeastOne(value, name, numbers.below, about)
  if (original === undefined || possible === original) return possible
  const change = `changing ${name} to ${possible} from original value of ${original}`
  about.say('warn', `${numbers.changed}: ${change} not allowed during restart`)
  return original
}

function atMost(value: number, { name, what, most, numbers }: Limit, about: Circumstances): number {
  const text = `${name} of ${value} exceeds compile-time limit of ${most}`
  correct(about, numbers.above, {
    start: `${text} ${what}, decreasing to ${most}.`, restart: `${text}, decreasing to match`,
  })
  return most
}
