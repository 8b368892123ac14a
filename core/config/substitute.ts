/**
 * What stands for a match in a replacement text (ap_pregsub): `$0` to `$9` are the whole match and its groups; a
 * backslash goes, and whatever follows it stands for itself.
 */
import type { RegexMatch } from './regex.ts'

export const substitute = (target: string, match: Pick<RegexMatch, number>): string =>
  target.replace(/\\([^])|\$(\d)/g, (_, plain: string | undefined, digit: string) => plain ?? match[Number(digit)] ?? '')

/** The replacement is the same for every match. */
export const isFixed = (target: string): boolean => !/\\[^]|\$\d/.test(target)

/** Apache's limit (AP_PREGSUB_MAXLEN) of what a replacement may come to, in bytes. */
export const LONGEST_SUBSTITUTION = 65_536
