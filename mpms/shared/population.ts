/**
 * How many children there should be: a pure function of what the scoreboard
 * shows, one step per second (Apache's perform_idle_server_maintenance).
 */
export interface Counted {
  /** Workers that wait for work. */
  readonly idle: number
  /** Processes of this generation. */
  readonly total: number
  /** Scoreboard rows that no process has. */
  readonly free: number
}

export interface Wanted {
  readonly minSpare: number
  readonly maxSpare: number
  /** Processes at most. */
  readonly maxServers: number
}

/** What to do now; `rate` is for the next step. */
export interface Tending {
  readonly start: number
  readonly stop: number
  readonly rate: number
  /** Spare workers are missing and nothing may be started. */
  readonly full: boolean
}

export const MAX_RATE = 32

/** @param rate how many processes may be started in this step: 1, then doubling while spares are missing */
export function tend(now: Counted, want: Wanted, rate: number): Tending {
  if (now.idle > want.maxSpare && now.total > 1) return { start: 0, stop: 1, rate: 1, full: false }
  if (now.idle >= want.minSpare) return { start: 0, stop: 0, rate: 1, full: false }
  const room = Math.min(want.maxServers - now.total, now.free)
  if (room <= 0) return { start: 0, stop: 0, rate: 1, full: true }
  return { start: Math.min(rate, room), stop: 0, rate: Math.min(rate * 2, MAX_RATE), full: false }
}
