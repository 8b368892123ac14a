/** Users and groups as the system knows them: by name or number, first in its tables, then in a directory service. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type Database = 'passwd' | 'group'

/** A row of passwd(5) or group(5). */
export interface Account {
  readonly name: string
  readonly id: number
  /** The primary group; the same as `id` in a row of groups. */
  readonly group: number
  /** Of a user. */
  readonly home?: string
}

/** @param key a name, or a number to find the first name that has it */
export function findAccount(table: string, key: string | number): Account | undefined {
  for (const line of table.split('\n')) {
    const [name = '', , id = '', group = '', , home] = line.split(':')
    if (!/^\d+$/.test(id) || (typeof key === 'number' ? Number(id) !== key : name !== key)) continue
    return { name, id: Number(id), group: /^\d+$/.test(group) ? Number(group) : Number(id), ...(home && { home }) }
  }
  return undefined
}

/** The account, or undefined if nobody knows it. */
export const lookUpAccount = (database: Database, key: string | number): Account | undefined =>
  findAccount(tableOf(database), key) ?? findAccount(askGetent(database, key), key)

function tableOf(database: Database): string {
  try {
    return readFileSync(`/etc/${database}`, 'latin1')
  } catch {
    return ''
  }
}

/** What only a directory service knows; nothing where there is no getent. */
function askGetent(database: Database, key: string | number): string {
  try {
    return execFileSync('getent', [database, '--', String(key)], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return ''
  }
}

/** Home directories by user name; undefined: nobody of that name. */
const homes = new Map<string, string | undefined>()
let homesUntil = 0
/** How long they are known (ms), and how many: clients choose the names. */
const KNOWN_FOR = 10_000
const MOST_HOMES = 1000
/** What may be a name at all. */
const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@$-]{0,63}$/

/** The home directory of a user, undefined if nobody knows one. May ask another program, so it may block. */
export function homeOf(user: string): string | undefined {
  if (!USER_NAME.test(user)) return undefined
  const now = performance.now()
  if (now > homesUntil || homes.size >= MOST_HOMES) {
    homes.clear()
    homesUntil = now + KNOWN_FOR
  }
  if (!homes.has(user)) homes.set(user, findHome(tableOf('passwd'), user) ?? findHome(askGetent('passwd', user), user))
  return homes.get(user)
}

/** @param table rows of passwd(5) */
export function findHome(table: string, user: string): string | undefined {
  const row = table.split('\n').find((line) => line.startsWith(`${user}:`))
  return row?.split(':')[5] || undefined
}
