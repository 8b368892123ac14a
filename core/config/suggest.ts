/**
 * Help for a directive that nobody knows: a name that is spelled almost the
 * same, or the module that brings it. Pure.
 */

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
  if (!known.available) return `'${name}' belongs to ${known.module}, which this version does not have`
  const symbol = `${known.module.replace(/^mod_/, '')}_module`
  return `'${name}' belongs to ${known.module}: load it with LoadModule ${symbol} modules/${known.module}.so`
}

/** The closest name, sections among sections only; no closer than a typing error or two. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase()
  let best: string | undefined
  let least = Math.min(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of names) {
    if (candidate.startsWith('<') !== name.startsWith('<')) continue
    if (Math.abs(candidate.length - name.length) >= least) continue
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** Insertions, deletions, substitutions and swaps of neighbours that make one text the other. */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j]!, before[j - 2]! + 1)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
