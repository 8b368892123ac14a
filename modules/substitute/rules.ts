/** What Substitute says: one rule, how it is written, and what it makes of a line. */
import {
  compileRegex, ConfigError, isFixed, MatchBudget, RegexSyntaxError, substitute, type Regex, type RegexMatch,
} from 'httpd'

export interface Rule {
  /** Text to look for, in lower case with `n` and `i`; else a regular expression. */
  readonly from: string | Regex
  readonly ignoresCase: boolean
  readonly to: string
  /** `f`: rules after this one see the line as one text again. `q`: they see what is between its matches, and not across. */
  readonly flattens: boolean
}

/** A line, or what it has become, is longer than SubstituteMaxLineLength. */
export class LineTooLong extends Error {}

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** `s/from/to/flags` with any delimiter, which cannot be escaped. @throws ConfigError */
export function parseRule(text: string): Rule {
  if (!/^s/i.test(text)) throw new ConfigError('Bad Substitute format, must be an s/// pattern')
  const [from, to, ...rest] = text.length > 1 ? text.slice(2).split(text[1]!) : []
  if (from === undefined || from === '' || to === undefined)
    throw new ConfigError('Bad Substitute format, must be a complete s/// pattern')
  const flags = rest.join(text[1]).toLowerCase()
  if (/[^infq]/.test(flags)) throw new ConfigError('Bad Substitute flag, only s///[infq] are supported')
  const ignoresCase = flags.includes('i')
  const isText = flags.includes('n')
  return {
    from: !isText ? regexOf(from, ignoresCase) : ignoresCase ? lower(from) : from,
    ignoresCase, to, flattens: flags.lastIndexOf('q') <= flags.lastIndexOf('f'),
  }
}

function regexOf(pattern: string, ignoresCase: boolean): Regex {
  try {
    return compileRegex(pattern, ignoresCase ? 'ni' : 'n')
  } catch (error) {
    if (error instanceof RegexSyntaxError) throw new ConfigError('Substitute could not compile regex')
    throw error
  }
}

interface Hit { readonly at: number; readonly length: number; readonly instead: string }

/** Matches of a rule in a text, from left to right. */
function hitsOf({ from, ignoresCase, to }: Rule, text: string): readonly Hit[] | undefined {
  if (typeof from === 'string') return found(from, ignoresCase ? lower(text) : text, to)
  const first = from.exec(text)
  if (first === null) return undefined
  const fixed = isFixed(to) ? to : undefined
  const hit = (match: RegexMatch, behind = 0): Hit =>
    ({ at: behind + match.index, length: match[0].length, instead: fixed ?? substitute(to, match) })
  // Most lines have one match, and need no account of what all of them take.
  const end = first.index + Math.max(1, first[0].length)
  const rest = text.slice(end)
  if (end > text.length || !from.test(rest)) return [hit(first)]
  return [hit(first), ...from.every(rest, new MatchBudget()).map((match) => hit(match, end))]
}

function found(from: string, text: string, instead: string): readonly Hit[] | undefined {
  let at = text.indexOf(from)
  if (at < 0) return undefined
  const hits: Hit[] = []
  for (; at >= 0; at = text.indexOf(from, at + from.length)) hits.push({ at, length: from.length, instead })
  return hits
}

/**
 * What becomes of a part of a line: what was between matches and what stands for these, in turn.
 * @throws LineTooLong as soon as it has grown above `most` bytes
 */
function parted(rule: Rule, text: string, hits: readonly Hit[], most: number, joins: boolean): string[] {
  const parts: string[] = []
  const isRegex = typeof rule.from !== 'string'
  let end = 0
  let length = 0
  for (const { at, length: taken, instead } of hits) {
    length += at - end + instead.length
    if (length > most || (isRegex && length === most)) throw new LineTooLong()
    parts.push(text.slice(end, at), instead)
    end = at + taken
  }
  if (!isRegex && !joins && length + text.length - end > most) throw new LineTooLong()
  parts.push(text.slice(end))
  return parts
}

/** A line, with its end, after all rules. @throws LineTooLong */
export function rewritten(line: string, rules: readonly Rule[], most: number): string {
  let parts = [line]
  let changed = false
  for (const rule of rules) {
    const joins = rule.flattens && rules.length > 1
    let next: string[] | undefined
    for (const [i, part] of parts.entries()) {
      const hits = part === '' ? undefined : hitsOf(rule, part)
      if (hits === undefined) {
        next?.push(part)
        continue
      }
      next ??= parts.slice(0, i)
      const made = parted(rule, part, hits, most, joins)
      if (joins) next.push(made.join(''))
      else next.push(...made)
    }
    if (next === undefined) continue
    changed = true
    parts = next
  }
  return changed ? parts.join('') : line
}
