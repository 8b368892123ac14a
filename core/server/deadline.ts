/**
 * HandlerTimeout. A handler that awaits is given up by its own thread when its time is over; one that does not come
 * back at all is ended with its thread (by the child's main thread) or with its process (by the control process).
 */
import type { Answer, Status } from '../hook/hook.ts'
import { threadTime } from '../base/clock.ts'
import { uptime } from '../base/uptime.ts'
import type { RequestRec } from './request_rec.ts'

/** Runs a handler that may take `limit` ms. */
export function withDeadline(r: RequestRec, limit: number, handler: () => Answer<Status>): Answer<Status> {
  const { connection } = r
  const { tally } = connection.engine
  // Whoever answers in this request's place does so behind all that was answered before.
  connection.output.flush()
  connection.engine.endTurn()
  const until = threadTime() + limit
  tally.arm(r, connection.fd, uptime() + limit, connection.output.blocked)
  r.deadline = r.deadline > 0 ? Math.min(r.deadline, until) : until
  const over = (): void => {
    r.deadline = 0
    tally.disarm(r)
  }
  let answer: Answer<Status>
  try {
    answer = handler()
  } catch (error) {
    over()
    throw error
  }
  if (answer instanceof Promise) return answer.finally(over)
  over()
  return answer
}

/** Runs a handler that has no limit, on a thread where others may be waited for that have one. */
export function withoutDeadline(r: RequestRec, handler: () => Answer<Status>): Answer<Status> {
  const { tally } = r.connection.engine
  tally.pause()
  try {
    return handler()
  } finally {
    tally.resume()
  }
}
