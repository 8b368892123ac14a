/* Changing a file under the eyes of a server. */
import { chmodSync, chownSync, closeSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'

/** It is not for us to make a file there, or to give it to the owner of the old one; or somebody's is there. */
const MAY_NOT = new Set(['EACCES', 'EPERM', 'EEXIST', 'EBUSY', 'EROFS'])

/**
 * The new file takes the place of the old one, with its owner and rights, or where that cannot be is written over it.
 * @throws an error of node:fs
 */
export function replaceFile(file: string, text: string): void {
  const target = realpathSync(file)
  const { mode, uid, gid } = statSync(target)
  const temporary = `${target}.${process.pid}`
  let mine = false
  try {
    closeSync(openSync(temporary, 'wx', 0o600))
    mine = true
    writeFileSync(temporary, text, 'latin1')
    chownSync(temporary, uid, gid)
    chmodSync(temporary, mode & 0o7777)
    renameSync(temporary, target)
  } catch (error) {
    if (mine) rmSync(temporary, { force: true })
    // No room for another file is none to write the old one again, which would be cut off.
    if (!MAY_NOT.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    writeFileSync(target, text, 'latin1')
  }
}
