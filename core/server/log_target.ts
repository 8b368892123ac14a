/** Where a log goes: a file or a program. Opened by the control process, inherited by its children. */
import { openSync } from 'node:fs'
import { fsPath } from '../config/include.ts'
import type { Startup } from '../hook/hooks.ts'
import { openPipedLog } from './piped_log.ts'

/**
 * The descriptor of a log. In the control process it is opened (with what privilege that has), in a child
 * it is the same one, inherited.
 * @param target an absolute path, or `|program`
 * @throws Error if it cannot be opened
 */
export function openLog(startup: Startup, target: string): number {
  return startup.descriptor(`log:${target}`, () => target.startsWith('|')
    ? openPipedLog(target, (text) => startup.note('error', 'core', text))
    : openSync(fsPath(target), 'a'))
}
