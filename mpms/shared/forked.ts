/**
 * Processes without threads (prefork): what the directives make of the population. The order of corrections is
 * Apache's.
 */
import { bucketsFor, type Population, type Server } from 'httpd'
import { autoText, autoWorkers } from './auto_workers.ts'
import {
  atLeastOne, correct, limited, SPARE_TEXT, toIncrease, type Circumstances, type LimitNumbers, type Numbers,
} from './corrections.ts'
import { askedOf, mpmSettings } from './settings.ts'

/** What holds if nothing is said. */
export const forkedDefaults = {
  startServers: 4, serverLimit: 256, maxRequestWorkers: 64, minSpareServers: 2, maxSpareServers: 8,
} as const

const MAX_SERVERS = 200_000

/** Numbers of the messages, in the order of the rules. */
export interface ForkedNumbers {
  readonly serverLimit: LimitNumbers
  readonly aboveServerLimit: Numbers
  readonly maxRequestWorkers: Numbers
  readonly startServers: Numbers
  readonly minSpareServers: Numbers
}

export function forkedPopulation(server: Server, numbers: ForkedNumbers, about: Circumstances): Population {
  const said = server.get(mpmSettings)
  const asked = askedOf(said, forkedDefaults)
  const { fixed, machine } = about
  const auto = said.maxRequestWorkers === 'auto'
    ? autoWorkers({ machine: machine(), async: false, threadsPerChild: 0 }) : undefined
  // Where only `auto` speaks, ServerLimit is whatever that needs.
  const enough = Math.max(auto ?? 0, asked('serverLimit'))
  const fallback = auto === undefined ? enough : fixed?.serverLimit ?? enough
  const serverLimit = limited(said.serverLimit ?? fallback, {
    name: 'ServerLimit', what: 'servers', most: MAX_SERVERS, numbers: numbers.serverLimit, original: fixed?.serverLimit,
  }, about)
  const maxServers = auto === undefined
    ? workers(asked('maxRequestWorkers'), serverLimit, numbers, about) : withinLimit(auto, serverLimit, about)
  const startServers = atLeastOne(asked('startServers'), 'StartServers', numbers.startServers, about)
  const minSpare = atLeastOne(asked('minSpareServers'), 'MinSpareServers', numbers.minSpareServers, about, SPARE_TEXT)
  const buckets = bucketsFor(server, () => machine().cores, serverLimit, fixed)
  return settled({ startServers, serverLimit, maxServers, minSpare, maxSpare: asked('maxSpareServers'), buckets })
}

function withinLimit(auto: number, serverLimit: number, { say, machine }: Circumstances): number {
  const possible = Math.min(auto, serverLimit)
  say('info', autoText(auto, possible, machine()))
  return possible
}

function workers(asked: number, serverLimit: number, numbers: ForkedNumbers, about: Circumstances): number {
  if (asked <= serverLimit) return atLeastOne(asked, 'MaxRequestWorkers', numbers.maxRequestWorkers, about)
  const text = `MaxRequestWorkers of ${asked} exceeds ServerLimit value of ${serverLimit}`
  correct(about, numbers.aboveServerLimit, {
    start: `${text} servers, decreasing MaxRequestWorkers to ${serverLimit}. ${toIncrease('ServerLimit')}`,
    restart: `${text}, decreasing to match`,
  })
  return serverLimit
}

type Counts = Omit<Population, 'threadLimit' | 'threadsPerChild'>

/** What is adjusted without a word: each set of sockets needs a child, and room for one more that is idle. */
function settled(asked: Counts): Population {
  const { buckets } = asked
  const maxServers = Math.max(asked.maxServers, buckets)
  const minSpare = Math.max(asked.minSpare, buckets)
  return {
    ...asked, threadLimit: 1, threadsPerChild: 1, maxServers, minSpare,
    startServers: Math.min(Math.max(asked.startServers, buckets), maxServers),
    maxSpare: Math.max(asked.maxSpare, minSpare + buckets),
  }
}
