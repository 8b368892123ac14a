/** Writes a tree as the source of a JavaScript RegExp without flags. */
import { ALL, not, runsOf, type Bytes } from './bytes.ts'
import type { Tree } from './tree.ts'

export function emit(tree: Tree): string {
  switch (tree.kind) {
    case 'bytes': return bytes(tree.set)
    case 'start': return '^'
    case 'end': return tree.before ? '(?=\\n?$)' : '$'
    case 'boundary': return tree.negated ? '\\B' : '\\b'
    case 'look': return `(?${tree.behind ? '<' : ''}${tree.negated ? '!' : '='}${emit(tree.body)})`
    case 'group': return `(${emit(tree.body)})`
    case 'sequence': return tree.items.map(enclosed).join('')
    case 'choice': return tree.branches.map(enclosed).join('|')
    case 'repeat': return repeated(tree)
  }
}

const enclosed = (tree: Tree): string => (tree.kind === 'choice' ? `(?:${emit(tree)})` : emit(tree))

function repeated({ body, min, max, lazy }: Extract<Tree, { kind: 'repeat' }>): string {
  const atom = body.kind === 'bytes' || body.kind === 'group' ? emit(body) : `(?:${emit(body)})`
  return `${atom}${count(min, max)}${lazy ? '?' : ''}`
}

function count(min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  if (min === 0 && max === 1) return '?'
  return min === max ? `{${min}}` : `{${min},${max}}`
}

function bytes(set: Bytes): string {
  if (set === ALL) return '[^]'
  const runs = runsOf(set)
  if (runs.length === 1 && runs[0]![0] === runs[0]![1]) return literal(runs[0]![0])
  const others = runsOf(not(set))
  return others.length < runs.length ? `[^${ranges(others)}]` : `[${ranges(runs)}]`
}

const ranges = (runs: readonly (readonly [number, number])[]): string =>
  runs.map(([from, to]) => (from === to ? literal(from) : `${literal(from)}-${literal(to)}`)).join('')

const literal = (code: number): string => {
  const char = String.fromCharCode(code)
  return /[A-Za-z0-9_]/.test(char) ? char : `\\x${code.toString(16).padStart(2, '0')}`
}
