/** Which bodies a filter may work on where others wait for the thread. */
import type { Request } from 'httpd'

/** Files up to this size are in memory, or read at once by the core itself: no reason for another thread. */
const SMALL_FILE = 16 * 1024

export const isSmallFile = (r: Request): boolean =>
  r.handler === undefined && r.finfo.type === 'file' && r.finfo.size <= SMALL_FILE
