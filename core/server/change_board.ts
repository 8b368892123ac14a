/**
 * What the threads of one process know together of changes to directories. One
 * queue serves them all, since a user may have few; whoever finds something in
 * it takes it out, and writes up here which directories it concerns.
 *
 * `seq` is odd while somebody takes. Who has seen the queue empty, and after
 * that an even `seq` that he knows, knows of every change that was made before
 * he looked.
 */
import { Change, Errno, type ChangeQueue, type Changes, type Fd } from '../port/port.ts'

/** Cells of the shared memory. */
const SEQ = 0, QUEUE = 1, FLOOD = 2, COUNT = 3, LAST = 4, EMPTIED = 5, ANY_NAME = 6, NAMES = 8
/** Bits for names that matter, by hash; marks of directories, by watch. Two that share one cost a look, no more. */
const NAME_CELLS = 1024, MARKS = NAMES + NAME_CELLS, MARK_CELLS = 16_384
/** Most directories watched by one process. Each costs the kernel about a kibibyte. */
const MAX_WATCHES = 16_384
/** How soon (s) all watches are given up for others when there are too many. */
const EMPTY_AFTER = 60

export class ChangeBoard {
  static readonly bytes = 4 * (MARKS + MARK_CELLS)
  readonly #cells: Int32Array
  readonly #changes: Changes

  constructor(memory: SharedArrayBuffer, changes: Changes) {
    this.#cells = new Int32Array(memory)
    this.#changes = changes
  }

  /** The queue of this process, opened by whoever asks first; undefined if there is none. @param failed is told once */
  attach(failed: (errno: number) => void): ChangeQueue | undefined {
    if (Atomics.load(this.#cells, QUEUE) === 0) this.#open(failed)
    const queue: Fd = Atomics.load(this.#cells, QUEUE) - 1
    return queue < 0 ? undefined : this.#changes.attach(queue)
  }

  // A thread that comes second while the first one opens goes without, for its life: that is rare and does no harm.
  #open(failed: (errno: number) => void): void {
    if (Atomics.compareExchange(this.#cells, QUEUE, 0, -1) !== 0) return
    const queue = this.#changes.open()
    if (queue >= 0) Atomics.store(this.#cells, QUEUE, queue + 1)
    else failed(-queue)
  }

  /** Changes with whatever is written here; odd: somebody is about to write. */
  get seq(): number {
    return Atomics.load(this.#cells, SEQ)
  }

  /** Changes when all that is known of directories is to be forgotten. */
  get flood(): number {
    return Atomics.load(this.#cells, FLOOD)
  }

  /** Changes with every change that concerns a watched directory. */
  mark(watch: number): number {
    return Atomics.load(this.#cells, markCell(watch))
  }

  /** From now on it matters when something of this name comes or goes. To be said before looking whether it is there. */
  mind(name: string): void {
    const bit = hash(name)
    if (bit < 0) Atomics.store(this.#cells, ANY_NAME, 1)
    else Atomics.or(this.#cells, NAMES + (bit >>> 5), 1 << (bit & 31))
  }

  /** Watches a directory. @returns its number, or a negative errno */
  watch(queue: ChangeQueue, path: Buffer): number {
    const count = Atomics.load(this.#cells, COUNT)
    if (count >= MAX_WATCHES && !this.#empty(queue)) return -Errno.nospc
    const watch = queue.add(path)
    if (watch <= 0) return watch
    // Numbers rise: a higher one is a directory that nobody had watched.
    const last = Atomics.load(this.#cells, LAST)
    if (watch > last && Atomics.compareExchange(this.#cells, LAST, last, watch) === last) Atomics.add(this.#cells, COUNT, 1)
    return watch
  }

  /** Takes what waits, and writes it up. @returns false if another thread is at it */
  drain(queue: ChangeQueue): boolean {
    const seq = this.#lock()
    if (seq === undefined) return false
    let written = false
    try {
      queue.take((watch, change, name) => {
        if (change === Change.entry && !this.#matters(name)) return
        written = true
        if (change === Change.all) Atomics.add(this.#cells, FLOOD, 1)
        else Atomics.add(this.#cells, markCell(watch), 1)
      })
    } finally {
      // Without news all remains as it was, also for those who have looked meanwhile.
      Atomics.store(this.#cells, SEQ, written ? (seq + 2) | 0 : seq)
    }
    return true
  }

  #lock(): number | undefined {
    const seq = this.seq
    const got = (seq & 1) === 0 && Atomics.compareExchange(this.#cells, SEQ, seq, seq + 1) === seq
    return got ? seq : undefined
  }

  #matters(name: string): boolean {
    const bit = hash(name)
    if (bit < 0 || Atomics.load(this.#cells, ANY_NAME) === 1) return true
    return (Atomics.load(this.#cells, NAMES + (bit >>> 5)) & (1 << (bit & 31))) !== 0
  }

  // The directories that are asked for now may be others than those of an hour ago.
  #empty(queue: ChangeQueue): boolean {
    const now = Math.floor(Date.now() / 1000)
    if (now - Atomics.load(this.#cells, EMPTIED) < EMPTY_AFTER) return false
    const seq = this.#lock()
    if (seq === undefined) return false
    Atomics.store(this.#cells, EMPTIED, now)
    const last = Atomics.load(this.#cells, LAST)
    for (let watch = Math.max(1, last - 2 * MAX_WATCHES); watch <= last; watch++) queue.remove(watch)
    Atomics.store(this.#cells, COUNT, 0)
    Atomics.add(this.#cells, FLOOD, 1)
    Atomics.store(this.#cells, SEQ, (seq + 2) | 0)
    return true
  }
}

const markCell = (watch: number): number => MARKS + (watch & (MARK_CELLS - 1))

/** The bit of a name, without regard to case: some directories have none. -1: not ASCII, where case is a wide field. */
function hash(name: string): number {
  let value = 0
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code >= 0x80) return -1
    value = (Math.imul(value, 31) + (code >= 0x41 && code <= 0x5a ? code + 0x20 : code)) | 0
  }
  return (value ^ (value >>> 15)) & (32 * NAME_CELLS - 1)
}
