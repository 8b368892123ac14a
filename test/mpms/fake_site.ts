/* A site made by hand for a control process's life: no process, no clock. Its story is told step by step. */
import type { Asked, ChildHandle, Population, Site, SiteEvent } from '../../core/server/mpm.ts'
import { Scoreboard, Status, type FinishReason } from '../../core/server/scoreboard.ts'
import { keepPopulation, type ParentTexts } from '../../mpms/shared/parent.ts'

export const POPULATION: Population = {
  startServers: 2, serverLimit: 4, threadLimit: 2, threadsPerChild: 2, maxServers: 4, minSpare: 2, maxSpare: 5, buckets: 1,
}
export const TEXTS: ParentTexts = {
  style: 'worker', successive: 'one crash after the other',
  conditions: { reached: 'all are busy', within: 'nearly all are busy', noSlots: 'no slots' },
  busy: (children, idle, active, finishing) => `busy: ${children} more, ${idle} idle, ${active} active, ${finishing} finishing`,
}

export class FakeChild implements ChildHandle {
  readonly pid: number
  readonly slot: number
  readonly generation: number
  readonly bucket: number
  ready = false
  retiring: FinishReason | undefined
  finishing = false

  constructor(slot: number, generation: number, pid: number, bucket: number) {
    this.bucket = bucket
    this.slot = slot
    this.generation = generation
    this.pid = pid
  }

  finish(): void {
    this.finishing = true
  }

  kill(): void { /* not in these stories */ }
}

/** A site whose story is told step by step; each step sees what the one before has led to. */
export class FakeSite implements Site {
  readonly server = undefined as never
  readonly children = new Map<number, FakeChild>()
  readonly logged: string[] = []
  texts = TEXTS
  clock = 0
  readonly board: Scoreboard
  readonly generation: number
  readonly population: Population
  readonly #steps: (() => SiteEvent)[] = []
  #pids = 100

  constructor(generation = 0, population: Population = POPULATION) {
    this.generation = generation
    this.population = population
    const { serverLimit, threadLimit } = population
    this.board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(serverLimit, threadLimit)), serverLimit, threadLimit)
  }

  readonly said = new Set<string>()
  now = (): number => this.clock
  start = (slot: number, bucket: number): FakeChild => this.startOf(slot, this.generation, bucket)
  startOf(slot: number, generation: number, bucket = 0): FakeChild {
    const child = new FakeChild(slot, generation, ++this.#pids, bucket)
    this.children.set(slot, child)
    this.board.use(slot, this.population.threadsPerChild)
    for (let thread = 0; thread < this.population.threadsPerChild; thread++) this.board.worker(slot, thread).status = Status.starting
    return child
  }
  next = (): Promise<SiteEvent> => Promise.resolve(this.#steps.shift()?.() ?? { kind: 'asked', asked: 'stop' })
  log = (_level: string, text: string) => void this.logged.push(text)

  tell(step: () => SiteEvent): this {
    this.#steps.push(step)
    return this
  }

  serve(slot: number, ...statuses: number[]): SiteEvent {
    const child = this.children.get(slot)!
    child.ready = true
    statuses.forEach((status, thread) => { this.board.worker(slot, thread).status = status })
    return { kind: 'ready', child }
  }

  /** A child that has finished is gone. */
  goes(slot: number): void {
    this.children.delete(slot)
    this.board.clear(slot)
  }

  end(slot: number, code: number | null = 0, signal: string | null = null): SiteEvent {
    const child = this.children.get(slot)!
    this.goes(slot)
    return { kind: 'ended', child, code, signal }
  }

  run(): Promise<Asked> {
    return keepPopulation(this, this.texts)
  }

  get mine(): FakeChild[] {
    return [...this.children.values()].filter((child) => child.generation === this.generation)
  }
}
