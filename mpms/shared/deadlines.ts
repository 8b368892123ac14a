/**
 * Deadlines of waiting connections: a wheel of lists, turned by one timer that
 * runs only while something waits. Moving a deadline further away, what each
 * request on a kept connection does, is one assignment.
 */
export interface Waiting {
  /** Milliseconds on the loop's clock; 0: none. */
  deadline: number
  slot: number
  before: Waiting | undefined
  after: Waiting | undefined
}

const TICK = 100
const SLOTS = 1024

export class Deadlines<T extends Waiting> {
  readonly #slots: (Waiting | undefined)[] = new Array<Waiting | undefined>(SLOTS).fill(undefined)
  readonly #late: (item: T) => void
  readonly #clock: () => number
  #count = 0
  #turned = 0
  #timer: NodeJS.Timeout | undefined

  /** @param late called once when a deadline has passed */
  constructor(clock: () => number, late: (item: T) => void) {
    this.#clock = clock
    this.#late = late
  }

  set(item: T, deadline: number): void {
    const held = item.deadline
    item.deadline = deadline
    if (held !== 0 && deadline >= held) return
    if (item.slot >= 0) {
      // Standing in an earlier slot is fine: it is looked at there and moved on.
      if (this.#at(deadline) >= item.slot) return
      this.#unlink(item)
    }
    this.#link(item, deadline)
  }

  clear(item: T): void {
    item.deadline = 0
    this.#unlink(item)
  }

  #at(deadline: number): number {
    return Math.ceil(deadline / TICK)
  }

  #link(item: Waiting, deadline: number): void {
    if (this.#count++ === 0) this.#start()
    const tick = Math.min(Math.max(this.#at(deadline), this.#turned + 1), this.#turned + SLOTS - 1)
    const index = tick % SLOTS
    const first = this.#slots[index]
    item.slot = tick
    item.before = undefined
    item.after = first
    if (first !== undefined) first.before = item
    this.#slots[index] = item
  }

  #unlink(item: Waiting): void {
    if (item.slot < 0) return
    if (item.before !== undefined) item.before.after = item.after
    else this.#slots[item.slot % SLOTS] = item.after
    if (item.after !== undefined) item.after.before = item.before
    item.slot = -1
    item.before = item.after = undefined
    if (--this.#count === 0) this.#stop()
  }

  #start(): void {
    this.#turned = Math.floor(this.#clock() / TICK)
    this.#timer = setInterval(() => this.turn(), TICK)
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Looks at everything whose time may have come. Called by the timer; by tests with their own clock. */
  turn(): void {
    const now = this.#clock()
    const until = Math.floor(now / TICK)
    while (this.#turned < until && this.#count > 0) {
      this.#turned++
      this.#turnTo(this.#turned, now)
    }
  }

  // From the head each time: `late` may clear whatever stands in the list, or set it anew. What comes in meanwhile
  // stands at the head of a later lap only if the wheel was empty, so nothing that is due stands behind it.
  #turnTo(tick: number, now: number): void {
    for (;;) {
      const item = this.#slots[tick % SLOTS]
      if (item === undefined || item.slot > tick) return
      this.#look(item as T, now)
    }
  }

  #look(item: T, now: number): void {
    const { deadline } = item
    this.#unlink(item)
    if (deadline === 0) return
    if (deadline > now) {
      this.#link(item, deadline)
      return
    }
    item.deadline = 0
    this.#late(item)
  }
}
