/** Making the scoreboard: anonymous memory, or with ScoreBoardFile a file that other programs can read. */
import { rmSync } from 'node:fs'
import type { FixedLimits } from '../hook/hooks.ts'
import { SystemError, type Fd, type Shared } from '../port/port.ts'
import { errnoPrefix, readable } from './notes.ts'
import { Scoreboard } from './scoreboard.ts'

export interface Board {
  readonly fd: Fd
  readonly board: Scoreboard
}

/** What Node.js 20 can see as one piece. */
const MOST_BYTES = 2 ** 32

/**
 * @param file absolute path as the configuration has it; the file goes when this process ends
 * @returns texts that say why it cannot be made
 */
export function createBoard(
  shared: Shared, { serverLimit, threadLimit }: Omit<FixedLimits, 'buckets'>, file: string | undefined,
): Board | { readonly texts: readonly string[] } {
  const path = file === undefined ? undefined : readable(file)
  const bytes = Scoreboard.bytes(serverLimit, threadLimit)
  try {
    if (bytes > MOST_BYTES) throw new Error('it would be larger than 4 GiB')
    const { fd, buffer } = shared.create('httpd-scoreboard', bytes, path)
    if (path !== undefined) process.once('exit', () => rmSync(path, { force: true }))
    return { fd, board: new Scoreboard(buffer, serverLimit, threadLimit) }
  } catch (error) {
    // The file could be made, but not the memory.
    if (path !== undefined && error instanceof SystemError) rmSync(path, { force: true })
    const what = path === undefined ? `of ${bytes} bytes` : `file "${path}" of ${bytes} bytes`
    const reason = errnoPrefix(error) === '' ? `: ${(error as Error).message}` : ''
    const text = `${errnoPrefix(error)}SY00081: Cannot create a scoreboard ${what} for ServerLimit ${serverLimit} and ` +
      `ThreadLimit ${threadLimit}${reason}`
    return { texts: [text] }
  }
}
