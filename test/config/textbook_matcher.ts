// A backtracking matcher as in a textbook, which counts its steps: what the bound of core/config/regex/cost.ts is for.
import { isAnchored } from '../../core/config/regex/cost.ts'
import type { Tree } from '../../core/config/regex/tree.ts'

/** Steps to find out whether a tree matches anywhere in a subject; gives up after `most`. */
export function stepsTaken(tree: Tree, subject: string, most: number): number {
  const counted = { steps: 0 }
  const at = matcher(subject, () => {
    if (++counted.steps > most) throw new Error('too many steps')
  })
  try {
    for (let start = 0; start <= subject.length; start++) {
      if (at(tree, start, () => true) || isAnchored(tree)) break
    }
  } catch {
    return Infinity
  }
  return counted.steps
}

/** How many bytes a tree takes, at least and at most. */
function widthOf(tree: Tree): readonly [least: number, most: number] {
  switch (tree.kind) {
    case 'bytes': return [1, 1]
    case 'group': return widthOf(tree.body)
    case 'sequence': return tree.items.map(widthOf).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0])
    case 'choice': {
      const widths = tree.branches.map(widthOf)
      return [Math.min(...widths.map(([least]) => least)), Math.max(...widths.map(([, most]) => most))]
    }
    case 'repeat': {
      const [least, most] = widthOf(tree.body)
      return [least * tree.min, most === 0 ? 0 : most * tree.max]
    }
    default: return [0, 0]
  }
}

type Then = (at: number) => boolean

function matcher(subject: string, step: () => void) {
  const word = (at: number): boolean => /\w/.test(subject[at] ?? '')
  const all = (items: readonly Tree[], from: number, at: number, then: Then): boolean =>
    from === items.length ? then(at) : run(items[from]!, at, (next) => all(items, from + 1, next, then))

  function run(tree: Tree, at: number, then: Then): boolean {
    step()
    switch (tree.kind) {
      case 'bytes': return at < subject.length && (tree.set >> BigInt(subject.charCodeAt(at)) & 1n) === 1n && then(at + 1)
      case 'start': return at === 0 && then(at)
      case 'end': return (at === subject.length || (tree.before && at === subject.length - 1 && subject[at] === '\n')) && then(at)
      case 'boundary': return (word(at - 1) !== word(at)) !== tree.negated && then(at)
      case 'group': return run(tree.body, at, then)
      case 'sequence': return all(tree.items, 0, at, then)
      case 'choice': return tree.branches.some((branch) => run(branch, at, then))
      case 'repeat': return repeated(tree, 0, at, then)
      case 'look': return looked(tree, at) !== tree.negated && then(at)
    }
  }

  function looked({ body, behind }: Extract<Tree, { kind: 'look' }>, at: number): boolean {
    if (!behind) return run(body, at, () => true)
    // What stands behind is matched backwards: only from where it can begin.
    const [least, most] = widthOf(body)
    for (let from = at - least; from >= Math.max(0, at - most); from--) if (run(body, from, (end) => end === at)) return true
    return false
  }

  function repeated(tree: Extract<Tree, { kind: 'repeat' }>, round: number, at: number, then: Then): boolean {
    const again = () => round < tree.max && run(tree.body, at, (next) => repeated(tree, round + 1, next, then))
    if (round < tree.min) return again()
    return tree.lazy ? then(at) || again() : again() || then(at)
  }
  return run
}
