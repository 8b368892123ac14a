/**
 * What is wrong in a configuration, with its place. One rule: whoever finds a
 * fault states its message; the texts that people read are put together here.
 */
import { escapeErrorLog } from '../base/escape.ts'

export interface Fault {
  /** While files are read, or while their directives are carried out. */
  readonly when: 'read' | 'walk'
  readonly file: string
  readonly line: number
  readonly message: string
  /** Complete, as it is printed: one line for `read`, two or more for `walk`; without a line break at its end. */
  readonly text: string
}

/** @param where everything before the message, for example `httpd: Syntax error on line 1 of /x: ` */
export function readFault(file: string, line: number, message: string, where: string): Fault {
  return { when: 'read', file, line, message, text: escapeErrorLog(where + message) }
}

/** @param message may have several lines: the first is Apache's, further ones help */
export function walkFault(file: string, line: number, message: string): Fault {
  const lines = [`AH00526: Syntax error on line ${line} of ${file}:`, ...message.split('\n')]
  return { when: 'walk', file, line, message, text: lines.map(escapeErrorLog).join('\n') }
}
