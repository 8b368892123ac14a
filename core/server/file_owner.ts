/** Whose a file is, as the system names users and groups. Blocks. */
import { statSync } from 'node:fs'
import { fsPath } from '../config/include.ts'
import { lookUpAccount } from './accounts.ts'

/** Why there is no answer, in Apache's words, and which of the three it is. */
export interface NoOwner { readonly step: 'filename' | 'stat' | 'name'; readonly reason: string }

/** @param filename one character per byte @returns the name of the user or group that the file belongs to */
export function fileOwner(filename: string | undefined, database: 'passwd' | 'group'): string | NoOwner {
  if (filename === undefined) return { step: 'filename', reason: 'no filename available' }
  const ids = idsOf(filename)
  if (ids === undefined) return { step: 'stat', reason: `could not stat file ${filename}` }
  const account = lookUpAccount(database, database === 'passwd' ? ids.uid : ids.gid)
  const what = database === 'passwd' ? 'owner' : 'group'
  return account?.name ?? { step: 'name', reason: `could not get name of file ${what}` }
}

function idsOf(filename: string): { uid: number; gid: number } | undefined {
  try {
    return statSync(fsPath(filename))
  } catch {
    return undefined
  }
}
