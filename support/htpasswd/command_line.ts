/* The command line of htpasswd, as getopt(3) reads it. Pure. */
import type { Algorithm } from './hash.ts'
import { EXIT, Fault, UsageFault } from './fault.ts'
import { checkLength, costOf, takeOption, type Chosen, type Letters } from './options.ts'
import { readOptions } from '../shared/options.ts'

export interface Wanted {
  readonly action: 'set' | 'create' | 'print' | 'delete' | 'verify'
  readonly algorithm: Algorithm
  /** -C or -r: cost of bcrypt, rounds of SHA-256 and SHA-512. */
  readonly cost: number | undefined
  readonly from: 'prompt' | 'stdin' | 'argument'
  /** Empty for -n. */
  readonly file: string
  readonly user: string
  readonly password: string | undefined
}

const LETTERS: Letters<Wanted['action']> = {
  actions: { c: 'create', n: 'print', v: 'verify', D: 'delete' },
  algorithms: { m: 'apr1', B: 'bcrypt', 2: 'sha256', 5: 'sha512', d: 'crypt', s: 'sha1', p: 'plain' },
}

export const USAGE = `Usage:
	htpasswd [-cimB25dpsDv] [-C cost] [-r rounds] passwordfile username
	htpasswd -b[cmB25dpsDv] [-C cost] [-r rounds] passwordfile username password

	htpasswd -n[imB25dps] [-C cost] [-r rounds] username
	htpasswd -nb[mB25dps] [-C cost] [-r rounds] username password
 -c  make a new file, or begin the one there is anew
 -n  print the line and leave files alone
 -b  the password is the last argument (others on this machine may see it)
 -i  read the password from standard input, once
 -D  delete the user
 -v  verify the user's password
How the password is hashed:
 -m  MD5, Apache's variant (default)
 -B  bcrypt (best)
 -2  SHA-256, with rounds
 -5  SHA-512, with rounds
 -d  crypt(3), of 8 characters only (insecure)
 -s  SHA-1, without salt (insecure)
 -p  not at all: no server understands it but one that reads it as plain text
 -C  cost of bcrypt, 4 to 17 (default 5): one more takes twice the time
 -r  rounds of SHA-256 and SHA-512, 1000 to 999999999 (default 5000)
`

interface State extends Chosen<Wanted['action']> { cost: number | undefined }

/** @param words one character per byte @throws Fault */
export function wantedBy(words: readonly string[]): Wanted {
  const state: State = { action: undefined, algorithm: 'apr1', cost: undefined, from: 'prompt' }
  const rest = readOptions(words, 'Cr', (letter, value) => {
    if (letter === 'C' || letter === 'r') state.cost = costOf(value, '-C/-r')
    else takeOption(state, letter, LETTERS)
  }, UsageFault)
  return complete(state, rest)
}

function complete({ action = 'set', algorithm, cost, from }: State, rest: readonly string[]): Wanted {
  const count = (action === 'print' ? 1 : 2) + (from === 'argument' ? 1 : 0)
  if (rest.length !== count) throw new UsageFault()
  const [file, user, password] = (action === 'print' ? ['', ...rest] : rest) as [string, string, string?]
  checkLength(user)
  const bad = /[:\n]/.exec(user)
  if (bad !== null)
    throw new Fault(EXIT.user, `username contains illegal character '${bad[0] === '\n' ? '\\n' : bad[0]}'`)
  return { action, algorithm, cost, from, file, user, password }
}
