/** Directives of the MPMs: what they say, and the corrections that make a population out of it. */
import { atoi, GLOBAL_ONLY, parsed, ConfigError, Settings, type Directive, type Population, type Server } from 'httpd'

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

const number = (name: string, setting: NumberSetting, help: string): Directive =>
  mpmSettings.directive(name, [atoi], (said, _, value) => { said[setting] = value }, GLOBAL_ONLY, help)

const maxClients = (logNumber: string): Directive =>
  mpmSettings.directive('MaxClients', [atoi], (said, command, value) => {
    command.note('info', `${logNumber}: MaxClients is deprecated, use MaxRequestWorkers instead.`)
    said.maxRequestWorkers = value
  }, GLOBAL_ONLY, 'Deprecated name of MaxRequestWorkers')

const common = (logNumber: string): Directive[] => [
  number('StartServers', 'startServers', 'Number of child processes launched at server startup'),
  number('ServerLimit', 'serverLimit', 'Maximum number of child processes for this run of the server'),
  number('MaxRequestWorkers', 'maxRequestWorkers', 'Maximum number of requests answered at the same time'),
  maxClients(logNumber),
]

export const preforkDirectives: readonly Directive[] = [
  ...common('AH00188'),
  number('MinSpareServers', 'minSpareServers', 'Minimum number of idle children, to handle request spikes'),
  number('MaxSpareServers', 'maxSpareServers', 'Maximum number of idle children'),
]

const threadedDirectives = (logNumber: string): Directive[] => [
  ...common(logNumber),
  number('MinSpareThreads', 'minSpareThreads', 'Minimum number of idle threads, to handle request spikes'),
  number('MaxSpareThreads', 'maxSpareThreads', 'Maximum number of idle threads'),
  number('ThreadsPerChild', 'threadsPerChild', 'Number of threads each child creates'),
  number('ThreadLimit', 'threadLimit', 'Maximum number of threads per child process for this run of the server'),
]

export const workerDirectives: readonly Directive[] = threadedDirectives('AH00324')

const factor = parsed((text) => {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new ConfigError('error parsing value')
  if (value <= 0) throw new ConfigError('AsyncRequestWorkerFactor argument must be a positive number')
  return Math.max(1, Math.floor(value * 16)) / 16
})

export const eventDirectives: readonly Directive[] = [
  ...threadedDirectives('AH00521'),
  mpmSettings.directive('AsyncRequestWorkerFactor', [factor], 'asyncRequestWorkerFactor', GLOBAL_ONLY,
    'How many additional connections a child accepts for each idle worker'),
]

/** Something in the configuration was changed to make it possible. */
export type Correction = (text: string) => void

const MAX_SERVERS = 20000
const MAX_SERVERS_PREFORK = 200000

/** prefork: one process, one connection. Order of corrections as in the reference. */
export function preforkPopulation(server: Server, correct: Correction = () => undefined): Population {
  const said = server.get(mpmSettings)
  const serverLimit = limited(said.serverLimit ?? 256, MAX_SERVERS_PREFORK, 'ServerLimit', 'servers', ['AH00175', 'AH00177'], correct)
  let max = said.maxRequestWorkers ?? 64
  if (max > serverLimit) {
    correct(`AH00180: WARNING: MaxRequestWorkers of ${max} exceeds ServerLimit value of ${serverLimit} servers, decreasing MaxRequestWorkers to ${serverLimit}. To increase, please see the ServerLimit directive.`)
    max = serverLimit
  }
  max = atLeastOne(max, 'MaxRequestWorkers', 'AH00182', '.', correct)
  const startServers = atLeastOne(said.startServers ?? 4, 'StartServers', 'AH00184', '.', correct)
  const minSpare = atLeastOne(said.minSpareServers ?? 2, 'MinSpareServers', 'AH00186', SPARE_TEXT, correct)
  const maxSpare = Math.max(said.maxSpareServers ?? 8, minSpare + 1)
  return { startServers: Math.min(startServers, max), serverLimit, threadLimit: 1, threadsPerChild: 1, maxServers: max, minSpare, maxSpare }
}

const SPARE_TEXT = ' to avoid almost certain server failure. Please read the documentation.'

/** Numbers of the messages of worker and event, in the order of the rules. */
export interface ThreadedTexts {
  readonly serverLimit: readonly [string, string]
  readonly threadLimit: readonly [string, string]
  readonly threadsPerChild: readonly [string, string]
  readonly tooFewWorkers: string
  readonly notMultiple: string
  readonly tooManyServers: string
  readonly startServers: string
  readonly minSpareThreads: string
  readonly maxThreadLimit: number
}

/** worker and event: processes with threads. */
export function threadedPopulation(server: Server, texts: ThreadedTexts, correct: Correction = () => undefined): Population {
  const said = server.get(mpmSettings)
  const serverLimit = limited(said.serverLimit ?? 16, MAX_SERVERS, 'ServerLimit', 'servers', texts.serverLimit, correct)
  const threadLimit = limited(said.threadLimit ?? 64, texts.maxThreadLimit, 'ThreadLimit', 'threads', texts.threadLimit, correct)
  const threads = threadsPerChild(said.threadsPerChild ?? 4, threadLimit, texts, correct)
  const maxServers = workers(said.maxRequestWorkers ?? 64, threads, serverLimit, texts, correct) / threads
  const startServers = atLeastOne(said.startServers ?? 1, 'StartServers', texts.startServers, '.', correct)
  const minSpare = atLeastOne(said.minSpareThreads ?? 2, 'MinSpareThreads', texts.minSpareThreads, SPARE_TEXT, correct)
  const maxSpare = Math.max(said.maxSpareThreads ?? 16, minSpare + threads + 1)
  return { startServers: Math.min(startServers, maxServers), serverLimit, threadLimit, threadsPerChild: threads, maxServers, minSpare, maxSpare }
}

function threadsPerChild(asked: number, limit: number, texts: ThreadedTexts, correct: Correction): number {
  if (asked > limit) {
    correct(`${texts.threadsPerChild[0]}: WARNING: ThreadsPerChild of ${asked} exceeds ThreadLimit of ${limit} threads, decreasing to ${limit}. To increase, please see the ThreadLimit directive.`)
    return limit
  }
  return atLeastOne(asked, 'ThreadsPerChild', texts.threadsPerChild[1], '.', correct)
}

function workers(asked: number, threads: number, serverLimit: number, texts: ThreadedTexts, correct: Correction): number {
  let max = asked
  if (max < threads) {
    correct(`${texts.tooFewWorkers}: WARNING: MaxRequestWorkers of ${max} is less than ThreadsPerChild of ${threads}, increasing to ${threads}. MaxRequestWorkers must be at least as large as the number of threads in a single server.`)
    max = threads
  }
  if (max % threads !== 0) {
    const multiple = max - (max % threads)
    correct(`${texts.notMultiple}: WARNING: MaxRequestWorkers of ${max} is not an integer multiple of ThreadsPerChild of ${threads}, decreasing to nearest multiple ${multiple}, for a maximum of ${multiple / threads} servers.`)
    max = multiple
  }
  if (max / threads > serverLimit) {
    const possible = serverLimit * threads
    correct(`${texts.tooManyServers}: WARNING: MaxRequestWorkers of ${max} would require ${max / threads} servers and would exceed ServerLimit of ${serverLimit}, decreasing to ${possible}. To increase, please see the ServerLimit directive.`)
    max = possible
  }
  return max
}

function limited(value: number, most: number, name: string, what: string, [above, below]: readonly [string, string], correct: Correction): number {
  if (value <= most) return atLeastOne(value, name, below, '.', correct)
  correct(`${above}: WARNING: ${name} of ${value} exceeds compile-time limit of ${most} ${what}, decreasing to ${most}.`)
  return most
}

function atLeastOne(value: number, name: string, logNumber: string, end: string, correct: Correction): number {
  if (value >= 1) return value
  correct(`${logNumber}: WARNING: ${name} of ${value} not allowed, increasing to 1${end}`)
  return 1
}
