// Reads the text cases of test/cases/regex: patterns, subjects, and what is found.
import { readFileSync } from 'node:fs'
import { REGEX_DEFAULTS, type RegexMatch, type RegexOptions } from '../../core/config/regex.ts'

export interface RegexCase {
  readonly pattern: string
  readonly options: RegexOptions
  /** Who may match it; wrong: nobody. */
  readonly by: 'both' | 'library' | 'wrong'
  readonly subjects: readonly (readonly [subject: string, found: string])[]
}

export function regexCases(file: string): RegexCase[] {
  const cases: (RegexCase & { subjects: [string, string][] })[] = []
  let inside = false
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '```') inside = !inside
    if (!inside || line === '```') continue
    const pattern = /^\/(.*)\/([a-z]*)(?: (library|wrong))?$/.exec(line)
    const subject = /^ {2}('.*?') (.+)$/.exec(line)
    if (pattern !== null) {
      const by = (pattern[3] ?? 'both') as RegexCase['by']
      cases.push({ pattern: pattern[1]!, options: optionsOf(pattern[2]!), by, subjects: [] })
    } else if (subject !== null) cases.at(-1)!.subjects.push([unquoted(subject[1]!), subject[2]!])
    else throw new Error(`${file}: cannot read "${line}"`)
  }
  return cases
}

const optionsOf = (flags: string): RegexOptions => ({
  ...REGEX_DEFAULTS, icase: flags.includes('i'), extended: flags.includes('x'), multiline: flags.includes('m'),
  dotall: !flags.includes('n'), dollarEndonly: !flags.includes('d'),
})

const unquoted = (text: string): string => text.slice(1, -1)
  .replace(/\\(?:x(..)|n)/g, (_, hex: string | undefined) => hex === undefined ? '\n' : String.fromCharCode(parseInt(hex, 16)))

const quoted = (text: string | undefined): string => text === undefined ? '-' : `'${text.replace(/[^ -~]/g, (char) =>
  char === '\n' ? '\\n' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`

/** As the cases write it. */
export const described = (match: RegexMatch | null): string =>
  match === null ? 'no' : `${match.index}: ${match.map(quoted).join(' ')}`
