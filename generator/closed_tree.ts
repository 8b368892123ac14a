/*
 * A build tree below a private directory (a home, say): the user who is to serve requests could not even read it.
 */
import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from './config.ts'

const OTHERS_MAY_ENTER = 0o001

/** Which of a directory and those above it others cannot enter, outermost first. */
export function closedDirectories(directory: string): string[] {
  const above = dirname(directory)
  const closed = (statSync(directory).mode & OTHERS_MAY_ENTER) === 0 ? [directory] : []
  return above === directory ? closed : [...closedDirectories(above), ...closed]
}

/** What root is told who configures a server in a tree that only root can enter; nothing if all is well. */
export function closedTreeNotice(config: Config, builddir: string): string[] {
  const closed = closedDirectories(builddir)
  if (closed.length === 0 || config.bigSecurityHole) return []
  return [
    `configure: NOTE: user daemon, who answers requests when root starts the server, cannot enter ${closed[0]!}`,
    `configure: NOTE: after make, install the server and start it there:  make install && ${join(config.paths.sbindir, config.progname)} -k start`,
    `configure: NOTE: or let others pass:  chmod o+x ${closed.join(' ')}`,
    '',
  ]
}
