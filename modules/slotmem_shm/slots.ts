/* A table of slots in shared memory: a word for each that says whether somebody has it, and behind these the slots. */
import type { Slotmem } from 'httpd'

/** Slots begin at multiples of this, so that numbers of 64 bits may stand in them. */
const ALIGNED = 8
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNED) * ALIGNED

const FREE = 0, TAKEN = 1

export class SharedSlots implements Slotmem {
  readonly slots: number
  readonly slotBytes: number
  readonly #used: Int32Array
  readonly #memory: ArrayBuffer

  /** @param memory of `SharedSlots.bytes` size, zeroed when new */
  constructor(memory: ArrayBuffer, slots: number, slotBytes: number) {
    this.#memory = memory
    this.slots = slots
    this.slotBytes = slotBytes
    this.#used = new Int32Array(memory, 0, slots)
  }

  static bytes(slots: number, slotBytes: number): number {
    return aligned(4 * slots) + slots * aligned(slotBytes)
  }

  grab(): number | undefined {
    for (let slot = 0; slot < this.slots; slot++) if (this.take(slot)) return slot
    return undefined
  }

  take(slot: number): boolean {
    return slot >= 0 && slot < this.slots && Atomics.compareExchange(this.#used, slot, FREE, TAKEN) === FREE
  }

  release(slot: number): boolean {
    return slot >= 0 && slot < this.slots && Atomics.compareExchange(this.#used, slot, TAKEN, FREE) === TAKEN
  }

  inUse(slot: number): boolean {
    return slot >= 0 && slot < this.slots && Atomics.load(this.#used, slot) === TAKEN
  }

  view(slot: number): DataView {
    if (slot < 0 || slot >= this.slots) throw new RangeError(`there are ${this.slots} slots, and no number ${slot}`)
    return new DataView(this.#memory, aligned(4 * this.slots) + slot * aligned(this.slotBytes), this.slotBytes)
  }
}
