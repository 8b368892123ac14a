/** Log lines of the control process: common texts, with the numbers of the MPM. */
import type { Asked, Mpm } from './mpm.ts'

export const upText = ({ logNumbers }: Mpm, description: string): string =>
  `${logNumbers.up}: ${description} configured -- resuming normal operations`

export const builtText = ({ logNumbers }: Mpm, builtOn: string): string => `${logNumbers.built}: Server built: ${builtOn}`

export const ignoredFatalText = ({ logNumbers }: Mpm, pid: number): string =>
  `${logNumbers.ignoredFatal}: Ignoring fatal error in child of previous generation (pid ${pid}).`

/** A restart cannot bring another MPM. */
export const mpmChangeTexts = (from: Mpm, to: Mpm): readonly string[] => [
  'AH00534: httpd: Configuration error: The MPM cannot be changed during restart.',
  `SY00066: the server runs ${from.traits.name} and the configuration asks for ${to.traits.name}: stop it and start it again`,
]

export const SHORTAGE = 'A resource shortage or other unrecoverable failure was encountered before any child process initialized successfully... httpd is exiting!'

/** What is said when a generation ends, by what was asked for. */
export function endingText({ logNumbers, gracefulText }: Mpm, asked: Exclude<Asked, 'fatal' | 'revert'>): string {
  switch (asked) {
    case 'stop': return `${logNumbers.stop}: caught SIGTERM, shutting down`
    case 'graceful-stop': return `${logNumbers.gracefulStop}: caught SIGWINCH, shutting down gracefully`
    case 'graceful': return `${logNumbers.graceful}: ${gracefulText ?? 'SIGUSR1 received.  Doing graceful restart'}`
    case 'restart': return `${logNumbers.restart}: SIGHUP received.  Attempting to restart`
  }
}
