/** Log lines of the control process: one text, a number for each MPM (Apache's). */
import type { Asked } from './mpm.ts'

type Ending = Exclude<Asked, 'fatal'>

interface Numbers {
  readonly up: string
  readonly stop: string
  readonly gracefulStop: string
  readonly graceful: string
  readonly restart: string
}

const NUMBERS: Readonly<Record<string, Numbers>> = {
  prefork: { up: 'AH00163', stop: 'AH00169', gracefulStop: 'AH00170', graceful: 'AH00171', restart: 'AH00173' },
  worker: { up: 'AH00292', stop: 'AH00295', gracefulStop: 'AH00296', graceful: 'AH00297', restart: 'AH00298' },
  event: { up: 'AH00489', stop: 'AH00491', gracefulStop: 'AH00492', graceful: 'AH00493', restart: 'AH00494' },
}

const numbersOf = (mpm: string): Numbers => NUMBERS[mpm] ?? NUMBERS.event!

export const upText = (mpm: string, description: string): string =>
  `${numbersOf(mpm).up}: ${description} configured -- resuming normal operations`

/** What is said when a generation ends, by what was asked for. */
export function endings(mpm: string): Readonly<Record<Ending, string>> {
  const numbers = numbersOf(mpm)
  return {
    stop: `${numbers.stop}: caught SIGTERM, shutting down`,
    'graceful-stop': `${numbers.gracefulStop}: caught SIGWINCH, shutting down gracefully`,
    graceful: mpm === 'prefork'
      ? `${numbers.graceful}: Graceful restart requested, doing restart`
      : `${numbers.graceful}: SIGUSR1 received.  Doing graceful restart`,
    restart: `${numbers.restart}: SIGHUP received.  Attempting to restart`,
  }
}
