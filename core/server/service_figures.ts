/** The scoreboard in four numbers, for a service manager. */
import { Status, type Scoreboard } from './scoreboard.ts'
import type { ServiceFigures } from './service_notifier.ts'

/** Sums over all rows; zeros while there is no scoreboard. */
export function figuresOf(board: Scoreboard | undefined): ServiceFigures {
  let [requests, bytes, idle, busy] = [0, 0, 0, 0]
  // What nobody ever used is not looked at: looking would make memory of it.
  const slots = board?.global('slotsUsed') ?? 0
  const threads = board?.global('threadsUsed') ?? 0
  for (let slot = 0; slot < slots; slot++) {
    for (let thread = -1; thread < threads; thread++) {
      const row = board!.worker(slot, thread)
      requests += row.get('accesses')
      bytes += row.get('bytes')
      const { status } = row
      if (thread < 0 || status === Status.dead || status === Status.starting || status === Status.idleKill) continue
      if (status === Status.ready) idle++
      else busy++
    }
  }
  return { requests, bytes, idle, busy }
}
