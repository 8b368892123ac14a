/** How far apart two words are, for suggestions. Pure. */

/** Number of single-character insertions, deletions, changes and swaps of neighbours that lead from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, before[j - 2]! + 1)
      next.push(cost)
    }
    before = row
    row = next
  }
  return row[b.length]!
}

/** The closest of `known` that is fewer than `limit` steps away, the first of several; undefined if none is. */
export function closest(word: string, known: Iterable<string>, limit: number): string | undefined {
  let best: string | undefined
  let least = limit
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= least) continue
    const apart = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (apart < least) [best, least] = [candidate, apart]
  }
  return best
}
