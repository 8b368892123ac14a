/**
 * Looks after jobs that wait although a thread of the crew is awake: short ones were left to it. If it does not get
 * on (a handler blocks, after many that did not), or there are too many for it, others are woken, each time twice as
 * many as the time before.
 */

/** How long (ms) a job may wait before somebody looks at why. */
const ROUND = 1
/** The same where all are busy. */
const LONG_ROUND = 20
/** Short jobs that one thread is trusted with. */
const FEW = 16

/** What the patrol looks at. */
export interface Watched {
  /** Jobs that nobody has taken. */
  readonly waiting: number
  /** Changes with each job that is taken. */
  readonly progress: number
  readonly awake: number
  /** @returns false if none is left to wake */
  wake(): boolean
}

export class Patrol {
  readonly #watched: Watched
  readonly #now: () => number
  #since = 0
  #progress = 0
  #wakes = 1
  #pause = ROUND
  #timer: NodeJS.Timeout | undefined

  constructor(watched: Watched, now: () => number) {
    this.#watched = watched
    this.#now = now
  }

  /** A job was queued, and nobody was woken for it. */
  begin(): void {
    if (this.#timer !== undefined) return
    this.#wakes = 1
    this.#pause = ROUND
    this.#again()
  }

  /** From time to time: Node's timers wait while one batch of connections follows another. */
  look(): void {
    if (this.#timer !== undefined && this.#now() - this.#since >= this.#pause) {
      clearTimeout(this.#timer)
      this.#round()
    }
  }

  #round(): void {
    this.#timer = undefined
    const { waiting, progress, awake } = this.#watched
    if (waiting === 0) return
    this.#pause = ROUND
    if (progress === this.#progress || waiting > FEW * awake) this.#wake()
    else this.#wakes = 1
    this.#again()
  }

  #wake(): void {
    let woken = 0
    while (woken < this.#wakes && this.#watched.wake()) woken++
    // All are busy: whichever is done first takes what waits by itself.
    if (woken === 0) this.#pause = LONG_ROUND
    else this.#wakes *= 2
  }

  #again(): void {
    this.#since = this.#now()
    this.#progress = this.#watched.progress
    this.#timer = setTimeout(() => this.#round(), this.#pause)
  }
}
