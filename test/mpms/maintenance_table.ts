/*
 * Apache's rules of idle maintenance told a second time: a table of guards and outcomes, read from top to bottom, the
 * first row that fits an MPM and a situation holds.
 */
import type { Counted, Pace, Style, Tending, Wanted } from '../../mpms/shared/population.ts'

export interface Seen { readonly now: Counted; readonly want: Wanted; readonly pace: Pace; readonly most: number }
type Row = readonly [mpms: string, when: (seen: Seen) => boolean, does: (seen: Seen) => Tending]

const nothing = { start: 0, stop: 0, condition: undefined }
const slow = ({ pace }: Seen): Pace => ({ rate: 1, holdOff: pace.holdOff })
const rest = (seen: Seen): Tending => ({ ...nothing, pace: slow(seen) })
const stopOne = (seen: Seen): Tending => ({ ...rest(seen), stop: 1 })
const say = (condition: Tending['condition']) => (seen: Seen): Tending => ({ ...rest(seen), condition })

const tooMany = ({ now, want }: Seen) => now.idle > want.maxSpare
const enough = ({ now, want }: Seen) => now.idle >= want.minSpare
const slotsGone = ({ now }: Seen) => now.total >= now.slots
const atLimit = ({ now, want }: Seen) => now.active >= want.maxServers
const noRoom = (seen: Seen) => slotsGone(seen) || atLimit(seen)
const allThreads = ({ now, want }: Seen) => now.activeWorkers >= want.maxServers * want.threadsPerChild
const nobodyIdle = ({ now }: Seen) => now.idle === 0

const RULES: readonly Row[] = [
  ['prefork worker', tooMany, stopOne],
  ['event', (seen) => tooMany(seen) && seen.now.active === seen.now.total, stopOne],
  ['event', (seen) => tooMany(seen) && seen.now.slots - seen.now.total > seen.want.maxServers, stopOne],
  ['event', tooMany, rest],
  ['prefork worker event', enough, rest],
  ['prefork', noRoom, say('reached')],
  ['worker', (seen) => noRoom(seen) && allThreads(seen) && nobodyIdle(seen), say('reached')],
  ['worker', (seen) => noRoom(seen) && allThreads(seen), say('within')],
  ['worker', noRoom, say('noSlots')],
  ['event', (seen) => allThreads(seen) && nobodyIdle(seen), say('reached')],
  ['event', allThreads, say('within')],
  ['event', slotsGone, say('noSlots')],
  ['event', atLimit, ({ pace }) => ({ ...nothing, pace: { rate: 1, holdOff: pace.holdOff + 1 } })],
  ['prefork worker event', () => true, ({ now, want, pace, most }) => ({
    ...nothing,
    start: [pace.rate, want.maxServers - now.active, now.slots - now.total].sort((a, b) => a - b)[0]!,
    pace: pace.holdOff > 0 ? { rate: pace.rate, holdOff: pace.holdOff - 1 } : { rate: Math.min(2 * pace.rate, most), holdOff: 0 },
  })],
]

export function byTheTable(style: Style, seen: Seen): Tending {
  return RULES.find(([mpms, when]) => mpms.split(' ').includes(style) && when(seen))![2](seen)
}
