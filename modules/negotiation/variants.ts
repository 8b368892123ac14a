/*
 * Which of several variants is the best for a client. Pure: qualities are worked out from what the client accepts, and the
 * variants compared. Two algorithms: Apache's own, and RFC 2296's for clients that negotiate transparently.
 */
import type { Lookup } from 'httpd'
import { isPseudoHtml, single, type Range } from './accept.ts'

/** One of the things that could be sent. */
export interface Variant {
  /** Of the file, beside what was asked for; in a map it may be a path. */
  readonly name: string
  readonly type: string
  /** Of the map (`qs`). */
  readonly sourceQuality: number
  readonly level: number
  readonly charset: string
  readonly languages: readonly string[]
  readonly encoding: string | undefined
  /** HTML. */
  readonly description: string
  /** Where in the map its body begins; undefined: it is a file. Bytes. */
  readonly body: number | undefined
  /** Bytes. Undefined: not known. */
  readonly length: () => number | undefined
  readonly found: Lookup | undefined
}

/** What the client says. */
export interface Wishes {
  readonly types: readonly Range[] | undefined
  readonly languages: readonly Range[] | undefined
  readonly charsets: readonly Range[] | undefined
  readonly encodings: readonly Range[] | undefined
  /** Its headers mean what they say: nothing is guessed. */
  readonly strict: boolean
  /** RFC 2296 decides. */
  readonly remote: boolean
  /** The server may choose at all. */
  readonly mayChoose: boolean
}

export interface Priorities {
  /** LanguagePriority. */
  readonly languages: readonly string[]
  readonly prefer: boolean
  readonly fallback: boolean
  /** `prefer-language` of the environment. */
  readonly language: string | undefined
  /** What the environment says of encodings. */
  readonly encoded: 'all' | 'html' | 'none'
}

/** A variant and how good it is. */
interface Rated {
  readonly variant: Variant
  readonly type: number
  readonly language: number
  /** In LanguagePriority; -1: not there, or it does not matter. */
  readonly priority: number
  readonly charset: number
  readonly encoding: number
  readonly levelMatched: number
  /** Nothing was guessed. */
  readonly definite: boolean
}

export interface Choice {
  /** The best, if there is one; it may stand here also where a list is due. */
  readonly best: Variant | undefined
  readonly isClear: boolean
}

const CGI_TYPE = 'application/x-httpd-cgi'

export function choose(variants: readonly Variant[], wishes: Wishes, priorities: Priorities): Choice {
  const usable = variants.filter((variant) => mayBeSent(variant, priorities.encoded))
  const { language } = priorities
  if (language !== undefined) {
    const preferred = usable.filter(({ languages }) => languages.includes(language))
    const choice = bestOf(preferred, variants, wishes, priorities, true)
    if (choice.best !== undefined && choice.isClear) return choice
  }
  return bestOf(usable, variants, wishes, priorities, false)
}

function mayBeSent({ encoding, type }: Variant, encoded: Priorities['encoded']): boolean {
  if (encoded === 'all' || isIdentity(encoding) || encoding === 'identity') return true
  return encoded === 'html' && type.startsWith('text/html')
}

function bestOf(
  usable: readonly Variant[], all: readonly Variant[], wishes: Wishes, priorities: Priorities, preferred: boolean,
): Choice {
  if (!wishes.mayChoose) return { best: undefined, isClear: false }
  const types = typesOf(wishes)
  const hasLanguages = all.some(({ languages }) => languages.length > 0)
  let best: Rated | undefined
  let quality = 0
  for (const variant of usable) {
    const rated = rate(variant, types, wishes, priorities, { hasLanguages, preferred })
    const overall = wishes.remote ? remoteQuality(rated) : ownQuality(rated)
    const isBetter = wishes.remote ? isBetterRemotely(rated, best, overall, quality) : isBetterHere(rated, best, overall, quality)
    if (!isBetter) continue
    best = rated
    quality = overall
  }
  const isClear = quality > 0 && (!wishes.remote || best?.definite === true)
  return { best: best?.variant, isClear }
}

/** Scripts may stand for anything, but only where there is nothing better. */
function typesOf({ types, remote }: Wishes): readonly Range[] {
  const any: Range = { name: '*/*', quality: 1, level: 0, charset: '' }
  return [...(types ?? [any]), { name: CGI_TYPE, quality: remote ? 0 : single(0.001), level: 0, charset: '' }]
}

function rate(
  variant: Variant, types: readonly Range[], wishes: Wishes, priorities: Priorities,
  { hasLanguages, preferred }: { readonly hasLanguages: boolean; readonly preferred: boolean },
): Rated {
  const type = rateType(variant, types, wishes)
  const language = preferred ? ALL : rateLanguage(variant, wishes, priorities, hasLanguages)
  const charset = rateCharset(variant, wishes)
  return {
    variant, type: type.quality, levelMatched: type.levelMatched, language: language.quality, priority: language.priority,
    charset: charset.quality, encoding: rateEncoding(variant, wishes),
    definite: type.definite && language.definite && charset.definite,
  }
}

const ALL = { quality: 1, priority: -1, definite: true }

// Types.

const EXACT = 3, OF_KIND = 2, ANY = 1

/** How closely a range matches; 0: not at all. */
function closeness({ name, level }: Range, variant: Variant): number {
  if (name === '*' || name === '*/*') return ANY
  if (name.endsWith('*')) return variant.type.startsWith(name.slice(0, Math.max(0, name.length - 2))) ? OF_KIND : 0
  const same = name === variant.type || (name === 'text/html' && isPseudoHtml(variant.type))
  return same && level >= variant.level ? EXACT : 0
}

function rateType(variant: Variant, types: readonly Range[], { types: said, strict }: Wishes) {
  // Without any q, a client that names wildcards means them as a last resort.
  const guesses = !strict && !(said ?? []).some(({ quality }) => quality < 1)
  let closest = 0, quality = 0, levelMatched = 0
  for (const range of types) {
    const close = closeness(range, variant)
    if (close === EXACT) levelMatched = variant.level
    if (close <= closest) continue
    closest = close
    quality = guesses && close === ANY ? single(0.01) : guesses && close === OF_KIND ? single(0.02) : range.quality
  }
  return { quality, levelMatched, definite: closest === 0 || closest === EXACT }
}

// Languages.

function rateLanguage(variant: Variant, wishes: Wishes, priorities: Priorities, hasLanguages: boolean) {
  const { languages } = variant
  if (languages.length === 0) {
    const quality = !wishes.strict && hasLanguages ? single(0.0001) : 1
    return { quality, priority: -1, definite: true }
  }
  const { quality, definite } = matchLanguages(languages, wishes)
  const priority = languages.map((language) => priorityOf(language, priorities.languages)).filter((index) => index >= 0)
  if (priority.length === 0) return { quality, priority: -1, definite }
  const index = Math.min(...priority)
  if (quality > 0) return { quality, priority: priorities.prefer ? index : -1, definite }
  if (priorities.fallback) return { quality: single(0.0001), priority: index, definite: false }
  return { quality, priority: -1, definite }
}

const priorityOf = (language: string, priorities: readonly string[]): number =>
  priorities.findIndex((prefix) => language.startsWith(prefix))

function matchLanguages(languages: readonly string[], { languages: accepted, strict }: Wishes) {
  if (accepted === undefined) return { quality: 1, definite: false }
  const star = accepted.find(({ name }) => name === '*')
  let best: Range | undefined
  let guessed = 0
  let onStar = false
  for (const language of languages) {
    const { range, guess } = longestMatch(language, accepted)
    if (guess && !strict) guessed = single(0.001)
    if (best === undefined || (range !== undefined && range.quality > best.quality)) best = range
    if (range === undefined && star !== undefined) onStar = true
  }
  if (onStar && (best === undefined || star!.quality > best.quality)) return { quality: star!.quality, definite: false }
  return { quality: best?.quality ?? guessed, definite: true }
}

/** The longest range that a language begins with. `guess`: only the first part of a range fits, as en of en-US. */
function longestMatch(language: string, accepted: readonly Range[]): { range: Range | undefined; guess: boolean } {
  let range: Range | undefined
  let guess = false
  for (const one of accepted) {
    const { name } = one
    if (name === '*') continue
    const next = language[name.length]
    if (language.startsWith(name) && (next === undefined || next === '-') && name.length > (range?.name.length ?? 0)) range = one
    const dash = name.indexOf('-')
    if (range === undefined && dash >= 0 && language.startsWith(name.slice(0, dash))) guess = true
  }
  return { range, guess }
}

// Character sets and encodings.

const LATIN1 = 'iso-8859-1'

function rateCharset({ charset, type }: Variant, { charsets, strict }: Wishes) {
  if (charsets === undefined) return { quality: 1, definite: charset === '' }
  if (charset === '' && (strict || !(type.startsWith('text/') || isPseudoHtml(type)))) return { quality: 1, definite: true }
  const wanted = charset === '' ? LATIN1 : charset
  const exact = charsets.find(({ name }) => name === wanted)
  if (exact !== undefined) return { quality: exact.quality, definite: true }
  const star = charsets.findLast(({ name }) => name === '*')
  if (star !== undefined) return { quality: star.quality, definite: false }
  return { quality: wanted === LATIN1 ? 1 : 0, definite: true }
}

const isIdentity = (encoding: string | undefined): boolean =>
  encoding === undefined || encoding === '' || encoding === '7bit' || encoding === '8bit' || encoding === 'binary'

export const withoutX = (name: string): string => (name.startsWith('x-') ? name.slice(2) : name)

function rateEncoding({ encoding }: Variant, { encodings }: Wishes): number {
  const isPlain = isIdentity(encoding)
  if (encodings === undefined) return isPlain ? 1 : 0.5
  const wanted = isPlain ? 'identity' : withoutX(encoding!)
  const exact = encodings.find(({ name }) => withoutX(name) === wanted)
  const range = exact ?? encodings.findLast(({ name }) => withoutX(name) === '*')
  return range?.quality ?? (isPlain ? single(0.0001) : 0)
}

// Comparing.

const remoteQuality = ({ variant, type, charset, language, encoding }: Rated): number =>
  encoding === 0 ? 0 : single(single(single(type * variant.sourceQuality) * charset) * language)

function isBetterRemotely(rated: Rated, best: Rated | undefined, quality: number, bestQuality: number): boolean {
  if (quality <= 0) return false
  return quality > bestQuality || (quality === bestQuality && best !== undefined && rated.encoding > best.encoding)
}

/** 0: it cannot be sent. */
function ownQuality({ variant, type, charset, language, encoding }: Rated): number {
  return encoding === 0 || language === 0 || charset === 0 ? 0 : single(type * variant.sourceQuality)
}

/** One after the other: type, language, its priority, level, character set, encoding; at last the shorter one. */
function isBetterHere(rated: Rated, best: Rated | undefined, quality: number, bestQuality: number): boolean {
  if (quality === 0 || quality < bestQuality) return false
  if (best === undefined || quality > bestQuality) return true
  for (const compare of COMPARISONS) {
    const verdict = compare(rated, best)
    if (verdict !== 0) return verdict > 0
  }
  return lengthOf(rated) < lengthOf(best)
}

const lengthOf = ({ variant }: Rated): number => variant.length() ?? -1

type Compare = (rated: Rated, best: Rated) => number

const comparePriorities: Compare = ({ priority: a }, { priority: b }) =>
  a === b ? 0 : b < 0 || (a >= 0 && a < b) ? 1 : -1

/** Levels of different types say nothing of each other. */
const compareLevels: Compare = (a, b) => {
  const [html, otherHtml] = [isPseudoHtml(a.variant.type), isPseudoHtml(b.variant.type)]
  if (html ? !otherHtml : a.variant.type !== b.variant.type) return 0
  return a.levelMatched - b.levelMatched || b.variant.level - a.variant.level
}

/** Anything that is named is better than ISO-8859-1. */
const compareCharsets: Compare = (a, b) => {
  const isNamed = ({ charset }: Variant): boolean => charset !== '' && charset !== LATIN1
  return a.charset - b.charset || (isNamed(a.variant) && !isNamed(b.variant) ? 1 : 0)
}

const COMPARISONS: readonly Compare[] = [
  (a, b) => a.language - b.language, comparePriorities, compareLevels, compareCharsets, (a, b) => a.encoding - b.encoding,
]
