/**
 * HandlerTimeout. A handler that awaits is given up by its own thread when its time is over; one that does not come
 * back at all is ended with its thread (by the child's main thread) or with its process (by the control process).
 */
import type { Answer, Status } from '../hook/hook.ts'
import { dirCore } from './core_settings.ts'
import type { Server } from '../hook/types.ts'
import type { RequestRec } from './request_rec.ts'
import { allVectors } from './vectors.ts'

/** True if a HandlerTimeout stands anywhere. */
export const hasDeadlines = (servers: readonly Server[]): boolean =>
  servers.some((server) => allVectors(server).some((vector) => vector.holds(dirCore).handlerTimeout > 0))

/** Runs a handler that may take `limit` ms. */
export function withDeadline(r: RequestRec, limit: number, handler: () => Answer<Status>): Answer<Status> {
  const { connection } = r
  const { tally } = connection.engine
  tally.arm(r, connection.fd, Date.now() + limit)
  r.deadline = performance.now() + limit
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
