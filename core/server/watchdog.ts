/**
 * What modules do from time to time, apart from requests (Apache's ap_watchdog_register_callback): mod_watchdog runs it
 * in the main thread of each child, or for the server as a whole in one child of those that there are.
 *
 * With event the main thread serves requests: what runs here must not block, and waits by answering a promise.
 */
import type { Answer } from '../hook/hook.ts'
import type { Server } from '../hook/types.ts'

/** `starting`: before it runs for the first time in this child; `stopping`: the child ends by itself (not at a hard stop). */
export type WatchdogState = 'starting' | 'running' | 'stopping'

export interface WatchdogTask {
  /** Different from all others. */
  readonly name: string
  /** ms, 100 at least; absent: WatchdogInterval. */
  readonly interval?: number
  /**
   * In one child only; when that one is gone another goes on, beginning with `starting`. During a graceful restart the
   * generation that finishes has one as well.
   */
  readonly singleton: boolean
  run(state: WatchdogState, server: Server): Answer<void>
}

let tasks: WatchdogTask[] | undefined

/**
 * Asks for a task of this configuration: in post_config, in each thread (a child's main thread runs it).
 * @returns false if there is no mod_watchdog
 */
export function watch(task: WatchdogTask): boolean {
  tasks?.push(task)
  return tasks !== undefined
}

/** For mod_watchdog: a configuration begins. Answers the list that its tasks come into. */
export const beginWatches = (): readonly WatchdogTask[] => (tasks = [])
