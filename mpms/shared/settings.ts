/** What the MPMs' directives say, and their rows. What the numbers are corrected to is in forked.ts and threaded.ts. */
import { atoi, GLOBAL_ONLY, numberOf, parsed, Settings, type Directive } from 'httpd'

/** What any MPM may be told; each MPM's table has the rows that are its own. undefined: not said. */
export const mpmSettings = new Settings('server', {
  startServers: undefined as number | undefined,
  serverLimit: undefined as number | undefined,
  threadLimit: undefined as number | undefined,
  threadsPerChild: undefined as number | undefined,
  /** `auto`: as many as this machine can do with. */
  maxRequestWorkers: undefined as number | 'auto' | undefined,
  minSpareServers: undefined as number | undefined,
  maxSpareServers: undefined as number | undefined,
  minSpareThreads: undefined as number | undefined,
  maxSpareThreads: undefined as number | undefined,
  asyncRequestWorkerFactor: 250,
})

export type MpmSettings = typeof mpmSettings.defaults

type NumberSetting = Exclude<keyof MpmSettings, 'asyncRequestWorkerFactor'>

/** What is to hold where nothing is said, by setting. */
export type Defaults = Readonly<Partial<Record<NumberSetting, number>>>

/** A number as it was written, or its default. `auto` is nobody's number: it is asked for before. */
export const askedOf = <D extends Defaults>(said: MpmSettings, defaults: D) =>
  (name: keyof D & NumberSetting): number => (said[name] === 'auto' ? 0 : (said[name] ?? defaults[name]!))

/** A row whose number is written as it stands; it is corrected when all is read. */
export const number = (name: string, setting: NumberSetting, help: string): Directive =>
  mpmSettings.directive(name, [atoi], (said, _, value) => { said[setting] = value }, GLOBAL_ONLY, help)

const numberOrAuto = parsed((text) => (text.toLowerCase() === 'auto' ? 'auto' as const : numberOf(text)))

const maxClients = (logNumber: string): Directive =>
  mpmSettings.directive('MaxClients', [atoi], (said, command, value) => {
    command.note('info', `${logNumber}: MaxClients is deprecated, use MaxRequestWorkers instead.`)
    said.maxRequestWorkers = value
  }, GLOBAL_ONLY, 'Deprecated name of MaxRequestWorkers')

/** Rows of every MPM with processes. @param logNumber of the message that MaxClients is deprecated */
export const processDirectives = (logNumber: string): Directive[] => [
  number('StartServers', 'startServers', 'Number of child processes launched at server startup'),
  number('ServerLimit', 'serverLimit', 'Maximum number of child processes for this run of the server'),
  mpmSettings.directive('MaxRequestWorkers', [numberOrAuto], 'maxRequestWorkers', GLOBAL_ONLY,
    'Maximum number of requests answered at the same time, or auto'),
  maxClients(logNumber),
]
