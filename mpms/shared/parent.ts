/**
 * The life of a control process that keeps a spare population: what prefork, worker and event have in common. One call
 * is one generation.
 *
 *   tick       a quiet second: idle workers are held between the Spare limits, overdue children are ended
 *   ready      the first one lets the old generation finish; a replacement lets the child finish that it replaces
 *   retiring   a child has served long enough: another is started at once
 *   ended      a crash is made good at once, unless it happens again and again
 */
import { SeatStatus, type Asked, type ChildHandle, type Site, type SiteEvent } from 'httpd'
import {
  BUSY_RATE, FIRST_PACE, MAX_RATE, RESTARTED_PACE, tend, type Condition, type Counted, type Pace, type Style,
} from './population.ts'

/** Texts with their numbers, which differ from MPM to MPM. */
export interface ParentTexts {
  readonly style: Style
  readonly conditions: Readonly<Record<Condition, string>>
  readonly busy: (children: number, idle: number, active: number, finishing: number) => string
  /** `children are killed successively!`; absent: a crash waits for the next quiet second. */
  readonly successive?: string
}

/** Texts that several MPMs have, each under a number of its own. */
export const REACHED = 'server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting'
export const WITHIN = 'server is within MinSpareThreads of MaxRequestWorkers, consider raising the MaxRequestWorkers setting'
export const SUCCESSIVE = 'children are killed successively!'

/** Conditions said each time they are met; others once in the life of the control process. */
const EACH_TIME: readonly Condition[] = ['noSlots']
/** After so many crashes in a row without a quiet second, no replacement is started at once. */
const CRASHES_IN_A_ROW = 3
/** A new generation that does not serve after this long (ms) is worth a line. */
const SLOW_START = 5000
/** After so many children in a row that ended before they served, starting another waits. */
const FAILURES_IN_A_ROW = 3
/** A child that dies sooner than this (ms) after its start. */
const YOUNG = 5000
/** Failures that are so long ago (ms) do not count. */
const FORGET_FAILURES = 70_000
/** Signals that say more of who sent them than of the child. */
const FROM_OUTSIDE: readonly (string | null)[] = ['SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGUSR1']
/** It waits a second at first, and this long (ms) at most. */
const LONGEST_PAUSE = 32_000
const SECOND = 1000
/** A second without the end of a child, by clocks that are not read at the same moment (ms). */
const QUIET = 900
/** After the system refused to make a process, none is asked for during this time (ms). */
const FORK_FAILED_PAUSE = 10_000
/** APEXIT_CHILDSICK: something was lacking, perhaps for a while. */
const SICK = 7

export async function keepPopulation(site: Site, texts: ParentTexts): Promise<Asked> {
  const parent = new Parent(site, texts)
  parent.begin()
  parent.takeOver()
  for (;;) {
    const event = await site.next()
    if (event.kind === 'asked') return event.asked
    if (event.kind === 'ended') parent.ended(event)
    else if (event.kind === 'tick') parent.tick()
    else if (event.kind === 'ready') parent.ready(event.child)
    else parent.retiring(event.child)
    parent.takeOver()
  }
}

class Parent {
  readonly #site: Site
  readonly #texts: ParentTexts
  readonly #begun: number
  /** By set of listening sockets. */
  readonly #paces: Pace[]
  #crashes = 0
  #lastEnd = -Infinity
  #lastFailure = -Infinity
  readonly #started = new WeakMap<ChildHandle, number>()
  /** Children in a row that ended before they served; nothing is started before this moment. */
  #failures = 0
  #notBefore = 0
  /** Children of StartServers for which there was no free slot yet. */
  #owed = 0
  #old: ChildHandle[]
  #saidSlow = false
  /** With no free slot, old children make room one by one: the one that was told to finish. */
  #leaving: ChildHandle | undefined
  /** Children that serve until another has taken their place, by the one that is to do so. */
  readonly #replacing = new Map<ChildHandle, ChildHandle>()

  constructor(site: Site, texts: ParentTexts) {
    this.#site = site
    this.#texts = texts
    this.#begun = site.now()
    this.#old = [...site.children.values()].filter((child) => child.generation !== site.generation && !child.finishing)
    const first = this.#old.length > 0 ? RESTARTED_PACE : FIRST_PACE
    this.#paces = Array.from({ length: site.population.buckets }, () => first)
  }

  begin(): void {
    this.#dropUnserved()
    // Called again for the same generation, it goes on with what there is.
    if (this.#mine().length === 0) this.#owe()
    this.#startOwed()
  }

  // Children of a generation that is over before it served would only be in the way of those that serve.
  #dropUnserved(): void {
    const served = new Set(this.#old.filter((child) => child.ready).map(({ generation }) => generation))
    if (served.size === 0) return
    for (const child of this.#old) if (!served.has(child.generation)) child.finish('graceful restart')
    this.#old = this.#old.filter((child) => served.has(child.generation))
  }

  #owe(): void {
    const { startServers, maxServers, buckets } = this.#site.population
    this.#owed = Math.max(0, Math.max(buckets, Math.min(startServers, maxServers)) - this.#mine().filter(({ finishing }) => !finishing).length)
  }

  // A new generation takes over before the old one stops: no moment without a listener.
  takeOver(): void {
    if (this.#old.length === 0) return
    const served = new Set(this.#active().filter((child) => child.ready).map(({ bucket }) => bucket))
    // Each set of sockets has somebody to answer it at any moment.
    for (const child of this.#old) if (served.has(child.bucket)) child.finish('graceful restart')
    this.#old = this.#old.filter((child) => !served.has(child.bucket))
    if (this.#old.length === 0) return
    if (this.#leaving === undefined && this.#freeSlot() === undefined) {
      const [first] = this.#old.toSorted((a, b) => Number(a.ready) - Number(b.ready))
      this.#old = this.#old.filter((child) => child !== first)
      this.#leaving = first
      first?.finish('graceful restart')
    } else if (!this.#saidSlow && this.#site.now() - this.#begun > SLOW_START) {
      this.#saidSlow = true
      this.#site.log('warn', `SY00062: no child of the new configuration serves after ${SLOW_START / SECOND} s: the old ones serve until one does`)
    }
  }

  tick(): void {
    const now = this.#site.now()
    if (now - this.#lastEnd >= QUIET) this.#crashes = 0
    if (now - this.#lastFailure > FORGET_FAILURES) this.#failures = 0
    this.#startOwed()
    this.#startReplacements()
    this.#maintain()
  }

  ready(child: ChildHandle): void {
    const replaced = this.#replacing.get(child)
    if (replaced !== undefined) leave(replaced)
    this.#replacing.delete(child)
  }

  retiring(child: ChildHandle): void {
    if (child.generation !== this.#site.generation) {
      // One that still serves for a generation which does not is told to finish when that one does.
      if (!this.#old.includes(child)) child.finish('graceful restart')
    } else if (!child.finishing) this.#replace(child)
    // It accepts nothing more: if the others are too few, this is no time to wait for the next second.
    else if (this.#count(child.bucket).idle < this.#share().minSpare) this.#start(1, child.bucket)
  }

  ended({ child, code, signal }: Extract<SiteEvent, { kind: 'ended' }>): void {
    this.#old = this.#old.filter((old) => old !== child)
    if (this.#leaving === child) this.#leaving = undefined
    this.#replacing.delete(child)
    for (const [other, replaced] of this.#replacing) if (replaced === child) this.#replacing.delete(other)
    this.#lastEnd = this.#site.now()
    this.#tell(child, 'stopped')
    this.#startOwed()
    if (child.generation !== this.#site.generation || child.finishing) return
    const fault = code !== 0 || signal !== null
    const young = this.#site.now() - (this.#started.get(child) ?? -Infinity) < YOUNG
    if (child.pid < 0) this.#notBefore = this.#site.now() + FORK_FAILED_PAUSE
    else if (!child.ready || code === SICK) {
      this.#owe()
      this.#slowDown()
    } else if (fault) {
      // Who dies soon after its start, of its own doing, will do so again.
      if (young && !FROM_OUTSIDE.includes(signal)) this.#slowDown()
      this.#crashed(child.bucket)
    }
  }

  // Worth another try in a second, but not for ever at full speed.
  #slowDown(): void {
    this.#paces.fill(FIRST_PACE)
    this.#lastFailure = this.#site.now()
    if (++this.#failures < FAILURES_IN_A_ROW) return
    const pause = Math.min(SECOND * 2 ** (this.#failures - FAILURES_IN_A_ROW), LONGEST_PAUSE)
    this.#notBefore = this.#site.now() + pause
    this.#site.log('error', `SY00063: ${this.#failures} children in a row ended before they served, or soon after: the next one is started in ${pause / SECOND} s`)
  }

  #crashed(bucket: number): void {
    const { successive } = this.#texts
    if (successive === undefined) return
    if (++this.#crashes < CRASHES_IN_A_ROW) this.#start(1, bucket)
    else if (this.#crashes % 10 === CRASHES_IN_A_ROW) this.#site.log('warn', successive)
  }

  /** Holds the number of idle workers between the Spare limits. */
  #maintain(): void {
    for (let bucket = 0; bucket < this.#paces.length; bucket++) this.#maintainBucket(bucket)
  }

  #maintainBucket(bucket: number): void {
    const now = this.#count(bucket)
    const maxRate = Math.max(1, Math.floor(MAX_RATE / this.#paces.length))
    const { rate } = this.#paces[bucket]!
    const plan = tend(this.#texts.style, now, this.#share(), this.#paces[bucket]!, maxRate)
    // Nothing is saved up while nothing may be started.
    this.#paces[bucket] = this.#site.now() < this.#notBefore ? { ...plan.pace, rate: 1 } : plan.pace
    // While an old generation still serves, workers are missing because of that.
    if (plan.condition !== undefined && this.#old.length === 0) this.#say(plan.condition)
    if (plan.start > 0 && rate >= BUSY_RATE)
      this.#site.log('info', this.#texts.busy(plan.start, now.idle, now.active, now.total - now.active))
    this.#start(plan.start, bucket)
    if (plan.stop > 0) this.#mostIdle(bucket)?.finish('more idle workers than wanted')
  }

  #say(condition: Condition): void {
    const text = this.#texts.conditions[condition]
    if (!EACH_TIME.includes(condition)) {
      if (this.#site.said.has(text)) return
      this.#site.said.add(text)
    }
    this.#site.log('error', text)
  }

  #startOwed(): void {
    while (this.#owed > 0 && this.#start(1, this.#emptiestBucket()) > 0) this.#owed--
  }

  #replace(child: ChildHandle): void {
    const other = this.#startOne(child.bucket)
    if (other !== undefined) this.#replacing.set(other, child)
    // Where nothing may be started for a while, it serves on; where there is no room at all, it makes room.
    else if (this.#freeSlot() === undefined) leave(child)
  }

  // A replacement that ended before it served is made good.
  #startReplacements(): void {
    const replaced = new Set(this.#replacing.values())
    for (const child of this.#mine()) if (isRetiring(child) && !replaced.has(child)) this.#replace(child)
  }

  #start(howMany: number, bucket: number): number {
    let started = 0
    while (started < howMany && this.#startOne(bucket) !== undefined) started++
    return started
  }

  #startOne(bucket: number): ChildHandle | undefined {
    const slot = this.#site.now() < this.#notBefore ? undefined : this.#freeSlot()
    if (slot === undefined) return undefined
    const child = this.#site.start(slot, bucket)
    this.#started.set(child, this.#site.now())
    this.#tell(child, 'started')
    return child
  }

  // Only event has words for it.
  #tell(child: ChildHandle, what: 'started' | 'stopped'): void {
    if (this.#texts.style !== 'event') return
    const { board, children, population } = this.#site
    const total = `${children.size}/${Math.max(0, ...children.keys()) + 1}/${board.serverLimit}`
    const quiescing = what === 'stopped' ? `, quiescing ${child.finishing ? 1 : 0}` : ''
    this.#site.log('debug', `Child ${child.slot} ${what}: pid ${child.pid}, gen ${child.generation}, active ${this.#active().length}/${population.maxServers}, total ${total}${quiescing}`)
  }

  #mine(): ChildHandle[] {
    return [...this.#site.children.values()].filter((child) => child.generation === this.#site.generation)
  }

  /** Children of this generation that nobody has told to finish and that nobody is to replace. */
  #active(): ChildHandle[] {
    return this.#mine().filter((child) => !child.finishing && child.retiring === undefined)
  }

  #freeSlot(): number | undefined {
    const { board, children } = this.#site
    for (let slot = 0; slot < board.slots; slot++) if (!children.has(slot)) return slot
    return undefined
  }

  #emptiestBucket(): number {
    const counts = this.#paces.map(() => 0)
    for (const { bucket } of this.#active()) counts[bucket]!++
    return counts.indexOf(Math.min(...counts))
  }

  // MinSpare… and MaxSpare… are for all sets of sockets together.
  #share() {
    const { minSpare, maxSpare, maxServers, threadsPerChild, buckets } = this.#site.population
    return { minSpare: minSpare / buckets, maxSpare: maxSpare / buckets, maxServers, threadsPerChild }
  }

  #count(bucket: number): Counted {
    const active = this.#active()
    const idle = active.filter((child) => child.bucket === bucket).reduce((sum, child) => sum + this.#idleOf(child), 0)
    const activeWorkers = active.reduce((sum, child) => sum + this.#workersOf(child, SeatStatus.ready), 0)
    return { idle, activeWorkers, active: active.length, total: this.#site.children.size, slots: this.#site.board.slots }
  }

  // A child that accepts nothing at the moment has no worker to offer.
  #idleOf(child: ChildHandle): number {
    if (this.#site.board.process(child.slot).get('notAccepting') === 1) return 0
    return this.#workersOf(child, SeatStatus.starting) - this.#workersOf(child, SeatStatus.read)
  }

  /** Workers whose state is this one or one that comes after it. */
  #workersOf(child: ChildHandle, from: number): number {
    const { board, population } = this.#site
    let count = 0
    for (let thread = 0; thread < population.threadsPerChild; thread++)
      if (board.worker(child.slot, thread).status >= from) count++
    return count
  }

  #mostIdle(bucket: number): ChildHandle | undefined {
    return this.#active().filter((child) => child.ready && child.bucket === bucket)
      .toSorted((a, b) => this.#idleOf(b) - this.#idleOf(a))[0]
  }
}

const isRetiring = (child: ChildHandle): boolean => child.retiring !== undefined && !child.finishing
const leave = (child: ChildHandle): void => child.finish(child.retiring ?? 'stop')
