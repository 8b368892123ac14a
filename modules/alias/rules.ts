/* What one Alias or Redirect line says, and how a URL path matches it: pure functions for mod_alias. */
import { ConfigError, MatchError, RegexSyntaxError, compileRegex, isUrl, type Command, type Regex, type RegexMatch } from 'httpd'

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

export interface Redirect {
  readonly status: number
  /** URL path; undefined with a pattern, and in <Location>: everything in there. */
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

/** The target with `$0` to `$9` replaced by what matched; a backslash takes the meaning from a `$` or `&`. */
export const substitute = (target: string, match: RegexMatch): string =>
  target.replace(/\\([$&])|\$(\d)/g, (_, plain: string | undefined, digit: string) => plain ?? match[Number(digit)] ?? '')

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

/**
 * Reads the words of a Redirect line: `[status] path [url]`; in <Location> and the like also `[status] [url]`.
 * @throws ConfigError with Apache's texts
 */
export function rule(words: readonly string[], defaultStatus: number, match: boolean, command: Command): Redirect {
  const said = statusOf(words[0]!)
  if (words.length === 3 && said === undefined) throw new ConfigError('Redirect: invalid first argument (of three)')
  const status = said ?? defaultStatus
  const [first, second] = said === undefined ? words : words.slice(1)
  checkStatus(status, words[0]!)
  const inSection = command.path !== undefined && !command.htaccess
  const alone = inSection && !match && second === undefined && (first === undefined || isRedirect(status))
  const path = alone ? undefined : first
  const url = alone ? first : second
  checkTarget(status, url, match)
  if (match) return { status, path: undefined, regex: regex(path ?? ''), url }
  if (path !== undefined && !path.startsWith('/')) throw new ConfigError('Redirect to non-URL')
  return { status, path, url }
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
