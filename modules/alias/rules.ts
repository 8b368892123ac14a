/* What one Alias or Redirect line says, and how a URL path matches it: pure functions for mod_alias. */
import {
  ConfigError, MatchError, RegexSyntaxError, compileRegex, isUrl, parseStringExpression,
  type Command, type Expression, type Regex,
} from 'httpd'

export interface Alias {
  /** URL path, or the pattern as written. */
  readonly path: string
  readonly regex?: Regex
  /** Where it lies, absolute; with $0 to $9 for a pattern. */
  readonly real: string
  /** What is there are programs to run. */
  readonly script: boolean
  readonly at: { readonly file: string; readonly line: number }
}

/** Alias with a target only. */
export interface SectionAlias {
  /** URL path of the section. */
  readonly path: string
  readonly target: Expression<string>
  readonly script: boolean
  absolute(path: string): string
}

/** Redirect without a URL path. */
export interface SectionRedirect {
  readonly status: number
  /** Undefined for a status that leads nowhere. */
  readonly target: Expression<string> | undefined
}

export interface Redirect {
  readonly status: number
  /** URL path; undefined with a pattern. */
  readonly path: string | undefined
  readonly regex?: Regex
  /** Where to go; undefined for a status that leads nowhere (gone). */
  readonly url: string | undefined
}

/**
 * How much of a URL path an alias covers, or -1 if it does not hold. Any number of slashes in the alias
 * stands for any number, but at least one, in the path; the match ends with a whole path segment.
 */
export function prefixLength(uri: string, alias: string): number {
  let u = 0
  for (let a = 0; a < alias.length;) {
    const char = alias.charCodeAt(a)
    if (uri.charCodeAt(u) !== char) return -1
    a++
    u++
    if (char !== SLASH) continue
    while (alias.charCodeAt(a) === SLASH) a++
    while (uri.charCodeAt(u) === SLASH) u++
  }
  const ended = alias.endsWith('/') || u === uri.length || uri.charCodeAt(u) === SLASH
  return ended ? u : -1
}

const SLASH = 0x2f

/** True if no request would get to `later` because `earlier` takes it. */
export function overlaps(later: Alias, earlier: Alias): boolean {
  if (later.regex !== undefined) return false
  return earlier.regex !== undefined ? maybeMatches(earlier.regex, later.path) : prefixLength(later.path, earlier.path) > 0
}

/** It is for a warning only: what cannot be said is no reason for one. */
function maybeMatches(pattern: Regex, path: string): boolean {
  try {
    return pattern.test(path)
  } catch (error) {
    if (error instanceof MatchError) return false
    throw error
  }
}

/** @throws ConfigError with Apache's text for a pattern that cannot be compiled */
export function regex(pattern: string): Regex {
  try {
    return compileRegex(pattern)
  } catch (error) {
    throw error instanceof RegexSyntaxError ? new ConfigError('Regular expression could not be compiled.') : error
  }
}

const STATUS_WORDS: Readonly<Record<string, number>> = { permanent: 301, temp: 302, seeother: 303, gone: 410 }

const statusOf = (text: string): number | undefined =>
  STATUS_WORDS[text.toLowerCase()] ?? (/^\d+$/.test(text) ? Number(text) : undefined)

/** @throws ConfigError */
export function aliasInSection(
  target: string, script: boolean, command: Command, absolute: (path: string) => string,
): SectionAlias {
  const expression = parseStringExpression(target, command, `Cannot parse alias expression '${target}': `)
  return { path: command.path ?? '/', target: expression, script, absolute }
}

/** @throws ConfigError */
export function redirectInSection(status: number, url: string | undefined, command: Command): SectionRedirect {
  const target = url === undefined
    ? undefined : parseStringExpression(url, command, `Cannot parse redirect expression '${url}': `)
  return { status, target }
}

/** Of a Redirect line in a section: `[status] url` or a status that leads nowhere; undefined for another line. */
export function statusAlone(
  words: readonly string[], defaultStatus: number, command: Command,
): { readonly status: number; readonly url: string | undefined } | undefined {
  if (command.path === undefined) return undefined
  const said = statusOf(words[0]!)
  const [first, second] = said === undefined ? words : words.slice(1)
  const status = said ?? defaultStatus
  if (words.length === 3 || second !== undefined || (first !== undefined && !isRedirect(status))) return undefined
  checkStatus(status, words[0]!)
  if (first === undefined && isRedirect(status)) throw new ConfigError('URL to redirect to is missing')
  return { status, url: first }
}

/**
 * Reads the words of a Redirect line: `[status] path [url]`.
 * @throws ConfigError with Apache's texts
 */
export function rule(words: readonly string[], defaultStatus: number, match: boolean): Redirect {
  const said = statusOf(words[0]!)
  if (words.length === 3 && said === undefined) throw new ConfigError('Redirect: invalid first argument (of three)')
  const status = said ?? defaultStatus
  const [first, second] = said === undefined ? words : words.slice(1)
  checkStatus(status, words[0]!)
  checkTarget(status, second, match)
  if (match) return { status, path: undefined, regex: regex(first ?? ''), url: second }
  if (first !== undefined && !first.startsWith('/')) throw new ConfigError('Redirect to non-URL')
  return { status, path: first, url: second }
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400

function checkStatus(status: number, text: string): void {
  if (status < 300 || status > 599) throw new ConfigError(`Redirect: the status "${text}" must be from 300 to 599`)
}

function checkTarget(status: number, url: string | undefined, match: boolean): void {
  if (!isRedirect(status)) {
    if (url !== undefined) throw new ConfigError('Redirect URL not valid for this status')
    return
  }
  if (url === undefined) throw new ConfigError('URL to redirect to is missing')
  if (!match && !isUrl(url) && !url.startsWith('/')) throw new ConfigError('Redirect to non-URL')
}
