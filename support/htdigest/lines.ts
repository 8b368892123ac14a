/* A file of `user:realm:hash` as text: one character per byte. Pure. */
import { createHash } from 'node:crypto'

/** The line of a user: MD5 of `user:realm:password` (RFC 7616 section 3.4.2). */
export const lineOf = (user: string, realm: string, password: string): string =>
  `${user}:${realm}:${createHash('md5').update(`${user}:${realm}:${password}`, 'latin1').digest('hex')}`

/** Whether somebody of that name is there, in that realm. */
const isOf = (line: string, user: string, realm: string): boolean =>
  !line.startsWith('#') && (line === `${user}:${realm}` || line.startsWith(`${user}:${realm}:`))

export const has = (text: string, user: string, realm: string): boolean =>
  text.split('\n').some((line) => isOf(line, user, realm))

/** The text with another line for a user: in the place of the first one that he has, or at the end. */
export function changed(text: string, user: string, realm: string, line: string): string {
  const lines = text.split('\n')
  // What follows the last line feed is no line.
  if (lines.at(-1) === '') lines.pop()
  const at = lines.findIndex((one) => isOf(one, user, realm))
  if (at < 0) lines.push(line)
  else lines[at] = line
  return lines.map((one) => `${one}\n`).join('')
}
