/**
 * For those that hold entries: a response that varies is kept under a key of its own for each set of the fields that it
 * varies by; under the key of its URL there is an index that names them.
 */
import type { CachedHead, Request } from 'httpd'

export interface Index {
  /** Names in lower case, sorted. */
  readonly varies: readonly string[]
  /** What was there by then (ms since the epoch) is to be asked for again; 0: nothing. */
  readonly invalidated: number
}

/** Nothing in a field or a URL has a control character. */
const variantKey = (key: string, values: readonly (string | undefined)[]): string =>
  `${key}\n${values.map((value) => value === undefined ? '-' : `+${value}`).join('\n')}`

/** The key of what this request is to have. */
export const keyFor = (r: Request, key: string, { varies }: Index): string =>
  varies.length === 0 ? key : variantKey(key, varies.map((name) => r.headersIn.get(name)))

/** The key of a response. */
export const keyOfHead = (key: string, { varied }: CachedHead): string =>
  varied.length === 0 ? key : variantKey(key, varied.map(([, value]) => value))

export const namesOf = ({ varied }: CachedHead): readonly string[] => varied.map(([name]) => name)

/** What is kept of an entry, as text. */
export interface Kept {
  /** Of the variant: another key may have the same name. */
  readonly key: string
  readonly head: CachedHead
  /** Bytes of its body. */
  readonly length: number
}

/** @returns undefined: not what was written */
export function readJson<T extends object>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value as T : undefined
  } catch {
    return undefined
  }
}

/** What was written as an entry, and not only as JSON. */
export const isKept = (value: Partial<Kept> | undefined): value is Kept =>
  typeof value?.key === 'string' && typeof value.length === 'number' && typeof value.head?.responseTime === 'number' &&
  Array.isArray(value.head.fields) && Array.isArray(value.head.varied) && Array.isArray(value.head.contentLanguages)

export const isIndex = (value: Partial<Index> | undefined): value is Index =>
  Array.isArray(value?.varies) && typeof value.invalidated === 'number'

/** JSON has no undefined in a list, and no Infinity. */
export const headFromJson = (head: CachedHead): CachedHead =>
  ({ ...head, varied: head.varied.map(([name, value]) => [name, value ?? undefined] as const) })
