/*
 * Properties: something that holds for whatever fast-check makes up. The seed is another one each time; a failure says
 * with which seed and path it comes again:
 *
 *   PROPERTY_SEED=123 PROPERTY_PATH=4:1 node test/run.mjs head_property
 */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { Test } from 'tap'

const seed = process.env['PROPERTY_SEED']
const path = process.env['PROPERTY_PATH']
const again = seed === undefined ? {} : { seed: Number(seed), ...(path !== undefined && { path, endOnFailure: true }) }

/**
 * Fails the test, with the smallest example found, if the property does not hold. The predicate throws, or answers
 * false.
 */
export function holds<T>(t: Test, name: string, from: fc.Arbitrary<T>, predicate: (value: T) => boolean | void, numRuns = 1000): void {
  const found = fc.check(fc.property(from, predicate), { numRuns, ...again })
  if (!found.failed) return void t.pass(name)
  const example = JSON.stringify(found.counterexample?.[0])
  const why = found.errorInstance instanceof Error ? found.errorInstance.message : 'the answer was false'
  t.fail(`${name}: not for ${example}: ${why}`, {
    again: `PROPERTY_SEED=${found.seed} PROPERTY_PATH=${found.counterexamplePath ?? ''}`,
  })
}

/** Throws unless two plain values are the same. */
export function same(got: unknown, wanted: unknown, what = 'the answer'): void {
  if (!isDeepStrictEqual(got, wanted)) throw new Error(`${what} is ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`)
}

/** Byte strings of up to some length. */
export const byteStrings = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'))

/** A text in pieces, cut at the places that the numbers between 0 and 1 name. */
export function pieces(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((cut) => Math.floor(cut * text.length)))].sort((a, b) => a - b)
  return [...places, text.length].map((end, i) => text.slice(i === 0 ? 0 : places[i - 1], end)).filter((piece) => piece !== '')
}

/** Where to cut: up to five places. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 })
