/** Processes with threads (worker, event): rows, and what the directives make of the population. */
import { bucketsFor, type Directive, type Population, type Server } from 'httpd'
import { autoText, autoWorkers } from './auto_workers.ts'
import {
  atLeastOne, correct, limited, SPARE_TEXT, toIncrease, type Circumstances, type LimitNumbers, type Numbers,
} from './corrections.ts'
import { askedOf, mpmSettings, number, processDirectives, type MpmSettings } from './settings.ts'

/** What holds if nothing is said. */
export const threadedDefaults = {
  startServers: 1, serverLimit: 16, maxRequestWorkers: 64, minSpareThreads: 2, maxSpareThreads: 16, threadsPerChild: 4,
  threadLimit: 64,
} as const

const MAX_SERVERS = 20_000

/** Rows of worker and event. */
export const threadedDirectives = (logNumber: string): Directive[] => [
  ...processDirectives(logNumber),
  number('MinSpareThreads', 'minSpareThreads', 'Minimum number of idle threads, to handle request spikes'),
  number('MaxSpareThreads', 'maxSpareThreads', 'Maximum number of idle threads'),
  number('ThreadsPerChild', 'threadsPerChild', 'Number of threads each child creates'),
  number('ThreadLimit', 'threadLimit', 'Maximum number of threads per child process for this run of the server'),
]

/** What is different in worker and event; the numbers in the order of the rules. */
export interface ThreadedRules {
  readonly maxThreadLimit: number
  readonly async: boolean
  readonly serverLimit: LimitNumbers
  readonly threadLimit: LimitNumbers
  readonly threadsPerChild: { readonly above: Numbers; readonly below: Numbers }
  readonly tooFewWorkers: Numbers
  readonly notMultiple: Numbers
  readonly tooManyServers: Numbers
  readonly startServers: Numbers
  readonly minSpareThreads: Numbers
}

/** The order of corrections is Apache's; each works with what those before it have left. */
export function threadedPopulation(server: Server, rules: ThreadedRules, about: Circumstances): Population {
  const said = server.get(mpmSettings)
  const asked = askedOf(said, threadedDefaults)
  const { fixed } = about
  const serverLimit = limited(said.serverLimit ?? serverLimitOf(said, rules, about), {
    name: 'ServerLimit', what: 'servers', most: MAX_SERVERS, numbers: rules.serverLimit, original: fixed?.serverLimit,
  }, about)
  const threadLimit = limited(asked('threadLimit'), {
    name: 'ThreadLimit', what: 'threads', most: rules.maxThreadLimit, numbers: rules.threadLimit,
    original: fixed?.threadLimit,
  }, about)
  const threads = threadsOf(asked('threadsPerChild'), threadLimit, rules, about)
  const workers = said.maxRequestWorkers === 'auto'
    ? autoWithin(threads, serverLimit, rules, about)
    : workersOf(asked('maxRequestWorkers'), threads, serverLimit, rules, about)
  return settled({
    startServers: atLeastOne(asked('startServers'), 'StartServers', rules.startServers, about),
    serverLimit, threadLimit, threadsPerChild: threads, maxServers: workers / threads,
    minSpare: atLeastOne(asked('minSpareThreads'), 'MinSpareThreads', rules.minSpareThreads, about, SPARE_TEXT),
    maxSpare: asked('maxSpareThreads'),
    buckets: bucketsFor(server, () => about.machine().cores, serverLimit, fixed),
    ...(rules.async && { asyncFactor: said.asyncRequestWorkerFactor }),
  })
}

/** ServerLimit where it is not said: with `MaxRequestWorkers auto` whatever that needs. */
function serverLimitOf(said: MpmSettings, rules: ThreadedRules, { fixed, machine }: Circumstances): number {
  const asked = askedOf(said, threadedDefaults)
  if (said.maxRequestWorkers !== 'auto') return asked('serverLimit')
  if (fixed !== undefined) return fixed.serverLimit
  const between = (value: number, most: number) => Math.max(1, Math.min(value, most))
  const threads = between(asked('threadsPerChild'), between(asked('threadLimit'), rules.maxThreadLimit))
  const needed = autoWorkers({ machine: machine(), async: rules.async, threadsPerChild: threads }) / threads
  return between(Math.max(needed, asked('serverLimit')), MAX_SERVERS)
}

function threadsOf(asked: number, limit: number, { threadsPerChild }: ThreadedRules, about: Circumstances): number {
  if (asked <= limit) return atLeastOne(asked, 'ThreadsPerChild', threadsPerChild.below, about)
  const text = `ThreadsPerChild of ${asked} exceeds ThreadLimit of ${limit}`
  correct(about, threadsPerChild.above, {
    start: `${text} threads, decreasing to ${limit}. ${toIncrease('ThreadLimit')}`,
    restart: `${text}, decreasing to match`,
  })
  return limit
}

/** @returns a multiple of `threads` that ServerLimit allows */
function workersOf(
  asked: number, threads: number, serverLimit: number, rules: ThreadedRules, about: Circumstances,
): number {
  const whole = wholeServers(asked, threads, rules, about)
  if (whole / threads <= serverLimit) return whole
  const possible = serverLimit * threads
  const text = `MaxRequestWorkers of ${whole} would require ${whole / threads} servers and`
  const rest = `exceed ServerLimit of ${serverLimit}, decreasing to ${possible}`
  correct(about, rules.tooManyServers, {
    start: `${text} would ${rest}. ${toIncrease('ServerLimit')}`, restart: `${text} ${rest}`,
  })
  return possible
}

function wholeServers(asked: number, threads: number, rules: ThreadedRules, about: Circumstances): number {
  if (asked < threads) {
    const text = `MaxRequestWorkers of ${asked} is less than ThreadsPerChild of ${threads}, increasing to`
    correct(about, rules.tooFewWorkers, {
      start: `${text} ${threads}. MaxRequestWorkers must be at least as large as the number of threads in a single ` +
        'server.',
      restart: `${text} match`,
    })
    return threads
  }
  const multiple = asked - (asked % threads)
  if (multiple === asked) return asked
  const text = `MaxRequestWorkers of ${asked} is not an integer multiple of ThreadsPerChild of ${threads}, ` +
    `decreasing to nearest multiple ${multiple}`
  correct(about, rules.notMultiple, {
    start: `${text}, for a maximum of ${multiple / threads} servers.`, restart: text,
  })
  return multiple
}

function autoWithin(
  threads: number, serverLimit: number, { async }: ThreadedRules, { say, machine }: Circumstances,
): number {
  const found = machine()
  const workers = autoWorkers({ machine: found, async, threadsPerChild: threads })
  const possible = Math.min(workers, serverLimit * threads)
  say('info', autoText(workers, possible, found))
  return possible
}

/** What is adjusted without a word: each set of sockets needs a child, and room for one more that is idle. */
function settled(asked: Population): Population {
  const { threadsPerChild, buckets } = asked
  const maxServers = Math.max(asked.maxServers, buckets)
  const minSpare = Math.max(asked.minSpare, threadsPerChild * (buckets - 1) + buckets)
  return {
    ...asked, maxServers, minSpare,
    startServers: Math.min(Math.max(asked.startServers, buckets), maxServers),
    maxSpare: Math.max(asked.maxSpare, minSpare + (threadsPerChild + 1) * buckets),
  }
}
