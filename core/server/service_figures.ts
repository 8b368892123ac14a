/** The scoreboard in four numbers, for a service manager. */
import { Status, type Scoreboard } from './scoreboard.ts'
import type { ServiceFigures } from './service_notifier.ts'

/** Sums over all rows; zeros while there is no scoreboard. Bytes are not counted in it. */
export function figuresOf(board: Scoreboard | undefined): ServiceFigures {
  let [requests, idle, busy] = [0, 0, 0]
  const { serverLimit = 0, threadLimit = 0 } = board ?? {}
  for (let slot = 0; slot < serverLimit; slot++) {
    const running = board!.process(slot).get('pid') !== 0
    for (let thread = 0; thread < threadLimit; thread++) {
      const { status, accesses } = board!.worker(slot, thread)
      requests += accesses
      if (!running || status === Status.dead || status === Status.starting || status === Status.idleKill) continue
      if (status === Status.ready) idle++
      else busy++
    }
  }
  return { requests, bytes: undefined, idle, busy }
}
