/**
 * How many children there should be: a pure function of what the scoreboard shows, one step per quiet second and set of
 * listening sockets (Apache's perform_idle_server_maintenance).
 */

/** Where the MPMs differ in it. */
export type Style = 'prefork' | 'worker' | 'event'

export interface Counted {
  /** Workers that wait for work, those of children that are only starting included; of this set of sockets. */
  readonly idle: number
  /** Workers of children that serve, busy or not, of all sets. */
  readonly activeWorkers: number
  /** Children of this generation that are not finishing, of all sets. */
  readonly active: number
  /** All children, finishing ones and old generations included. */
  readonly total: number
  /** Scoreboard slots, more than ServerLimit: children that finish have some of them. */
  readonly slots: number
}

/** Shares of one set of sockets in MinSpare… and MaxSpare…; the rest holds for all sets together. */
export interface Wanted {
  readonly minSpare: number
  readonly maxSpare: number
  /** Processes at most. */
  readonly maxServers: number
  readonly threadsPerChild: number
}

/** What one step leaves for the next. */
export interface Pace {
  /** Children that may be started in this step: 1, then doubling while spares are missing. */
  readonly rate: number
  /** Steps in which the rate does not double: after a graceful restart. */
  readonly holdOff: number
}

/** Conditions worth a line in the log. */
export type Condition =
  /** All workers that MaxRequestWorkers allows are there, and busy. */
  | 'reached'
  /** They are all there, and fewer than MinSpare… are idle. */
  | 'within'
  /** There is no slot for another child. */
  | 'noSlots'

export interface Tending {
  readonly start: number
  readonly stop: number
  readonly pace: Pace
  readonly condition: Condition | undefined
}

/** Children started in one step at most, by all sets together. */
export const MAX_RATE = 32
/** From this rate on each step says that the server seems busy. */
export const BUSY_RATE = 8

export const FIRST_PACE: Pace = { rate: 1, holdOff: 0 }
/** After a graceful restart the new generation does not rush. */
export const RESTARTED_PACE: Pace = { rate: 1, holdOff: 10 }

const QUIET: Omit<Tending, 'pace'> = { start: 0, stop: 0, condition: undefined }

/** @param maxRate MAX_RATE, or its share for one of several sets of sockets */
export function tend(style: Style, now: Counted, want: Wanted, pace: Pace, maxRate = MAX_RATE): Tending {
  const slow = { ...pace, rate: 1 }
  if (now.idle > want.maxSpare) return { ...QUIET, stop: mayStopOne(style, now, want) ? 1 : 0, pace: slow }
  if (now.idle >= want.minSpare) return { ...QUIET, pace: slow }
  const condition = conditionOf(style, now, want)
  if (condition !== undefined) return { ...QUIET, pace: slow, condition }
  const room = Math.min(want.maxServers - now.active, now.slots - now.total)
  // Only event comes here without room: its last children are starting, and count as workers when they serve.
  if (room <= 0) return { ...QUIET, pace: { rate: 1, holdOff: pace.holdOff + 1 } }
  return { ...QUIET, start: Math.min(room, pace.rate), pace: faster(pace, maxRate) }
}

function faster({ rate, holdOff }: Pace, maxRate: number): Pace {
  return holdOff > 0 ? { rate, holdOff: holdOff - 1 } : { rate: Math.min(rate * 2, maxRate), holdOff: 0 }
}

// event lets no child go while others are still going, unless a whole set of new ones would find slots.
const mayStopOne = (style: Style, now: Counted, want: Wanted): boolean =>
  style !== 'event' || now.active === now.total || now.slots - now.total > want.maxServers

function conditionOf(style: Style, now: Counted, want: Wanted): Condition | undefined {
  const noSlots = now.slots <= now.total
  const noRoom = noSlots || now.active >= want.maxServers
  if (style === 'prefork') return noRoom ? 'reached' : undefined
  const allWorkers = now.activeWorkers >= want.maxServers * want.threadsPerChild
  if (allWorkers && (style === 'event' || noRoom)) return now.idle === 0 ? 'reached' : 'within'
  return noSlots || (style === 'worker' && noRoom) ? 'noSlots' : undefined
}
