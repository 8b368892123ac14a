/**
 * CacheLock: of many requests for what has become stale, one asks the origin, the others get what there is. A file that
 * is created exclusively is the lock, so that it holds among processes; it is deleted with its request, and one that a
 * process has left behind counts for nothing after CacheLockMaxAge.
 */
import { closeSync, mkdirSync, openSync, statSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { fsPath, type Request } from 'httpd'
import { nameOf } from '../shared/cache/name.ts'

export interface LockRules {
  readonly directory: string
  /** ms */
  readonly maxAge: number
}

/** Undefined: somebody else has it, or nobody can. */
export type Locking = { readonly release: () => void } | 'taken' | 'failed'

export function tryLock(r: Request, { directory, maxAge }: LockRules, key: string): Locking {
  const name = nameOf(key)
  const text = `${directory}/${name[0]!}/${name[1]!}/${name}`
  const path = fsPath(text)
  try {
    removeOld(r, text, key, maxAge)
    return create(path) ?? 'taken'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return failed(r, text, error)
  }
  try {
    mkdirSync(fsPath(dirname(text)), { recursive: true, mode: 0o700 })
    return create(path) ?? 'taken'
  } catch (error) {
    return failed(r, text, error)
  }
}

function create(path: ReturnType<typeof fsPath>): { release: () => void } | undefined {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
  let held = true
  return {
    release: () => {
      if (!held) return
      held = false
      try {
        unlinkSync(path)
      } catch {
        // It was too old for somebody.
      }
    },
  }
}

function removeOld(r: Request, path: string, key: string, maxAge: number): void {
  const found = statSync(fsPath(path), { throwIfNoEntry: false })
  const age = found === undefined ? 0 : Date.now() - found.mtimeMs
  // A clock that was set back must not keep it for ever.
  if (found === undefined || (age <= maxAge && age > -1000)) return
  r.log('info', 'cache', `AH00780: Cache lock file for '${key}' too old, removing: ${path}`)
  try {
    unlinkSync(fsPath(path))
  } catch {
    // Somebody else has done it.
  }
}

function failed(r: Request, path: string, error: unknown): 'failed' {
  r.log('error', 'cache', `AH00778: Could not create a cache lock directory: ${path}`, error)
  return 'failed'
}
