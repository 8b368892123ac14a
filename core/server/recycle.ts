/**
 * RecycleChild: when a child has served long enough, by requests it has truly answered, by the memory it holds, by its
 * age. Children that were started together do not go together: each takes a part off the limits by chance.
 */
import { ConfigError } from '../config/errors.ts'
import { timeOf } from './directive_values.ts'
import type { FinishReason } from './scoreboard.ts'

export interface RecycleLimits {
  /** 0: no limit. */
  readonly requests: number
  /** Resident memory in bytes; 0: no limit. */
  readonly memory: number
  /** Milliseconds; 0: no limit. */
  readonly age: number
  /** By how much a child's own limits may be lower: 0 to 1. */
  readonly jitter: number
}

/** What a child is, in the same units. */
export type Figures = Omit<RecycleLimits, 'jitter'>

const DEFAULT_JITTER = 0.2
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }
const WORDS = 'RecycleChild takes requests=N, memory=SIZE (K, M, G), age=TIME (s, mi, h) and jitter=PERCENT%'

/** The words of one RecycleChild line. @throws ConfigError */
export function recycling(words: readonly string[]): RecycleLimits {
  const limits = { requests: 0, memory: 0, age: 0, jitter: DEFAULT_JITTER }
  for (const word of words) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/s.exec(word) ?? []
    const read = READERS[name.toLowerCase() as keyof RecycleLimits]
    const number = read?.(value)
    if (number === undefined) throw new ConfigError(`${WORDS}, not "${word}"`)
    limits[name.toLowerCase() as keyof RecycleLimits] = number
  }
  if (limits.requests + limits.memory + limits.age === 0) throw new ConfigError(`${WORDS}: at least one limit is needed`)
  return limits
}

const READERS: Readonly<Record<keyof RecycleLimits, (text: string) => number | undefined>> = {
  requests: (text) => (/^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined),
  memory(text) {
    const [, digits, unit = ''] = /^([1-9]\d{0,12})([kmg]?)b?$/i.exec(text) ?? []
    return digits === undefined ? undefined : Number(digits) * SIZE_UNITS[unit.toLowerCase()]!
  },
  age: (text) => timeOf(text) || undefined,
  jitter(text) {
    const [, digits] = /^(\d{1,2})%$/.exec(text) ?? []
    return digits === undefined ? undefined : Number(digits) / 100
  },
}

export const recycles = ({ requests, memory, age }: RecycleLimits): boolean => requests + memory + age > 0

/** The limits of one child. @param chance 0 to 1, drawn once for each child */
export function ownLimits({ requests, memory, age, jitter }: RecycleLimits, chance: number): Figures {
  const part = 1 - chance * jitter
  return { requests: Math.ceil(requests * part), memory: memory * part, age: age * part }
}

/** Why it is to be replaced now, if it is. */
export function dueFor(limits: Figures, now: Figures): FinishReason | undefined {
  if (limits.requests > 0 && now.requests >= limits.requests) return 'requests answered'
  if (limits.memory > 0 && now.memory >= limits.memory) return 'memory in use'
  if (limits.age > 0 && now.age >= limits.age) return 'age'
  return undefined
}
