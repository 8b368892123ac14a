/**
 * The life of a control process that keeps a spare population: what prefork,
 * worker and event have in common. One call is one generation.
 */
import { SeatStatus, type Asked, type ChildHandle, type Site, type SiteEvent } from 'httpd'
import { tend } from './population.ts'

/** Texts with their numbers, which differ from MPM to MPM. */
export interface ParentTexts {
  /** `server reached MaxRequestWorkers setting, consider raising …` */
  readonly full: string
  readonly busy: (children: number, idle: number, total: number) => string
}

/** After so many crashes in a row without a quiet second, no replacement is started at once. */
const CRASHES_IN_A_ROW = 3
/** Old children are told to finish once a new one serves, or after this long (ms) in any case. */
const TAKEOVER_LIMIT = 5000

export async function keepPopulation(site: Site, texts: ParentTexts): Promise<Asked> {
  const parent = new Parent(site, texts)
  parent.begin()
  parent.takeOver()
  for (;;) {
    const event = await site.next()
    if (event.kind === 'asked') return event.asked
    if (event.kind === 'ended') parent.ended(event)
    else if (event.kind === 'tick') parent.tick()
    else if (event.kind === 'retiring') parent.maintain()
    parent.takeOver()
  }
}

class Parent {
  readonly #site: Site
  readonly #texts: ParentTexts
  readonly #begun = Date.now()
  #rate = 1
  #crashes = 0
  #saidFull = false
  /** Children of StartServers for which there was no free slot yet. */
  #owed = 0
  #old: ChildHandle[]
  /** With no free slot, old children make room one by one: the one that was told to finish. */
  #leaving: ChildHandle | undefined

  constructor(site: Site, texts: ParentTexts) {
    this.#site = site
    this.#texts = texts
    this.#old = [...site.children.values()].filter((child) => child.generation !== site.generation)
  }

  begin(): void {
    const { startServers, maxServers } = this.#site.population
    this.#owed = Math.max(1, Math.min(startServers, maxServers)) - this.#mine().length
    this.#startOwed()
  }

  // A new generation takes over before the old one stops: no moment without a listener.
  takeOver(): void {
    if (this.#old.length === 0) return
    if (this.#mine().some((child) => child.ready) || Date.now() - this.#begun > TAKEOVER_LIMIT) {
      for (const child of this.#old) child.finish('graceful restart')
      this.#old = []
    } else if (this.#leaving === undefined && this.#freeSlots(1).length === 0) {
      this.#leaving = this.#old.shift()
      this.#leaving?.finish('graceful restart')
    }
  }

  #startOwed(): void {
    const before = this.#mine().length
    this.#start(this.#owed)
    this.#owed -= this.#mine().length - before
  }

  tick(): void {
    this.#crashes = 0
    this.#startOwed()
    this.maintain()
  }

  /** Holds the number of idle workers between the Spare limits. */
  maintain(): void {
    const now = this.#count()
    const plan = tend(now, this.#site.population, this.#rate)
    if (plan.start >= 8) this.#site.log('info', this.#texts.busy(plan.start, now.idle, now.total))
    this.#rate = plan.rate
    // Slots that an old generation still has are no reason to ask for more of them.
    if (plan.full && now.total >= this.#site.population.maxServers && !this.#saidFull) {
      this.#saidFull = true
      this.#site.log('error', this.#texts.full)
    }
    this.#start(plan.start)
    if (plan.stop > 0) this.#mostIdle()?.finish('more idle workers than wanted')
  }

  ended({ child, code, signal }: Extract<SiteEvent, { kind: 'ended' }>): void {
    this.#old = this.#old.filter((old) => old !== child)
    if (this.#leaving === child) this.#leaving = undefined
    this.#startOwed()
    if (child.generation !== this.#site.generation) return
    if (code === 0 && signal === null) {
      if (!child.finishing) this.maintain()
      return
    }
    if (++this.#crashes < CRASHES_IN_A_ROW) this.#start(1)
    else if (this.#crashes % 10 === CRASHES_IN_A_ROW) this.#site.log('warn', 'children are killed successively!')
  }

  #start(howMany: number): void {
    for (const slot of this.#freeSlots(howMany)) this.#site.start(slot, 0)
  }

  #mine(): ChildHandle[] {
    return [...this.#site.children.values()].filter((child) => child.generation === this.#site.generation)
  }

  #freeSlots(howMany: number): number[] {
    const slots: number[] = []
    for (let slot = 0; slot < this.#site.board.slots && slots.length < howMany; slot++)
      if (!this.#site.children.has(slot)) slots.push(slot)
    return slots
  }

  #idleOf(child: ChildHandle): number {
    const { board, population } = this.#site
    if (!child.ready) return population.threadsPerChild
    // event: its threads rest, but no new connection gets to them.
    if (board.process(child.slot).get('notAccepting') !== 0) return 0
    let idle = 0
    for (let thread = 0; thread < population.threadsPerChild; thread++) {
      const { status } = board.worker(child.slot, thread)
      if (status === SeatStatus.ready || status === SeatStatus.starting) idle++
    }
    return idle
  }

  #count() {
    const mine = this.#mine().filter((child) => this.#site.board.process(child.slot).get('quiescing') === 0)
    const idle = mine.reduce((sum, child) => sum + this.#idleOf(child), 0)
    return { idle, total: mine.length, free: this.#site.board.serverLimit - this.#site.children.size }
  }

  #mostIdle(): ChildHandle | undefined {
    return this.#mine().filter((child) => child.ready && this.#site.board.process(child.slot).get('quiescing') === 0)
      .toSorted((a, b) => this.#idleOf(b) - this.#idleOf(a))[0]
  }
}
