/* What becomes of one request: counted under every limit that holds for it, or under none. */
import { DECLINED, HANDOVER, type Answer, type Ending, type Request, type Status } from 'httpd'
import type { Holds } from './holds.ts'
import { giveBack, take } from './rate.ts'
import type { Rule } from './rules.ts'
import { limits } from './settings.ts'
import { hash, type Hashed, type LimitsMemory } from './table.ts'

/** What the sections say that hold for a request. */
export type Said = Readonly<typeof limits.defaults>

/** Where it is counted. */
export interface Limits {
  readonly memory: LimitsMemory
  readonly holds: Holds
}

/** Seconds between two lines for one client and limit. */
const LOG_EVERY = 60
/** Ms that a request may be made to wait; what would have to wait longer is refused. */
const LONGEST_DELAY = 60_000
/** Nobody knows when a request that is under way will be over. */
const RETRY_AFTER = 1

/** What a request is counted in: given back when it is over, or was nothing. */
class Charges implements Ending {
  readonly #limits: Limits
  #rows: number[] | undefined
  #entries: number[] | undefined

  constructor(limits: Limits) {
    this.#limits = limits
  }

  addRow(row: number): void {
    ;(this.#rows ??= []).push(row)
  }

  addEntry(entry: number): void {
    ;(this.#entries ??= []).push(entry)
  }

  over(anew: boolean): void {
    const { memory, holds } = this.#limits
    if (this.#rows !== undefined) for (const row of this.#rows) holds.release(row)
    if (anew && this.#entries !== undefined) for (const entry of this.#entries) giveBack(memory, entry)
    this.#rows = this.#entries = undefined
  }
}

/** header_parser */
export function judge(r: Request, said: Said, limits: Limits): Answer<Status> {
  // The page of an error that has been judged already.
  if (r.prev !== undefined && r.status >= 400) return DECLINED
  const { exempt } = said
  if (exempt.length > 0 && exempt.some((holds) => holds(r.clientIp))) return DECLINED
  const charges = new Charges(limits)
  const refused = connect(r, said, limits, charges)
  if (refused !== DECLINED) return refused
  return pace(r, said, limits, charges)
}

function connect(r: Request, said: Said, { memory, holds }: Limits, charges: Charges): Status {
  for (const rule of said.connections) {
    const key = keyFor(r, rule, memory)
    if (key === undefined || isJudged(r, rule)) continue
    const row = holds.hold(key, rule.most, r.requestTime)
    if (row >= 0) charges.addRow(row)
    if (row !== -1) continue
    const status = refuse(r, said, memory, { rule, directive: 'ConnectionLimit', entry: holds.found, seconds: RETRY_AFTER })
    if (status === DECLINED) continue
    memory.count('connectionsRefused')
    charges.over(true)
    return status
  }
  return DECLINED
}

function pace(r: Request, said: Said, limits: Limits, charges: Charges): Answer<Status> {
  const { memory } = limits
  let delay = 0
  for (const rule of said.rates) {
    const key = keyFor(r, rule, memory)
    if (key === undefined || isJudged(r, rule)) continue
    const { entry, admitted, early } = take(memory, key, rule, r.requestTime)
    if (entry < 0) continue
    if (admitted) charges.addEntry(entry)
    const wait = admitted ? (early - rule.delayAfter) * rule.interval : 0
    if (admitted && wait <= LONGEST_DELAY) {
      delay = Math.max(delay, wait)
      continue
    }
    const ms = admitted ? wait - LONGEST_DELAY : early * rule.interval
    const status = refuse(r, said, memory, { rule, directive: 'RequestRateLimit', entry, seconds: Math.max(1, Math.ceil(ms / 1000)) })
    if (status === DECLINED) continue
    memory.count('rateRefused')
    charges.over(true)
    return status
  }
  if (delay > 0) return wait(r, said, limits, delay, charges)
  keep(r, said, charges)
  return DECLINED
}

// On a thread that may block, what was counted as a request stays counted.
function keep(r: Request, { connections }: Said, charges: Charges): void {
  if (connections.length > 0 || !r.mayBlock) r.onEnd(charges)
}

/** Nobody is delayed on event's listener: the request would begin anew elsewhere, and wait once more. */
function wait(r: Request, said: Said, { memory }: Limits, delay: number, charges: Charges): Answer<Status> {
  if (said.dryRun) mark(r, 'DELAYED_DRY_RUN')
  else if (!r.mayBlock) {
    charges.over(true)
    return HANDOVER
  } else mark(r, 'DELAYED')
  keep(r, said, charges)
  if (said.dryRun) return DECLINED
  memory.count('delayed')
  return new Promise((resolve) => void setTimeout(resolve, delay, DECLINED))
}

/** Undefined: the limit does not count this request. */
function keyFor(r: Request, { key, client, id }: Rule, memory: LimitsMemory): Hashed | undefined {
  if (key === undefined) return hash(memory, id, client(r.clientIp))
  // It is known at once, see rules.ts; what cannot be evaluated has been logged, and is not counted.
  const text = key.resolve(r, 'limits', (value) => value, () => '') as string
  return text === '' ? undefined : hash(memory, id, text)
}

/** A request that another was redirected to is one with that: under each limit it counts once. */
function isJudged(r: Request, rule: Rule): boolean {
  for (let at = r.prev; at !== undefined; at = at.prev) {
    const { rates, connections } = at.dir(limits)
    if ((rates as readonly Rule[]).includes(rule) || (connections as readonly Rule[]).includes(rule)) return true
  }
  return false
}

interface Offence {
  readonly rule: Rule
  readonly directive: string
  readonly entry: number
  /** Until another try may do better. */
  readonly seconds: number
}

function refuse(r: Request, { dryRun, status }: Said, memory: LimitsMemory, { rule, directive, entry, seconds }: Offence): Status {
  const now = Math.floor(memory.since(r.requestTime) / 1000)
  if (memory.mayLog(entry, now, LOG_EVERY)) {
    r.log('warn', 'limits', `SY00195: request ${dryRun ? 'would be ' : ''}refused by ${directive} ${rule.text}; ` +
      `more of the same client are logged in ${LOG_EVERY} seconds at the earliest`)
  }
  mark(r, dryRun ? 'REFUSED_DRY_RUN' : 'REFUSED')
  if (dryRun) {
    memory.count('wouldRefuse')
    return DECLINED
  }
  r.errHeadersOut.set('Retry-After', String(seconds))
  return status
}

/** For logs and conditions; requests that pass have no variable. */
const mark = (r: Request, what: string): void => void r.env.set('LIMITS_STATUS', what)
