/**
 * The condition of <IfVersion>: the language level compared with a version or
 * a regular expression (mod_version). Pure.
 */
import { ConfigError } from './errors.ts'
import { wordsOf } from './lexer.ts'
import { compileRegex, REGEX_DEFAULTS, RegexSyntaxError, type Regex } from './regex.ts'

type Version = readonly [major: number, minor: number, patch: number]

const INVALID = 'Version appears to be invalid. It must have the format major[.minor[.patch]] ' +
  'where major, minor and patch are numbers.'

const COMPARE: Readonly<Record<string, (difference: number) => boolean>> = {
  '=': (difference) => difference === 0,
  '==': (difference) => difference === 0,
  '>': (difference) => difference > 0,
  '>=': (difference) => difference >= 0,
  '<': (difference) => difference < 0,
  '<=': (difference) => difference <= 0,
}

/**
 * @param args `[[!]OPERATOR] VERSION` or `[!]~ REGEX`, `[!]= /REGEX/`; the operator is `=` when there is none
 * @param level the version compared with, `2.4.66`
 * @throws ConfigError with Apache's text
 */
export function versionHolds(args: string, level: string): boolean {
  const words = wordsOf(args)
  if (words.length > 2) throw new ConfigError("<IfVersion> directive missing closing '>'")
  const [first = '', second] = words
  if (second === undefined) return compared('=', first, level)
  const negated = first.length > 1 && first.startsWith('!')
  return compared(negated ? first.slice(1) : first, second, level) !== negated
}

function compared(operator: string, operand: string, level: string): boolean {
  if (operator === '~') return regex(operand).test(level)
  const compare = COMPARE[operator]
  if (compare === undefined) throw new ConfigError(`unrecognized operator '${operator}'`)
  if ((operator === '=' || operator === '==') && operand.startsWith('/')) {
    if (operand.length < 2 || !operand.endsWith('/'))
      throw new ConfigError('Missing delimiting / of regular expression.')
    return regex(operand.slice(1, -1)).test(level)
  }
  return compare(difference(versionOf(level), versionOf(operand)))
}

function regex(pattern: string): Regex {
  try {
    // It is asked while the files are read: RegexDefaultOptions comes later.
    return compileRegex(pattern, '', REGEX_DEFAULTS)
  } catch (error) {
    throw error instanceof RegexSyntaxError ? new ConfigError('Unable to compile regular expression') : error
  }
}

function versionOf(text: string): Version {
  const parts = /^(\d+)(?:\.(\d*))?(?:\.(\d*))?\.?$/.exec(text)
  if (parts === null) throw new ConfigError(INVALID)
  return [Number(parts[1]), Number(parts[2] ?? 0), Number(parts[3] ?? 0)]
}

const difference = (a: Version, b: Version): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
