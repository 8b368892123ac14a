/**
 * What an expression says, as a tree. One rule: nodes are plain data; `at` is
 * where in the text a name stands, counted from 0, for messages about it.
 */

/** What is true or false. */
export type Cond =
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'not'; readonly cond: Cond }
  | { readonly kind: 'and' | 'or'; readonly conds: readonly Cond[] }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Word; readonly right: Word }
  | { readonly kind: 'match'; readonly negated: boolean; readonly left: Word; readonly regex: Regex }
  | { readonly kind: 'in'; readonly left: Word; readonly list: List }
  | { readonly kind: 'unary'; readonly name: string; readonly arg: Word; readonly at: number }
  | {
    readonly kind: 'binary'; readonly name: string; readonly left: Word; readonly right: Word; readonly at: number
  }

/** What is a text. */
export type Word =
  | { readonly kind: 'text'; readonly value: string }
  /** Written without quotes. */
  | { readonly kind: 'digits'; readonly value: string }
  | { readonly kind: 'concat'; readonly parts: readonly Word[] }
  | { readonly kind: 'variable'; readonly name: string; readonly at: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Word[]; readonly at: number }
  | { readonly kind: 'backref'; readonly group: number }
  /** `%{:CONDITION:}`: the text `true` or `false`. */
  | { readonly kind: 'truth'; readonly cond: Cond }
  | { readonly kind: 'join'; readonly list: List; readonly separator: Word | undefined }
  | { readonly kind: 'sub'; readonly substitution: Substitution; readonly subject: Word }

export type List =
  | { readonly kind: 'words'; readonly words: readonly Word[] }
  | { readonly kind: 'listCall'; readonly name: string; readonly arg: Word; readonly at: number }
  | { readonly kind: 'split'; readonly by: Regex | Substitution; readonly of: Word | List }

export interface Regex {
  readonly kind: 'regex'
  readonly pattern: string
  readonly ignoreCase: boolean
  readonly at: number
}

/** `s/PATTERN/REPLACEMENT/FLAGS`. */
export interface Substitution {
  readonly kind: 'substitution'
  readonly regex: Regex
  readonly replacement: Word
  /** Every match, not only the first. */
  readonly all: boolean
}

export const TEXT_COMPARISONS = ['==', '!=', '<', '<=', '>', '>='] as const
export const NUMBER_COMPARISONS = ['-eq', '-ne', '-lt', '-le', '-gt', '-ge'] as const
export type Comparison = (typeof TEXT_COMPARISONS)[number] | (typeof NUMBER_COMPARISONS)[number]

export const text = (value: string): Word => ({ kind: 'text', value })

/** The words one after the other. Texts that meet are one, empty ones none; where nothing is joined it is the word. */
export function concat(parts: readonly Word[]): Word {
  const flat: Word[] = []
  for (const part of parts.flatMap((each) => (each.kind === 'concat' ? each.parts : [each]))) {
    const last = flat.at(-1)
    if (part.kind === 'text' && part.value === '') continue
    if (last?.kind === 'text' && part.kind === 'text') flat[flat.length - 1] = text(last.value + part.value)
    else flat.push(part)
  }
  return flat.length === 1 ? flat[0]! : flat.length === 0 ? text('') : { kind: 'concat', parts: flat }
}

const WORDS: ReadonlySet<string> = new Set(
  ['text', 'digits', 'concat', 'variable', 'call', 'backref', 'truth', 'join', 'sub'] satisfies Word['kind'][])

export const isWord = (node: Cond | Word | List): node is Word => WORDS.has(node.kind)
