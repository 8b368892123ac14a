/**
 * A lock between threads of any processes that share memory: one word, 0 or the kernel's id of the thread that has it.
 * One rule: nobody waits for long. Who does not get it goes without, and what a thread held that is gone is the next one's.
 */

/** How often it is tried before the processor is left to others, and how long (ms) until it is given up. */
const SPINS = 200
const PATIENCE = 4
/** How long (ms) one waits before looking again, and before looking whether the holder is still there. */
const NAP = 0.05
const DOUBT = 1

export interface LockParts {
  /** Kernel id of the calling thread. */
  readonly self: () => number
  readonly alive?: (thread: number) => boolean
  readonly now?: () => number
}

/** What became of an attempt. `abandoned`: got, but the one before died in the middle of something. */
export type Locked = 'locked' | 'abandoned' | 'busy'

const bed = new Int32Array(new SharedArrayBuffer(4))

// Where a thread of another user has the number, it is there.
function lives(thread: number): boolean {
  try {
    process.kill(thread, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

export class SharedLocks {
  readonly #words: Int32Array
  readonly #self: () => number
  readonly #alive: (thread: number) => boolean
  readonly #now: () => number
  #id = 0

  /** @param words of the shared memory; each may be a lock */
  constructor(words: Int32Array, { self, alive = lives, now = () => performance.now() }: LockParts) {
    this.#words = words
    this.#self = self
    this.#alive = alive
    this.#now = now
  }

  acquire(at: number): Locked {
    const me = (this.#id ||= this.#self())
    for (let i = 0; i < SPINS; i++) if (Atomics.compareExchange(this.#words, at, 0, me) === 0) return 'locked'
    return this.#insist(at, me)
  }

  release(at: number): void {
    Atomics.compareExchange(this.#words, at, this.#id, 0)
  }

  #insist(at: number, me: number): Locked {
    const begin = this.#now()
    for (let suspect = 0; ;) {
      const holder = Atomics.compareExchange(this.#words, at, 0, me)
      if (holder === 0) return 'locked'
      const waited = this.#now() - begin
      if (waited > DOUBT && holder !== suspect) {
        // Asked once for each holder: it is a system call.
        suspect = holder
        const gone = holder === me || !this.#alive(holder)
        if (gone && Atomics.compareExchange(this.#words, at, holder, me) === holder) return 'abandoned'
      }
      if (waited > PATIENCE) return 'busy'
      Atomics.wait(bed, 0, 0, NAP)
    }
  }
}
