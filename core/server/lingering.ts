/** The end of a connection on which the client may still be sending (Apache's lingering close). */
import type { Fd } from '../port/port.ts'
import type { ThreadEngine } from './thread_engine.ts'

/** How long a client may take to close after us, in all and between two pieces (ms). */
const TOTAL = 30_000
/** While the child is to finish: in all. */
const FINISHING = 2_000
export const LINGER_PIECE = 2_000

/** Throws away what has come. True: the client has closed, or its time is over. @param since ms of `engine.now()` */
export const isLingeringOver = (engine: ThreadEngine, fd: Fd, since: number): boolean =>
  engine.drain(fd) || engine.now() > since + (engine.finishing ? FINISHING : TOTAL)
