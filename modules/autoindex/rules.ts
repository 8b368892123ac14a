/*
 * What names of files are given: icons, texts, descriptions, header files; and which are left out. Each list is searched
 * from its front; what an inner section says stands before what the outer one says.
 */
import { baseName, compile as compileFnmatch, hasWildcards } from 'httpd'

export type Kind = 'path' | 'type' | 'encoding' | 'any'

/** One row of AddIcon, AddAlt, HeaderName, IndexIgnore …: it holds below the section that it stands in. */
export interface Rule {
  readonly kind: Kind
  /** As written; empty: for everything. */
  readonly to: string
  readonly data: string
  readonly isBelow: (path: string) => boolean
  readonly matches: (text: string) => boolean
}

/** What stands for directories and for no icon at all: no path begins so. */
export const DIRECTORY = '^^DIRECTORY^^'
export const BLANK = '^^BLANKICON^^'

/** `*` and `?` only (ap_strcmp_match). */
export const wildcard = (pattern: string, caseFold = false): ((text: string) => boolean) =>
  compileFnmatch(pattern.replace(/[[\\]/g, '\\$&'), { caseFold })

const ALL = (): boolean => true

/** @param path of the enclosing section, if any */
export function ruleOf(kind: Kind, to: string, path: string | undefined, data: string): Rule {
  const pattern = kind === 'path' && !/[*?]/.test(to) ? `*${to}` : to
  return {
    kind, to, data,
    isBelow: path === undefined || path === '' ? ALL : wildcard(`${path}*`),
    matches: wildcard(pattern, kind === 'type' || kind === 'encoding'),
  }
}

/** What a file is known by. */
export interface Known {
  readonly path: string
  /** Without parameters. */
  readonly type: string | undefined
  readonly encoding: string | undefined
}

/** The first row for a file. @param byPathOnly for directories, which have no type to speak of */
export function findData(rules: readonly Rule[], { path, type, encoding }: Known, byPathOnly: boolean): string | undefined {
  const found = rules.find((rule) => {
    if (!rule.isBelow(path)) return false
    if (rule.to === '') return true
    if (rule.kind === 'path') return rule.matches(path)
    if (byPathOnly) return false
    const kind = encoding === undefined ? 'type' : 'encoding'
    const text = encoding ?? type
    return rule.kind === kind && text !== undefined && rule.matches(text)
  })
  return found?.data
}

/** The row for one of the names that no file has: of all sections. */
export const findSpecial = (rules: readonly Rule[], name: string): string | undefined =>
  rules.find((rule) => rule.to === '' || rule.matches(name))?.data

/** IndexIgnore: names, of which only what follows the last slash counts. */
export function ignoreRule(name: string, path: string | undefined): Rule {
  return ruleOf('any', baseName(name), path, '')
}

export function isIgnored(rules: readonly Rule[], path: string): boolean {
  const name = baseName(path)
  return rules.some((rule) => rule.isBelow(path) && rule.matches(name))
}

export interface Description {
  readonly text: string
  readonly matches: (path: string) => boolean
}

/** AddDescription: a name with a slash is compared with whole paths; without wildcards it is any part of a name. */
export function descriptionOf(name: string, text: string): Description {
  if (name.includes('/')) return { text, matches: compileFnmatch(`*/${name}*`) }
  if (!hasWildcards(name)) return { text, matches: (path) => baseName(path).includes(name) }
  const matches = compileFnmatch(`*${name}*`)
  return { text, matches: (path) => matches(baseName(path)) }
}

export const findDescription = (descriptions: readonly Description[], path: string): string | undefined =>
  descriptions.find(({ matches }) => matches(path))?.text
