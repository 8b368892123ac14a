/**
 * Help for a directive that nobody knows: a name that is spelled almost the
 * same, or the module that brings it. Pure.
 */
import { closest } from '../base/edit_distance.ts'

/** What is known of a directive that no loaded module has. */
export type Known =
  /** `module` as in `mod_rewrite`; `available`: this version has it. */
  | { readonly module: string; readonly available: boolean }
  /** Names of the MPMs that have it: `worker`, `event`. */
  | { readonly mpms: readonly string[] }

/** @returns a line to follow Apache's message, or undefined if there is nothing to say */
export function adviceFor(name: string, known: Known | undefined, names: Iterable<string>): string | undefined {
  if (known !== undefined) return belongs(name, known)
  const near = nearest(name, names)
  return near === undefined ? undefined : `Did you mean '${near}'?`
}

function belongs(name: string, known: Known): string {
  if ('mpms' in known) {
    const [last = '', ...others] = known.mpms.toReversed()
    const list = others.length === 0 ? `${last} MPM` : `${others.reverse().join(', ')} and ${last} MPMs`
    return `'${name}' belongs to the ${list}`
  }
  if (!known.available) return `'${name}' belongs to ${known.module}, which this build does not have`
  const symbol = `${known.module.replace(/^mod_/, '')}_module`
  return `'${name}' belongs to ${known.module}: load it with LoadModule ${symbol} modules/${known.module}.so`
}

/** The closest name, sections among sections only; no closer than a typing error or two. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const kind = [...names].filter((candidate) => candidate.startsWith('<') === name.startsWith('<'))
  return closest(name, kind, Math.min(2, Math.floor(name.length / 3)) + 1)
}
