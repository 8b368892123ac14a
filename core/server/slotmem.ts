/**
 * Memory in slots of one size, for modules that keep a known number of things for all processes (Apache's
 * ap_slotmem_provider_t). Nothing is locked: whoever writes to a slot says what may be read meanwhile.
 */
import type { Startup } from '../hook/hooks.ts'

export interface Slotmem {
  readonly slots: number
  /** Bytes of one. */
  readonly slotBytes: number
  /** Takes a free one; undefined: there is none. What the one before left in it is still there. */
  grab(): number | undefined
  /** Takes this one. False: somebody has it (Apache's fgrab). */
  take(slot: number): boolean
  /** False: nobody had it. */
  release(slot: number): boolean
  inUse(slot: number): boolean
  /** The slot itself, not a copy. @throws RangeError */
  view(slot: number): DataView
}

/**
 * Makes a table, in post_config, in the control process and in each thread of each child.
 * @param name of the use @returns the table, for whoever serves
 */
export type SlotmemProvider = (name: string, slots: number, slotBytes: number, startup: Startup) => () => Slotmem

const providers = new Map<string, SlotmemProvider>()

/** Makes a provider available under a name. */
export const registerSlotmem = (name: string, provider: SlotmemProvider): void => void providers.set(name, provider)

export const slotmemProvider = (name: string): SlotmemProvider | undefined => providers.get(name)
