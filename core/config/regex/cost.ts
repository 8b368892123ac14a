/**
 * How long a subject may be before a backtracking matcher could take too many steps for a tree. One rule: the number
 * is never too small; where no polynomial is known to bound the steps, no subject is short enough.
 *
 * What backtracking multiplies are the ways in which one part can match from one place, as the rest is tried after
 * each of them. A way counts only if the byte behind it is one that may come next: `[^/]+` before a slash has one way
 * however long it is, `.*` before a slash as many as there are bytes.
 */
import { byte, END, NONE, type Bytes } from './bytes.ts'
import { partsOf, remembered, takesNothing, type Tree } from './tree.ts'

/** Steps that one match may take. PCRE's own limit; some ten milliseconds of JavaScript. */
export const MOST_STEPS = 10_000_000

/** At most `factor` × n^`degree`, for a subject with n - 1 bytes. */
export interface Polynomial {
  readonly factor: number
  readonly degree: number
}

interface Cost {
  readonly ways: Polynomial
  readonly steps: Polynomial
}

const constant = (factor: number): Polynomial => ({ factor, degree: 0 })
const ONE = constant(1)
const LENGTH: Polynomial = { factor: 1, degree: 1 }
const plus = (a: Polynomial, b: Polynomial): Polynomial =>
  ({ factor: a.factor + b.factor, degree: Math.max(a.degree, b.degree) })
const times = (a: Polynomial, b: Polynomial): Polynomial =>
  ({ factor: a.factor * b.factor, degree: a.degree + b.degree })
const power = (base: Polynomial, exponent: number): Polynomial =>
  ({ factor: base.factor ** exponent, degree: base.degree * exponent })
const larger = (a: Polynomial, b: Polynomial): Polynomial =>
  ({ factor: Math.max(a.factor, b.factor), degree: Math.max(a.degree, b.degree) })
const isOne = ({ factor, degree }: Polynomial): boolean => factor === 1 && degree === 0

/** Length in bytes of the longest subject that is surely matched in MOST_STEPS; negative if there is none. */
export function longestSubject(tree: Tree, most = MOST_STEPS): number {
  const { factor, degree } = stepsOf(tree)
  if (!Number.isFinite(factor)) return -1
  return degree === 0 ? Infinity : Math.floor((most / factor) ** (1 / degree)) - 1
}

/** A bound of the steps that a match of the whole tree takes, wherever in the subject it may begin. */
export function stepsOf(tree: Tree): Polynomial {
  const once = stepsOfStart(tree)
  return isAnchored(tree) ? once : times(LENGTH, once)
}

/** The same for one start. */
export function stepsOfStart(tree: Tree): Polynomial {
  let size = 0
  let paths = 1
  const looks: Tree[] = []
  for (const part of partsOf(tree)) {
    size += 1
    if (part.kind === 'look') looks.push(part.body)
    if (part.kind === 'choice') paths *= Math.max(1, part.branches.filter(takesNothing).length)
  }
  // What is tried between two bytes before the second is seen not to fit: every part at most once on each path that
  // takes no byte, and what is looked for there.
  const own = new Costs(constant(size * paths))
  const lookedFor = looks.map((body) => times(constant(paths), own.of(body, NONE).steps))
  const between = lookedFor.reduce(plus, constant(size * paths))
  const { steps } = new Costs(between).of(tree, NONE)
  return plus(steps, between)
}

/** Whether all matches begin at the start of the subject. */
export function isAnchored(tree: Tree): boolean {
  switch (tree.kind) {
    case 'start': return true
    case 'group': return isAnchored(tree.body)
    case 'sequence': return tree.items.length > 0 && isAnchored(tree.items[0]!)
    case 'choice': return tree.branches.every(isAnchored)
    default: return false
  }
}

interface Front {
  readonly set: Bytes
  /** What comes behind the tree may stand there too. */
  readonly open: boolean
}

/** What may stand behind the place where a tree begins to match. */
const frontOf = remembered((tree: Tree): Front => {
  switch (tree.kind) {
    case 'bytes': return { set: tree.set, open: false }
    case 'end': return { set: tree.before ? END | byte(10) : END, open: false }
    case 'group': return frontOf(tree.body)
    case 'sequence': return tree.items.reduceRight((behind, item) => joined(frontOf(item), behind), ANYTHING)
    case 'choice': return tree.branches.map(frontOf)
      .reduce((a, b) => ({ set: a.set | b.set, open: a.open || b.open }), { set: NONE, open: false })
    case 'repeat': {
      const { set, open } = frontOf(tree.body)
      return { set, open: open || tree.min === 0 }
    }
    default: return ANYTHING
  }
})

const ANYTHING: Front = { set: NONE, open: true }
const joined = (a: Front, b: Front): Front => (a.open ? { set: a.set | b.set, open: b.open } : a)

/** @param next what may stand behind the place where the tree ends */
function first(tree: Tree, next: Bytes): Bytes {
  const { set, open } = frontOf(tree)
  return open ? set | next : set
}

const apart = (sets: readonly Bytes[]): boolean => {
  let all = NONE
  for (const set of sets) {
    if ((all & set) !== NONE) return false
    all |= set
  }
  return true
}

class Costs {
  /** Steps from one byte to where the next is seen not to fit. */
  readonly #between: Polynomial

  constructor(between: Polynomial) {
    this.#between = between
  }

  /** @param next what may come behind it; NONE: the match is complete, and nothing else is tried */
  of(tree: Tree, next: Bytes): Cost {
    switch (tree.kind) {
      case 'group': return this.of(tree.body, next)
      case 'sequence': return this.#sequence(tree.items, next)
      case 'choice': return this.#choice(tree.branches, next)
      case 'repeat': return this.#repeat(tree, next)
      case 'look': return { ways: ONE, steps: this.#between }
      default: return { ways: ONE, steps: ONE }
    }
  }

  #sequence(items: readonly Tree[], next: Bytes): Cost {
    const behind = items.map(() => next)
    for (let i = items.length - 1; i > 0; i--) behind[i - 1] = first(items[i]!, behind[i]!)
    let ways = ONE
    let steps = ONE
    for (const [i, item] of items.entries()) {
      const cost = this.of(item, behind[i]!)
      steps = plus(steps, times(ways, cost.steps))
      ways = times(ways, cost.ways)
    }
    return { ways, steps }
  }

  #choice(branches: readonly Tree[], next: Bytes): Cost {
    const costs = branches.map((branch) => this.of(branch, next))
    const one = apart(branches.map((branch) => first(branch, next)))
    return {
      ways: costs.map(({ ways }) => ways).reduce(one ? larger : plus),
      steps: costs.map(({ steps }) => steps).reduce(plus, constant(branches.length)),
    }
  }

  #repeat({ body, min, max }: Extract<Tree, { kind: 'repeat' }>, next: Bytes): Cost {
    const again = first(body, NONE)
    const cost = this.of(body, again | next)
    const round = plus(cost.steps, this.#between)
    const ends = apart([again, next]) ? ONE : undefined
    if (max < Infinity) {
      return {
        ways: (isOne(cost.ways) ? ends : undefined) ?? times(constant(max - min + 1), power(cost.ways, max)),
        steps: times(times(constant(max), power(cost.ways, max)), round),
      }
    }
    if (!isOne(cost.ways)) return { ways: constant(Infinity), steps: constant(Infinity) }
    // With one way a round does no more than its bytes and what is between them: all rounds together pass the subject
    // once.
    const each: Polynomial = { factor: round.factor, degree: this.#between.degree }
    return { ways: ends ?? LENGTH, steps: times(LENGTH, each) }
  }
}
