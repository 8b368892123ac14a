/*
 * mod_limits: how fast requests of a client may come, and how many of them may be under way at once. Counted in memory
 * that all processes share; what is beyond is answered with 429 and Retry-After.
 */
import {
  ConfigError, DECLINED, each, errnoPrefix, flag, GLOBAL_ONLY, OK, Order, parsed, registerMetric, RSRC_AND_ACCESS, running,
  subnet, word,
  type Answer, type Arg, type Command, type Configured, type Module, type ModuleMetric, type Request, type Startup, type Status,
} from 'httpd'
import { Holds, type IsAlive } from './limits/holds.ts'
import { judge, type Limits, type Said } from './limits/judge.ts'
import { connectionRule, rateRule } from './limits/rules.ts'
import { limits, limitsServer } from './limits/settings.ts'
import { bytesFor, COUNTERS, LEAST_CAPACITY, LimitsMemory, MOST_CAPACITY, type Counter } from './limits/table.ts'

type Writes = { -readonly [K in keyof Said]?: Said[K] }

const isOff = (words: readonly string[]): boolean => words.length === 1 && words[0]!.toLowerCase() === 'off'

function markUsed(command: Command): void {
  command.vector('server').said(limitsServer).used = true
}

function sayRate(said: Writes, command: Command, words: readonly string[]): void {
  if (isOff(words)) return void (said.rates = [])
  said.rates = [...(said.rates ?? []), rateRule(words, command)]
  markUsed(command)
}

function sayConnections(said: Writes, command: Command, words: readonly string[]): void {
  if (isOff(words)) return void (said.connections = [])
  said.connections = [...(said.connections ?? []), connectionRule(words, command)]
  markUsed(command)
}

function sayExempt(said: Writes, _: Command, words: readonly string[]): void {
  said.exempt = [...(said.exempt ?? []), ...words.map((text) => {
    try {
      return subnet(text)
    } catch {
      throw new ConfigError(`Cannot use "${text}": it must be an address or a network`)
    }
  })]
}

const status: Arg<number> = parsed((text) => {
  const value = /^\d{3}$/.test(text) ? Number(text) : 0
  if (value < 400 || value > 599) throw new ConfigError(`Cannot use "${text}": a status must be a number from 400 to 599`)
  return value
})

const capacity: Arg<number> = parsed((text) => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < LEAST_CAPACITY || value > MOST_CAPACITY)
    throw new ConfigError(`Cannot use "${text}": it must be a number from ${LEAST_CAPACITY} to ${MOST_CAPACITY}`)
  return 2 ** Math.ceil(Math.log2(value))
})

const WORDS: Readonly<Record<Counter, string>> = {
  rateRefused: 'rate_refused', connectionsRefused: 'connections_refused', delayed: 'delayed', wouldRefuse: 'would_refuse',
  forgotten: 'key_forgotten', uncounted: 'uncounted',
}

let attach: (() => LimitsMemory) | undefined
let mapped: LimitsMemory | undefined
/** Of this thread, from its first request that has a limit; null: it cannot be had. */
let here: Limits | null | undefined

/** post_config: the control process makes the memory, its children are given it. */
export function open(startup: Startup): Status {
  const { server } = startup
  attach = mapped = here = undefined
  if (startup.checking || !server.all.some((each) => each.get(limitsServer).used)) return OK
  const { capacity } = server.get(limitsServer)
  const bytes = bytesFor(capacity)
  try {
    const map = startup.sharedMemory('limits', bytes, (memory) =>
      LimitsMemory.prepare(memory, Date.now(), crypto.getRandomValues(new Int32Array(2))))
    attach = () => new LimitsMemory(map(), capacity)
  } catch (error) {
    startup.note('crit', 'limits', `${errnoPrefix(error)}SY00196: Cannot share ${bytes} bytes of memory for LimitsTableSize ${capacity}`)
    return 500
  }
  return OK
}

/** Where this thread stands in the scoreboard, and who else does. */
function ownerHere(): { seat: number; tid: number; isAlive: IsAlive } {
  const { board, slot, thread, traits } = running()
  const rows = board.threadLimit + 1
  const row = traits.threads === 'none' ? 0 : thread
  return {
    seat: slot * rows + row + 2,
    tid: board.worker(slot, row).tid,
    isAlive: ({ seat, tid }) => board.worker(Math.floor((seat - 1) / rows), (seat - 1) % rows - 1).tid === tid,
  }
}

/** For this thread; the one that shows figures may not have served a request that has limits. */
function samples(): ReturnType<ModuleMetric['samples']> {
  const memory = (mapped ??= attach?.())
  return memory === undefined ? [] : COUNTERS.map((event) => [{ event: WORDS[event] }, memory.counted(event)])
}

function begin(r: Request): Limits | null {
  if (attach === undefined) return null
  try {
    const memory = (mapped ??= attach())
    const { seat, tid, isAlive } = ownerHere()
    return { memory, holds: new Holds(memory, { seat, tid }, isAlive) }
  } catch (error) {
    // A server that answers everybody is better than one that answers nobody.
    r.log('crit', 'limits', 'SY00197: Cannot map the memory of limits: this thread has none', error)
    return null
  }
}

/** header_parser: after what is set there for conditions and keys. */
function limit(r: Request): Answer<Status> {
  if (here === undefined) here = begin(r)
  return here === null ? DECLINED : judge(r, r.dir(limits), here)
}

const hasLimits = (settings: Configured): boolean => {
  const { rates, connections } = settings.dir(limits)
  return rates.length > 0 || connections.length > 0
}

export const module = {
  name: 'limits_module',
  file: 'mod_limits.c',
  settings: [limits, limitsServer],
  directives: [
    limits.directive('RequestRateLimit', [each(word)], sayRate, RSRC_AND_ACCESS,
      'How fast requests of a client may come: RATE [burst=N] [delay[=N]] [key=EXPR] [zone=NAME] [ipv6prefix=BITS], or Off'),
    limits.directive('ConnectionLimit', [each(word)], sayConnections, RSRC_AND_ACCESS,
      'How many requests of a client may be under way at once: N [key=EXPR] [zone=NAME] [ipv6prefix=BITS], or Off'),
    limits.directive('LimitsStatus', [status], 'status', RSRC_AND_ACCESS, 'Status of what is refused, from 400 to 599'),
    limits.directive('LimitsDryRun', [flag], 'dryRun', RSRC_AND_ACCESS, 'Whether limits only count and log'),
    limits.directive('LimitsExempt', [each(word)], sayExempt, RSRC_AND_ACCESS, 'Addresses and networks that have no limits'),
    limitsServer.directive('LimitsTableSize', [capacity], 'capacity', GLOBAL_ONLY,
      'How many clients are remembered: a power of two, others are made one'),
  ],
  register({ postConfig, headerParser }, on) {
    on(postConfig, open)
    on(headerParser, limit, { quick: true, order: Order.last, when: hasLimits })
    registerMetric({
      name: 'httpd_limits_total', type: 'counter', help: 'What came of limits: requests by what was done with them, and keys forgotten for want of room.',
      samples,
    })
  },
} satisfies Module
