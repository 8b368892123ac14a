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
