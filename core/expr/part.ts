/**
 * A piece of an expression, ready to run. One rule: whether it can make the
 * request wait is known when it is made, so that what cannot runs without
 * looking for promises; and what is constant is worked out then.
 */
import { after, type Answer } from '../hook/hook.ts'
import type { Evaluation } from './evaluation.ts'

export interface Part<T> {
  /** Absent: depends on the request. */
  readonly constant?: { readonly value: T }
  /** True: `run` never answers a promise. */
  readonly sync: boolean
  run(evaluation: Evaluation): Answer<T>
}

export const constant = <T>(value: T): Part<T> => ({ constant: { value }, sync: true, run: () => value })

export const direct = <T>(run: (evaluation: Evaluation) => T): Part<T> => ({ sync: true, run })

export const waiting = <T>(run: (evaluation: Evaluation) => Answer<T>): Part<T> => ({ sync: false, run })

/** What becomes of one part's value. `pure`: the same for the same value, so a constant stays one. */
export function map<A, R>(part: Part<A>, pure: boolean, of: (value: A, evaluation: Evaluation) => R): Part<R> {
  // A pure function asks nothing of the evaluation.
  if (pure && part.constant !== undefined) return constant(of(part.constant.value, undefined as never))
  if (part.sync) return direct((evaluation) => of(part.run(evaluation) as A, evaluation))
  return waiting((evaluation) => after(part.run(evaluation), (value) => of(value, evaluation)))
}

/** The same of two parts; the left one runs first. */
export function map2<A, B, R>(
  left: Part<A>, right: Part<B>, pure: boolean, of: (left: A, right: B, evaluation: Evaluation) => R,
): Part<R> {
  if (pure && left.constant !== undefined && right.constant !== undefined)
    return constant(of(left.constant.value, right.constant.value, undefined as never))
  if (left.sync && right.sync)
    return direct((evaluation) => of(left.run(evaluation) as A, right.run(evaluation) as B, evaluation))
  return waiting((evaluation) => after(left.run(evaluation), (a) =>
    after(right.run(evaluation), (b) => of(a, b, evaluation))))
}

/** All values, in order. */
export function all<T>(parts: readonly Part<T>[]): Part<readonly T[]> {
  if (parts.every((part) => part.constant !== undefined)) return constant(parts.map((part) => part.constant!.value))
  if (parts.every((part) => part.sync)) return direct((evaluation) => parts.map((part) => part.run(evaluation) as T))
  return waiting(async (evaluation) => {
    const values: T[] = []
    for (const part of parts) values.push(await part.run(evaluation))
    return values
  })
}

/** `wanted` true: whether one of the parts is true; false: not whether one is false. It runs no more than it takes. */
export function some(parts: readonly Part<boolean>[], wanted: boolean): Part<boolean> {
  const kept = withoutIdle(parts, wanted)
  if (kept.length === 0) return constant(!wanted)
  if (kept.length === 1) return kept[0]!
  if (kept.every((part) => part.sync)) {
    return direct((evaluation) => {
      for (let i = 0; i < kept.length; i++) if (kept[i]!.run(evaluation) === wanted) return wanted
      return !wanted
    })
  }
  return waiting(async (evaluation) => {
    for (const part of kept) if (await part.run(evaluation) === wanted) return wanted
    return !wanted
  })
}

// A constant either says nothing or ends the list.
function withoutIdle(parts: readonly Part<boolean>[], wanted: boolean): Part<boolean>[] {
  const kept: Part<boolean>[] = []
  for (const part of parts) {
    if (part.constant?.value === !wanted) continue
    kept.push(part)
    if (part.constant !== undefined) break
  }
  return kept
}

/** Flattens an answer inside of a part. */
export function settled<T>(part: Part<Answer<T>>, sync: boolean): Part<T> {
  if (part.constant !== undefined) return constant(part.constant.value as T)
  const run = (evaluation: Evaluation): Answer<T> => after(part.run(evaluation), (answer) => answer)
  return part.sync && sync ? (part as Part<T>) : waiting(run)
}
