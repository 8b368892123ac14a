/*
 * How fast requests may come: GCRA, a token bucket kept in one number, the time at which the requests admitted so far
 * would have come had they come evenly (the theoretical arrival time). Time is counted in parts of a rule's own interval,
 * so that 32 bits are enough for any rate.
 */
import { VALUE, type Hashed, type LimitsMemory } from './table.ts'

export interface Rate {
  /** Ms between two requests that come evenly. */
  readonly interval: number
  /** Requests that may come before their time. */
  readonly burst: number
  /** The largest burst of the rules that keep their keys together with this one; absent: there are no others. */
  readonly largest?: { readonly burst: number }
}

/** Parts of an interval. */
const PARTS = 256

/**
 * @param arrival the number kept @param now in the same unit, modulo 2^32
 * @param largest burst of the rules that change the number: what one has let come is not forgotten for another's sake
 * @returns how far ahead of `now` the number is to be, at least one interval; negative: refused, it is so much too far
 * ahead
 */
export function admit(arrival: number, now: number, burst: number, largest = burst): number {
  const most = (burst + 1) * PARTS
  let ahead = (arrival - now) | 0
  // Behind: idle meanwhile. Further ahead than it can have come to: the clock was set back, or another rule has held.
  if (ahead < 0 || ahead > (largest + 1) * PARTS) ahead = 0
  ahead += PARTS
  return ahead > most ? most - ahead : ahead
}

const always = (): boolean => true

/** What became of one request; read before the next one is asked for. */
export interface Taken {
  /** -1: there was no room to count it. */
  entry: number
  /** False: too many. */
  admitted: boolean
  /** Intervals by which it came too early, with a fraction: of its time if admitted, else of the time when it would be. */
  early: number
}

const taken: Taken = { entry: -1, admitted: true, early: 0 }

/** @param now ms since the epoch */
export function take(memory: LimitsMemory, key: Hashed, { interval, burst, largest }: Rate, now: number): Taken {
  const { words } = memory
  const since = memory.since(now)
  const seconds = Math.floor(since / 1000)
  taken.entry = -1
  taken.admitted = true
  taken.early = 0
  const entry = memory.find(memory.ratesAt, key, seconds, always)
  if (entry < 0) return taken
  taken.entry = entry
  const at = Math.floor(since * PARTS / interval) | 0
  for (;;) {
    const before = Atomics.load(words, entry + VALUE)
    // 0 stands for a key that is new.
    const ahead = admit(before === 0 ? at : before, at, burst, largest?.burst)
    if (ahead < 0) {
      taken.admitted = false
      taken.early = -ahead / PARTS
      return taken
    }
    if (Atomics.compareExchange(words, entry + VALUE, before, (at + ahead) | 0) === before) {
      taken.early = (ahead - PARTS) / PARTS
      return taken
    }
  }
}

/** The request begins anew elsewhere, or another rule refuses it: as if it had not come. */
export function giveBack({ words }: LimitsMemory, entry: number): void {
  Atomics.sub(words, entry + VALUE, PARTS)
}
