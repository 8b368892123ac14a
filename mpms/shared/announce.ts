/** What a control process says of its workers once per generation, after the lines that it is up. */
import { globalCore, isUsableStack, type Site } from 'httpd'

/** Numbers of the messages that the MPM has. */
export interface Announcements {
  /** `Accept mutex: …` (debug). No lock is needed here: the kernel wakes one waiter (EPOLLEXCLUSIVE). */
  readonly mutex?: string
  /** `ThreadStackSize of N is inappropriate` (warn). */
  readonly stack?: string
}

export function announce(site: Site, { mutex, stack }: Announcements): void {
  // Called again for a generation that goes on.
  if ([...site.children.values()].some(({ generation }) => generation === site.generation)) return
  // More than one set of sockets exists only where the system can share a port; Linux always can.
  site.log('debug', `AH02639: Using SO_REUSEPORT: yes (${site.population.buckets})`)
  if (mutex !== undefined) site.log('debug', `${mutex}: Accept mutex: none (default: pthread)`)
  const { threadStackSize } = site.server.get(globalCore)
  if (stack !== undefined && !isUsableStack(threadStackSize))
    site.log('warn', `${stack}: WARNING: ThreadStackSize of ${threadStackSize} is inappropriate, using default`)
}
