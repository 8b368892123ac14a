/*
 * mod_watchdog: runs what other modules do from time to time (WatchdogInterval). One rule: a task that takes longer than
 * its interval is not run twice at once, and one that fails runs again.
 */
import { isMainThread } from 'node:worker_threads'
import {
  beginWatches, ConfigError, GLOBAL_ONLY, OK, Order, ownThreadId, parsed, Settings, SharedLocks, timeOf,
  type Module, type Server, type Startup, type Status, type WatchdogState, type WatchdogTask,
} from 'httpd'

/** ms. */
const LEAST = 100
/** A timer that is to wait longer does not wait at all. */
const MOST = 2 ** 31 - 1

const watchdog = new Settings('server', { interval: 1000 })

/** What the memory of singletons is made of: for each, a lock that its child holds. */
type OpenLocks = () => Int32Array

let tasks: readonly WatchdogTask[] = []
let openLocks: OpenLocks = () => new Int32Array(0)

/** A task in this process. */
export class Watch {
  readonly #task: WatchdogTask
  readonly #server: Server
  /** Whether it is this child's turn; asked before each run. */
  readonly #isMine: () => boolean
  #begun = false
  #busy = false

  constructor(task: WatchdogTask, server: Server, isMine: () => boolean) {
    this.#task = task
    this.#server = server
    this.#isMine = isMine
  }

  async tick(): Promise<void> {
    if (this.#busy || !this.#isMine()) return
    this.#busy = true
    const begun = this.#begun
    this.#begun = true
    if (!begun) await this.#run('starting')
    await this.#run('running')
    this.#busy = false
  }

  /** The process ends. */
  stop(): void {
    if (this.#begun) void this.#run('stopping')
  }

  async #run(state: WatchdogState): Promise<void> {
    try {
      await this.#task.run(state, this.#server)
    } catch (error) {
      this.#server.log('error', 'watchdog', `SY00179: fault in the task ${this.#task.name} (${state}): ${String(error)}`)
    }
  }
}

/** pre_config. */
function begin(): Status {
  tasks = beginWatches()
  return OK
}

/** post_config, after those who ask for something. */
function prepare(startup: Startup): Status {
  if (!tasks.some(({ singleton }) => singleton)) return OK
  const map = startup.sharedMemory('watchdog', 4 * tasks.length)
  openLocks = () => new Int32Array(map())
  return OK
}

/** child_init: the main thread of each child. */
function start(server: Server): void {
  if (!isMainThread || tasks.length === 0) return
  let words: Int32Array | undefined
  let locks: SharedLocks | undefined
  const claim = (at: number) => (): boolean => {
    words ??= openLocks()
    locks ??= new SharedLocks(words, { self: ownThreadId })
    return Atomics.load(words, at) === ownThreadId() || locks.claim(at)
  }
  const watches = tasks.map((task, at) => {
    const watch = new Watch(task, server, task.singleton ? claim(at) : () => true)
    setInterval(() => void watch.tick(), task.interval ?? server.get(watchdog).interval).unref()
    return watch
  })
  process.once('exit', () => {
    for (const watch of watches) watch.stop()
  })
}

const interval = parsed((text) => {
  const ms = timeOf(text)
  if (ms === undefined) throw new ConfigError('Unparse-able WatchdogInterval setting')
  if (ms < LEAST) throw new ConfigError(`Invalid WatchdogInterval: minimal value ${LEAST}ms`)
  return Math.min(ms, MOST)
})

export const module = {
  name: 'watchdog_module',
  file: 'mod_watchdog.c',
  settings: [watchdog],
  directives: [
    watchdog.directive('WatchdogInterval', [interval], 'interval', GLOBAL_ONLY, 'Watchdog interval in seconds'),
  ],
  register({ preConfig, postConfig, childInit }, on) {
    on(preConfig, begin, { order: Order.reallyFirst })
    on(postConfig, prepare, { order: Order.reallyLast })
    on(childInit, start)
  },
} satisfies Module
