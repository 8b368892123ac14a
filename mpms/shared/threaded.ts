/** Processes with threads: the directives that worker and event share, and their corrections. */
import type { Directive, Population, Server } from 'httpd'
import {
  atLeastOne, limited, mpmSettings, number, processDirectives, SPARE_TEXT, type Correction,
} from './settings.ts'

const MAX_SERVERS = 20000

/** Rows of worker and event. */
export const threadedDirectives = (logNumber: string): Directive[] => [
  ...processDirectives(logNumber),
  number('MinSpareThreads', 'minSpareThreads', 'Minimum number of idle threads, to handle request spikes'),
  number('MaxSpareThreads', 'maxSpareThreads', 'Maximum number of idle threads'),
  number('ThreadsPerChild', 'threadsPerChild', 'Number of threads each child creates'),
  number('ThreadLimit', 'threadLimit', 'Maximum number of threads per child process for this run of the server'),
]

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
  return { startServers: Math.min(startServers, maxServers), serverLimit, threadLimit, threadsPerChild: threads, maxServers, minSpare, maxSpare, buckets: 1 }
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
