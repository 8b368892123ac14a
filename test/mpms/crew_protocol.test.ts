/*
 * How work comes to threads: first come first served, and no thread rests while work is queued. First as a model:
 * the real functions, one step of one thread at a time, in any order; then with real threads.
 */
import { build } from 'esbuild'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import fc from 'fast-check'
import { CrewQueue, NO_TICKET } from '../../mpms/shared/crew_queue.ts'
import { IdleThreads } from '../../mpms/shared/idle_threads.ts'

const SLOTS = 2

/** What a thread does next. `busy`: a handler runs, for as long as it likes. */
type Does = 'asleep' | 'rise' | 'reserve' | 'read' | 'pass' | 'busy' | 'rest' | 'look'

/** The crew's side of the protocol, cut into its steps. */
class Thread {
  does: Does = 'rest'
  bell = 0
  #ticket = 0
  readonly #number: number
  readonly #queue: CrewQueue
  readonly #idle: IdleThreads
  readonly #taken: number[]
  readonly #ring: (thread: number) => void

  constructor(number: number, queue: CrewQueue, idle: IdleThreads, taken: number[], ring: (thread: number) => void) {
    this.#number = number
    this.#queue = queue
    this.#idle = idle
    this.#taken = taken
    this.#ring = ring
  }

  get canStep(): boolean {
    return this.does !== 'asleep' || this.bell > 0
  }

  /** It will look at the queue before it sleeps or begins with what it has. */
  get onItsWay(): boolean {
    return this.does === 'asleep' ? this.bell > 0 : this.does !== 'busy' && this.does !== 'rest'
  }

  step(): void {
    this.does = this.#next()
  }

  #next(): Does {
    switch (this.does) {
      case 'asleep':
        this.bell--
        return 'rise'
      case 'rise':
        this.#idle.rise(this.#number, false)
        return 'reserve'
      case 'reserve':
        this.#ticket = this.#queue.reserve(this.#number)
        if (this.#ticket === NO_TICKET) return 'rest'
        this.#taken.push(this.#ticket)
        return 'read'
      case 'read':
        this.#queue.read(this.#number, this.#ticket, () => undefined, () => undefined)
        return 'pass'
      case 'pass':
        if (!this.#queue.empty) this.#ring(this.#idle.wake())
        return 'busy'
      case 'busy':
        return 'reserve'
      case 'rest':
        this.#idle.rest(this.#number, false)
        return 'look'
      case 'look':
        return this.#queue.empty ? 'asleep' : 'rise'
    }
  }
}

function model(threads: number, jobs: number) {
  const shape = { slots: SLOTS, threads }
  const queue = new CrewQueue(CrewQueue.memory(shape), shape)
  const idle = new IdleThreads(IdleThreads.memory(threads))
  const taken: number[] = []
  const ring = (thread: number): void => {
    if (thread >= 0) crew[thread]!.bell++
  }
  const crew = Array.from({ length: threads }, (_, n) => new Thread(n, queue, idle, taken, ring))
  let [sent, claimed] = [0, true]
  const produce = (): void => {
    if (!claimed) {
      ring(idle.wake())
      claimed = true
    } else if (queue.offer({ fd: sent, keepalives: 0, peer: { address: '', port: 0 }, unread: new Uint8Array(0) })) {
      sent++
      claimed = false
    }
  }
  const steps = () => [
    ...crew.filter((thread) => thread.canStep).map((thread) => () => thread.step()),
    ...(sent < jobs || !claimed ? [produce] : []),
  ]
  return {
    steps, taken,
    /** Where one sleeps undisturbed although work is queued, another is on its way, and will wake the next. */
    fair: () => !claimed || queue.empty || !crew.some(({ does, bell }) => does === 'asleep' && bell === 0) ||
      crew.some(({ onItsWay }) => onItsWay),
  }
}

t.test('whatever the order of the steps: first come first served, and nobody sleeps while work waits', (t) => {
  const property = fc.property(
    fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 }), fc.array(fc.nat(1000), { maxLength: 200 }),
    (threads, jobs, choices) => {
      const { steps, taken, fair } = model(threads, jobs)
      for (let n = 0; n < 2000; n++) {
        const can = steps()
        if (can.length === 0) break
        // Once the choices are used up, all go on in turn: whatever can be done is done.
        can[(choices[n] ?? n) % can.length]!()
        if (!fair()) return false
      }
      return steps().length === 0 && taken.length === jobs && taken.every((ticket, n) => ticket === n)
    })
  fc.assert(property, { numRuns: 100 })
  t.end()
})

t.test('threads that hold nothing are woken first, the lowest number first', (t) => {
  const idle = new IdleThreads(IdleThreads.memory(70))
  t.equal(idle.claim(), -1)
  for (const thread of [69, 31, 40]) idle.rest(thread, false)
  for (const thread of [3, 32]) idle.rest(thread, true)
  t.equal(idle.count, 5)
  idle.rise(40, false)
  t.equal(idle.count, 4)
  t.same([31, 69, 3, 32, -1].map(() => idle.claim()), [31, 69, 3, 32, -1])
  idle.rest(5, true)
  idle.forget(5)
  t.equal(idle.count, 0)
  t.end()
})

t.test('one thread at a time is on its way', (t) => {
  const idle = new IdleThreads(IdleThreads.memory(3))
  t.equal(idle.wake(), -1)
  for (const thread of [0, 1, 2]) idle.rest(thread, false)
  t.equal(idle.wake(), 0)
  t.equal(idle.wake(), -1)
  idle.rise(2, false)
  t.equal(idle.wake(), -1, 'one that rises by itself is not the one')
  idle.rise(0, false)
  t.equal(idle.wake(), 1)
  idle.forget(1)
  idle.rest(2, false)
  t.equal(idle.wake(), 2, 'nobody waits for a thread that is no more')
  t.end()
})

t.test('so it is with real threads', async (t) => {
  const [THREADS, JOBS] = [4, 5000]
  const directory = mkdtempSync(join(tmpdir(), 'httpd-crew-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const outfile = join(directory, 'crew_worker.mjs')
  await build({ entryPoints: ['test/support/crew_worker.ts'], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' })
  const shape = { slots: 16, threads: THREADS }
  const shared = {
    shape, queue: CrewQueue.memory(shape), idle: IdleThreads.memory(THREADS), jobs: JOBS,
    bells: new SharedArrayBuffer(4 * THREADS), taken: new SharedArrayBuffer(4 * JOBS), counts: new SharedArrayBuffer(16),
  }
  const workers = Array.from({ length: THREADS }, (_, number) => new Worker(outfile, { workerData: { ...shared, number } }))
  const ended = workers.map((worker) => new Promise<void>((done, failed) => worker.on('exit', () => done()).on('error', failed)))
  const queue = new CrewQueue(shared.queue, shape)
  const idle = new IdleThreads(shared.idle)
  const [bells, taken, counts] = [new Int32Array(shared.bells), new Int32Array(shared.taken), new Int32Array(shared.counts)]
  const end = performance.now() + 20_000
  const wake = (thread: number): void => {
    Atomics.add(bells, thread, 1)
    Atomics.notify(bells, thread)
  }
  for (let n = 0; n < JOBS && performance.now() < end;) {
    // Now and then the crew falls asleep before more comes.
    if (n % 500 === 0) Atomics.wait(counts, 3, 0, 2)
    if (!queue.offer({ fd: n, keepalives: 0, peer: { address: '', port: 0 }, unread: new Uint8Array(0) })) continue
    n++
    const thread = idle.wake()
    if (thread >= 0) wake(thread)
  }
  // Without another wake-up: what was rung for must do.
  while (Atomics.load(counts, 0) < JOBS && performance.now() < end) Atomics.wait(counts, 3, 0, 5)
  t.equal(Atomics.load(counts, 0), JOBS, 'all were taken')
  t.ok(taken.every((times) => times === 1), 'each once')
  t.equal(Atomics.load(counts, 1), 0, 'in order')
  Atomics.store(counts, 2, 1)
  for (let n = 0; n < THREADS; n++) wake(n)
  await Promise.all(ended)
})
