/** What is wrong with an expression as it is written. */
import { ConfigError } from '../config/errors.ts'

export class ExpressionFault extends Error {
  /** Index into the text, from 0; its length for a fault at the end. */
  readonly at: number

  /** @param message Apache's words */
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

/**
 * The refusal of a line. Its first line is Apache's; for a file that somebody looks at the text follows, with a mark
 * under the place. In .htaccess, where the message goes into the log, one line says all.
 * @param what for example `Cannot parse condition clause: `
 */
export function refusal(what: string, fault: ExpressionFault, text: string, oneLine: boolean): ConfigError {
  const message = `${what}${fault.message}`
  if (oneLine) return new ConfigError(`${message} (at column ${fault.at + 1})`)
  const [from, mark] = around(text, fault.at)
  return new ConfigError(`${message}\n  ${from}\n  ${' '.repeat(mark)}^ column ${fault.at + 1}`)
}

const WIDTH = 60

/** A piece of the text that fits on a line, and where in it the place is. */
function around(text: string, at: number): [piece: string, mark: number] {
  const start = at > WIDTH ? at - WIDTH : 0
  return [text.slice(start, at + WIDTH), at - start]
}
