/** The end of a request: its log lines, and what the scoreboard counts. */
import { OK } from '../hook/hook.ts'
import type { RequestRec } from './request_rec.ts'

/** Runs the log hooks, once, when the response is out or given up. */
export function logRequest(r: RequestRec): void {
  const first = firstOf(r)
  if (first.logged) return
  first.logged = true
  const { connection, chains } = first
  try {
    const { hooks } = connection.engine
    const answer = chains.logTransaction.length > 0 ? hooks.logTransaction.walk(chains.logTransaction, first) : OK
    if (answer instanceof Promise) answer.catch((error: unknown) => logFailed(first, error))
  } catch (error) {
    logFailed(first, error)
  }
  connection.engine.tally.end(first, lastOf(first).bytesSent, connection, connection.engine)
  first.end(false)
}

const logFailed = (r: RequestRec, error: unknown): void =>
  r.log('error', 'core', `SY00003: fault in a log hook: ${String(error)}`)

function firstOf(r: RequestRec): RequestRec {
  let first = r
  while (first.prev !== undefined) first = first.prev
  return first
}

function lastOf(r: RequestRec): RequestRec {
  let last = r
  while (last.next !== undefined) last = last.next
  return last
}
