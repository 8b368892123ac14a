/* The password that a person gives, and texts between the system's encoding and one character per byte. */
import { EXIT, Fault } from './fault.ts'
import { MOST_PASSWORD } from './hash.ts'
import { ask, input } from './prompt.ts'

export const say = (line: string): void => void process.stderr.write(`${line}\n`)
export const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
export const pathOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')

export interface Asked {
  readonly from: 'prompt' | 'stdin' | 'argument'
  readonly action: string
  readonly password: string | undefined
}

/** @throws Fault */
export function passwordFor({ from, action, password }: Asked): string {
  const text = from === 'argument' ? password! : from === 'stdin' ? input().split(/\r?\n/, 1)[0]! : asked(action)
  if (text.length > MOST_PASSWORD) throw new Fault(EXIT.tooLong, `password too long (> ${MOST_PASSWORD})`)
  return text
}

function asked(action: string): string {
  if (action === 'verify') return ask('Enter password: ')
  const text = ask('New password: ')
  if (ask('Re-type new password: ') !== text) throw new Fault(EXIT.password, 'password verification error')
  return text
}
