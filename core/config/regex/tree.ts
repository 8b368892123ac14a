/** A regular expression as a tree: the part of PCRE's language that JavaScript can be made to match in the same way. */
import { ALL, type Bytes } from './bytes.ts'

export type Tree =
  /** One byte out of a set. */
  | { readonly kind: 'bytes'; readonly set: Bytes }
  | { readonly kind: 'start' }
  /** `before`: also before a line feed that ends the subject. */
  | { readonly kind: 'end'; readonly before: boolean }
  | { readonly kind: 'boundary'; readonly negated: boolean }
  | { readonly kind: 'look'; readonly behind: boolean; readonly negated: boolean; readonly body: Tree }
  /** A capturing group and its number. */
  | { readonly kind: 'group'; readonly number: number; readonly body: Tree }
  | { readonly kind: 'sequence'; readonly items: readonly Tree[] }
  | { readonly kind: 'choice'; readonly branches: readonly Tree[] }
  /** `max` may be Infinity. The body always takes at least one byte. */
  | { readonly kind: 'repeat'; readonly body: Tree; readonly min: number; readonly max: number; readonly lazy: boolean }

export interface Parsed {
  readonly tree: Tree
  /** Names of groups by their number; [0] is the whole match and has none. */
  readonly names: readonly (string | undefined)[]
}

/** Thrown while a pattern is read: it is for the library to judge. */
export class Unsure extends Error {}

/** Thrown where all before it is understood: the pattern is surely wrong. */
export class Wrong extends Error {}

/** Every part of a tree, itself first. */
export function* partsOf(tree: Tree): Generator<Tree> {
  yield tree
  if (tree.kind === 'sequence') for (const item of tree.items) yield* partsOf(item)
  else if (tree.kind === 'choice') for (const branch of tree.branches) yield* partsOf(branch)
  else if ('body' in tree) yield* partsOf(tree.body)
}

/**
 * What `tell` says of a tree, found once for each tree: it is asked of every part on the way down, and of a body that
 * is nested in n others it would be found n times.
 */
export function remembered<T>(tell: (tree: Tree) => T): (tree: Tree) => T {
  const known = new WeakMap<Tree, { readonly said: T }>()
  return (tree) => {
    const before = known.get(tree)
    if (before !== undefined) return before.said
    const said = tell(tree)
    known.set(tree, { said })
    return said
  }
}

/** Whether it can match without taking a byte. */
export const takesNothing = remembered((tree: Tree): boolean => {
  switch (tree.kind) {
    case 'bytes': return false
    case 'group': return takesNothing(tree.body)
    case 'sequence': return tree.items.every(takesNothing)
    case 'choice': return tree.branches.some(takesNothing)
    case 'repeat': return tree.min === 0
    default: return true
  }
})

export const captures = remembered((tree: Tree): boolean => {
  switch (tree.kind) {
    case 'group': return true
    case 'sequence': return tree.items.some(captures)
    case 'choice': return tree.branches.some(captures)
    case 'repeat': case 'look': return captures(tree.body)
    default: return false
  }
})

/**
 * Whether it begins with `.*`: it matches at the start of the subject or nowhere. PCRE2 notices, JavaScript
 * would try every start.
 */
export function takesAnyStart(tree: Tree): boolean {
  switch (tree.kind) {
    case 'group': return takesAnyStart(tree.body)
    case 'sequence': return tree.items.length > 0 && takesAnyStart(tree.items[0]!)
    case 'choice': return tree.branches.every(takesAnyStart)
    case 'repeat': return tree.min === 0 && tree.max === Infinity && tree.body.kind === 'bytes' && tree.body.set === ALL
    default: return false
  }
}

/**
 * Whether each match sets every group in it. JavaScript forgets at each round of a loop what groups matched in the
 * round before, PCRE does not: it makes no difference where every round sets them all.
 */
export const setsAllGroups = remembered((tree: Tree): boolean => {
  switch (tree.kind) {
    case 'group': return setsAllGroups(tree.body)
    case 'sequence': return tree.items.every(setsAllGroups)
    case 'choice': return tree.branches.length === 1 ? setsAllGroups(tree.branches[0]!) : !captures(tree)
    case 'repeat': return tree.min > 0 ? setsAllGroups(tree.body) : !captures(tree.body)
    default: return true
  }
})
