/* Options of one letter as getopt(3) reads them, for the programs beside the server. Pure. */

/** The command line is wrong: the message, and after it how the program is used. */
export class OptionFault extends Error {}

/**
 * Reads options up to the first word that is none.
 * @param words one character per byte
 * @param withValue letters that a value follows, in the same word or the next
 * @param take is told of each option, in their order; the value is empty for one that takes none
 * @param Fault what is thrown where a value is missing
 * @returns the words that follow
 */
export function readOptions(
  words: readonly string[], withValue: string, take: (letter: string, value: string) => void,
  Fault: new (message: string) => Error = OptionFault,
): readonly string[] {
  let at = 0
  for (; at < words.length && /^-./.test(words[at]!); at++) {
    const word = words[at]!
    if (word === '--') return words.slice(at + 1)
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!
      if (!withValue.includes(letter)) {
        take(letter, '')
        continue
      }
      const value = i + 1 < word.length ? word.slice(i + 1) : words[++at]
      if (value === undefined) throw new Fault(`option requires an argument -- ${letter}`)
      take(letter, value)
      break
    }
  }
  return words.slice(at)
}

export interface Options {
  /** In the order in which they stand; `value` is empty for one that takes none. */
  readonly given: readonly { readonly letter: string; readonly value: string }[]
  /** What follows the options. */
  readonly rest: readonly string[]
}

/** @param known letters; one that a colon follows takes a value @throws OptionFault */
export function optionsOf(words: readonly string[], known: string): Options {
  const given: { letter: string; value: string }[] = []
  const withValue = [...known.matchAll(/(.):/g)].map(([, letter]) => letter).join('')
  const rest = readOptions(words, withValue, (letter, value) => {
    if (letter === ':' || !known.includes(letter)) throw new OptionFault(`illegal option -- ${letter}`)
    given.push({ letter, value })
  })
  return { given, rest }
}
