/* Numbers that look random, and are the same for the same seed. */

/** @returns a function that answers a number from 0 up to, but not, 1: a linear congruential generator of 32 bits */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
