/* Options as getopt(3) reads them, for the programs beside the server. Pure. */

/** The command line is wrong: the message, and after it how the program is used. */
export class OptionFault extends Error {}

export interface Options {
  /** In the order in which they stand; `value` is empty for one that takes none. */
  readonly given: readonly { readonly letter: string; readonly value: string }[]
  /** What follows the options. */
  readonly rest: readonly string[]
}

/** @param known letters; one that a colon follows takes a value @throws OptionFault */
export function optionsOf(words: readonly string[], known: string): Options {
  const given: { letter: string; value: string }[] = []
  let at = 0
  for (; at < words.length && /^-./.test(words[at]!); at++) {
    const word = words[at]!
    if (word === '--') return { given, rest: words.slice(at + 1) }
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!
      const place = letter === ':' ? -1 : known.indexOf(letter)
      if (place < 0) throw new OptionFault(`illegal option -- ${letter}`)
      if (known[place + 1] !== ':') {
        given.push({ letter, value: '' })
        continue
      }
      const value = i + 1 < word.length ? word.slice(i + 1) : words[++at]
      if (value === undefined) throw new OptionFault(`option requires an argument -- ${letter}`)
      given.push({ letter, value })
      break
    }
  }
  return { given, rest: words.slice(at) }
}
