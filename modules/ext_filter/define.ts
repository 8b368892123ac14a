/** The line of ExtFilterDefine: the name of a filter, and words of its own grammar. */
import { ConfigError, numberOf, FilterType } from 'httpd'
import { wordsOfCommand } from '../shared/command_words.ts'

export interface Definition {
  /** In lower case. */
  readonly name: string
  readonly mode: 'output' | 'input'
  /** The program and its arguments. */
  readonly words: readonly [string, ...string[]]
  readonly type: number
  /** The filter works on responses (requests) of this media type only; undefined: on all. */
  readonly inType: string | undefined
  readonly outType: string | undefined
  readonly keepsLength: boolean
  /** Variables of the environment that have to be set, or must not be. */
  readonly enabledBy: string | undefined
  readonly disabledBy: string | undefined
}

type Words = { mode?: 'output' | 'input'; words?: readonly string[]; type?: number; inType?: string; outType?: string
  keepsLength?: boolean; enabledBy?: string; disabledBy?: string }

const NAMES: Readonly<Record<string, (said: Words, value: string) => void>> = {
  'mode=': (said, value) => {
    const mode = value.toLowerCase()
    if (mode !== 'output' && mode !== 'input') throw new ConfigError(`Invalid mode: \`${value}'`)
    said.mode = mode
  },
  'ftype=': (said, value) => void (said.type = numberOf(value)),
  'enableenv=': (said, value) => void (said.enabledBy = value),
  'disableenv=': (said, value) => void (said.disabledBy = value),
  'intype=': (said, value) => void (said.inType = value),
  'outtype=': (said, value) => void (said.outType = value),
}

const KEEPS = 'preservescontentlength'

/** @throws ConfigError */
export function parseDefinition(line: string): Definition {
  const [all, quoted, plain] = /^\s*(?:"([^"]*)"|(\S+))/.exec(line) ?? []
  const name = (quoted ?? plain ?? '').toLowerCase()
  if (all === undefined || name === '') throw new ConfigError('Filter name not found')
  const said: Words = {}
  for (let rest = line.slice(all.length).trim(); rest !== '';) rest = parameter(said, rest).trimStart()
  const { words = [], mode = 'output', type = FilterType.resource, inType, outType, keepsLength = false, enabledBy, disabledBy } = said
  const [program] = words
  if (program === undefined || program === '') throw new ConfigError('Invalid cmd= parameter')
  return { name, mode, words: [program, ...words.slice(1)], type, inType, outType, keepsLength, enabledBy, disabledBy }
}

/** @returns what comes behind it */
function parameter(said: Words, text: string): string {
  if (/^cmd=/i.test(text)) return command(said, text.slice(4))
  const word = /^\S+/.exec(text)![0]
  const rest = text.slice(word.length)
  if (word.toLowerCase().startsWith(KEEPS)) {
    if (word.length > KEEPS.length) throw new ConfigError(`mangled argument \`${word}'`)
    said.keepsLength = true
    return rest
  }
  const key = /^[a-z]+=/i.exec(word)?.[0] ?? ''
  const take = Object.hasOwn(NAMES, key.toLowerCase()) ? NAMES[key.toLowerCase()] : undefined
  if (take === undefined) throw new ConfigError(`Unexpected parameter: \`${text}'`)
  take(said, word.slice(key.length))
  return rest
}

function command(said: Words, text: string): string {
  if (!text.startsWith('"')) {
    const word = /^\S*/.exec(text)![0]
    said.words = [word]
    return text.slice(word.length)
  }
  const [all, inside] = /^"((?:[^"\\]|\\.)*)"/s.exec(text) ?? []
  if (all === undefined) throw new ConfigError('Expected cmd= delimiter')
  said.words = wordsOfCommand(inside!)
  return text.slice(all.length)
}
