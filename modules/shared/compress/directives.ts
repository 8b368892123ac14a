/* Arguments of directives that modules with a compressing filter have in common; the texts of refusals are their own. */
import { atoi, ConfigError, parsed, type Arg } from 'httpd'
import type { Notes } from './filter.ts'
import type { AlterETag } from './negotiation.ts'

/** As atoi, and between two others. */
export const between = (least: number, most: number, message: string): Arg<number> => parsed((text, command) => {
  const value = atoi.take([text], command)
  if (value < least || value > most) throw new ConfigError(message)
  return value
})

export const alterETagArg = (message: string): Arg<AlterETag> => parsed((text) => {
  const found = (['AddSuffix', 'NoChange', 'Remove'] as const).find((each) => each.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw new ConfigError(message)
  return found
})

/** `NAME`, which is of the ratio, or `Input NAME`, `Output NAME`, `Ratio NAME`. @param unknown the text for another word */
export function withNote(notes: Notes, first: string, second: string | undefined, unknown: (kind: string) => string): Notes {
  const kind = second === undefined ? 'ratio' : first.toLowerCase()
  if (kind !== 'input' && kind !== 'output' && kind !== 'ratio') throw new ConfigError(unknown(first))
  return { ...notes, [kind]: second ?? first }
}
