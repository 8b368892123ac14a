/* The command line of htdbm, as getopt(3) reads it. Pure. */
import { EXIT, Fault, UsageFault } from '../htpasswd/fault.ts'
import { checkLength, costOf, takeOption, type Chosen, type Letters } from '../htpasswd/options.ts'
import { readOptions } from '../shared/options.ts'
import type { Algorithm } from '../htpasswd/hash.ts'

export interface Wanted {
  readonly action: 'set' | 'create' | 'print' | 'list' | 'verify' | 'remove'
  readonly type: string
  readonly algorithm: Algorithm
  /** Of bcrypt. */
  readonly cost: number | undefined
  readonly from: 'prompt' | 'stdin' | 'argument'
  /** Empty for -n. */
  readonly file: string
  /** Empty for -l. */
  readonly user: string
  readonly password: string | undefined
  readonly comment: string | undefined
}

export const USAGE = `Usage:
	htdbm [-cimBdpstvx] [-C cost] [-TTYPE] database username [comment]
	htdbm -b[cmBdptsv] [-C cost] [-TTYPE] database username password [comment]

	htdbm -n[imBdpst] [-C cost] username [comment]
	htdbm -nb[mBdpst] [-C cost] username password [comment]
	htdbm -x [-TTYPE] database username
	htdbm -l [-TTYPE] database
 -c  make a new database
 -n  print the record and leave databases alone
 -b  the password is an argument (others on this machine may see it)
 -i  read the password from standard input, once
 -l  list the users
 -v  verify the user's password
 -x  remove the user
 -t  the last argument is a comment
 -T  type of the database: SDBM as Apache has it, LMDB, or default: what is there, LMDB where there is nothing
How the password is hashed:
 -m  MD5, Apache's variant (default)
 -B  bcrypt (best)
 -d  crypt(3), of 8 characters only (insecure)
 -s  SHA-1, without salt (insecure)
 -p  not at all: no server understands it but one that reads it as plain text
 -C  cost of bcrypt, 4 to 17 (default 5): one more takes twice the time
`

const LETTERS: Letters<Wanted['action']> = {
  actions: { c: 'create', n: 'print', l: 'list', v: 'verify', x: 'remove' },
  algorithms: { m: 'apr1', B: 'bcrypt', d: 'crypt', s: 'sha1', p: 'plain' },
}

interface State extends Chosen<Wanted['action']> {
  type: string
  cost: number | undefined
  comment: boolean
}

/** @param words one character per byte @throws Fault */
export function wantedBy(words: readonly string[]): Wanted {
  const state: State = { action: undefined, type: 'default', algorithm: 'apr1', cost: undefined, from: 'prompt', comment: false }
  const rest = readOptions(words, 'CT', (letter, value) => {
    if (letter === 'T') state.type = value
    else if (letter === 'C') state.cost = costOf(value, '-C')
    else if (letter === 't') state.comment = true
    else takeOption(state, letter, LETTERS)
  }, UsageFault)
  return complete(state, rest)
}

function complete({ action = 'set', comment, from, ...rest }: State, given: readonly string[]): Wanted {
  const left = [...given]
  const hasPassword = from === 'argument' && action !== 'list' && action !== 'remove'
  const count = (action === 'print' ? 0 : 1) + (action === 'list' ? 0 : 1) + (hasPassword ? 1 : 0) + (comment ? 1 : 0)
  if (left.length !== count) throw new UsageFault()
  const file = action === 'print' ? '' : left.shift()!
  const user = action === 'list' ? '' : left.shift()!
  checkLength(user)
  if (/[:\n]/.test(user)) throw new Fault(EXIT.user, 'Username contains invalid characters', false)
  const password = hasPassword ? left.shift() : undefined
  return { action, from, ...rest, file, user, password, comment: left.shift() }
}
