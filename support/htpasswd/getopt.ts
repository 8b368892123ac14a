/* Options of one letter as getopt(3) reads them, up to the first word that is none. Pure. */
import { UsageFault } from './fault.ts'

/**
 * @param words one character per byte
 * @param withValue letters that a value follows, in the same word or the next
 * @param take is told of each option, in their order
 * @returns the words that follow
 * @throws UsageFault
 */
export function readOptions(
  words: readonly string[], withValue: string, take: (letter: string, value: string) => void,
): readonly string[] {
  let at = 0
  for (; at < words.length && /^-./.test(words[at]!); at++) {
    if (words[at] === '--') {
      at++
      break
    }
    if (takeWord(words[at]!.slice(1), words[at + 1], withValue, take)) at++
  }
  return words.slice(at)
}

/** @returns whether the next word was taken, too */
function takeWord(
  letters: string, next: string | undefined, withValue: string, take: (letter: string, value: string) => void,
): boolean {
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i]!
    if (!withValue.includes(letter)) {
      take(letter, '')
      continue
    }
    const attached = letters.slice(i + 1)
    const value = attached === '' ? next : attached
    if (value === undefined) throw new UsageFault(`option requires an argument -- ${letter}`)
    take(letter, value)
    return attached === ''
  }
  return false
}
