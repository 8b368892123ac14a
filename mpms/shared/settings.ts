/** What the MPMs' directives say, and what is common to the corrections that make a population out of it. */
import { atoi, GLOBAL_ONLY, Settings, type Directive } from 'httpd'

/** What any MPM may be told; each MPM's table has the rows that are its own. undefined: not said. */
export const mpmSettings = new Settings('server', {
  startServers: undefined as number | undefined,
  serverLimit: undefined as number | undefined,
  threadLimit: undefined as number | undefined,
  threadsPerChild: undefined as number | undefined,
  maxRequestWorkers: undefined as number | undefined,
  minSpareServers: undefined as number | undefined,
  maxSpareServers: undefined as number | undefined,
  minSpareThreads: undefined as number | undefined,
  maxSpareThreads: undefined as number | undefined,
  asyncRequestWorkerFactor: 2,
})

type NumberSetting = Exclude<keyof typeof mpmSettings.defaults, 'asyncRequestWorkerFactor'>

/** A row whose number is written as it stands; it is corrected when all is read. */
export const number = (name: string, setting: NumberSetting, help: string): Directive =>
  mpmSettings.directive(name, [atoi], (said, _, value) => { said[setting] = value }, GLOBAL_ONLY, help)

const maxClients = (logNumber: string): Directive =>
  mpmSettings.directive('MaxClients', [atoi], (said, command, value) => {
    command.note('info', `${logNumber}: MaxClients is deprecated, use MaxRequestWorkers instead.`)
    said.maxRequestWorkers = value
  }, GLOBAL_ONLY, 'Deprecated name of MaxRequestWorkers')

/** Rows of every MPM with processes. @param logNumber of the message that MaxClients is deprecated */
export const processDirectives = (logNumber: string): Directive[] => [
  number('StartServers', 'startServers', 'Number of child processes launched at server startup'),
  number('ServerLimit', 'serverLimit', 'Maximum number of child processes for this run of the server'),
  number('MaxRequestWorkers', 'maxRequestWorkers', 'Maximum number of requests answered at the same time'),
  maxClients(logNumber),
]

/** Something in the configuration was changed to make it possible. */
export type Correction = (text: string) => void

export const SPARE_TEXT = ' to avoid almost certain server failure. Please read the documentation.'

/** A limit that may not be above what was compiled in, nor below 1. */
export function limited(value: number, most: number, name: string, what: string, [above, below]: readonly [string, string], correct: Correction): number {
  if (value <= most) return atLeastOne(value, name, below, '.', correct)
  correct(`${above}: WARNING: ${name} of ${value} exceeds compile-time limit of ${most} ${what}, decreasing to ${most}.`)
  return most
}

export function atLeastOne(value: number, name: string, logNumber: string, end: string, correct: Correction): number {
  if (value >= 1) return value
  correct(`${logNumber}: WARNING: ${name} of ${value} not allowed, increasing to 1${end}`)
  return 1
}
