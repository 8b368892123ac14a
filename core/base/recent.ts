/**
 * A Map of bounded size for what can be made again. What was not asked for while a whole generation of other keys came
 * is forgotten; nothing is moved or sorted for that, and a full one is never emptied all at once.
 */
export class Recent<K, V> {
  readonly #size: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  /** @param size of one generation: there are at most twice as many entries */
  constructor(size: number) {
    this.#size = size
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const older = this.#old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: K, value: V): V {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
    return value
  }
}
