/*
 * The lines of RewriteRule and RewriteCond, which have a grammar of their own: two or three arguments, the last a list
 * of flags in brackets. Pure functions; texts of faults are Apache's.
 */
import { ConfigError } from 'httpd'

export interface Words {
  readonly first: string
  readonly second: string
  /** Undefined: there is none. */
  readonly third: string | undefined
}

const isBlank = (char: string | undefined): boolean => char !== undefined && /[ \t\n\v\f\r]/.test(char)

/**
 * An argument ends at a blank, or at the quote that it began with. A blank behind a backslash does not end it; both stay
 * in it. What follows the third is not looked at.
 * @returns undefined if there are fewer than two
 */
export function wordsOf(line: string): Words | undefined {
  let at = 0
  const next = (): string | undefined => {
    while (isBlank(line[at])) at++
    if (at >= line.length) return undefined
    const quote = line[at] === '"' || line[at] === "'" ? line[at++] : undefined
    const start = at
    while (at < line.length && !(quote === undefined ? isBlank(line[at]) : line[at] === quote))
      at += line[at] === '\\' && isBlank(line[at + 1]) ? 2 : 1
    const text = line.slice(start, at)
    at++
    return text
  }
  const first = next()
  if (first === undefined || at > line.length) return undefined
  const second = next()
  return second === undefined ? undefined : { first, second, third: next() }
}

/**
 * The flags of `[NAME,NAME=value,…]`, in order.
 * @throws ConfigError `bad flag delimiters`
 */
export function flagsOf(text: string): (readonly [name: string, value: string])[] {
  if (!text.startsWith('[') || !text.endsWith(']') || text.length < 2) throw new ConfigError('bad flag delimiters')
  return text.slice(1, -1).split(',').map((flag) => {
    const bare = flag.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')
    const equals = bare.indexOf('=')
    return equals < 0 ? [bare, ''] : [bare.slice(0, equals), bare.slice(equals + 1)]
  })
}
