/*
 * The state of the server at one moment: read once from the scoreboard (and, where somebody wants to know, from /proc),
 * so that all that a page shows fits together. From here on everything is a function of this object.
 */
import type { FinishReason, Running, SlotRow, WorkerRow } from 'httpd'
import type { CpuTimes, MemoryUse, ProcessFacts } from './proc.ts'

/** The request that a worker has, or had last. Texts are as they came from the client: one character per byte. */
export interface RequestView {
  readonly client: string
  readonly protocol: string
  /** `name:port` */
  readonly vhost: string
  /** The request line, cut to 63 bytes, passwords masked. */
  readonly line: string
}

/** One worker. Times are ms since the epoch, durations ms; 0: never. */
export interface WorkerView {
  /** -1: the main thread of a child where that answers requests by itself (event's listener): it is no worker. */
  readonly thread: number
  /** As it is counted and shown; see `letterOf`. */
  readonly letter: Letter
  readonly pid: number
  readonly generation: number
  readonly accesses: number
  readonly bytes: number
  readonly duration: number
  readonly myAccesses: number
  readonly myBytes: number
  readonly connAccesses: number
  readonly connBytes: number
  readonly startTime: number
  readonly lastDuration: number
  /** Seconds, if known. */
  readonly cpu: number | undefined
  /** Only with ExtendedStatus, and where it was asked for. */
  readonly request: RequestView | undefined
}

export type Letter = '_' | 'S' | 'R' | 'W' | 'K' | 'D' | 'C' | 'L' | 'G' | 'I' | '.'

/** The letters by the numbers of SeatStatus. */
const LETTERS: readonly Letter[] = ['.', 'S', '_', 'R', 'W', 'K', 'L', 'D', 'C', 'G', 'I']

/** What each letter stands for, in Apache's order. */
export const LETTER_TEXTS: Readonly<Record<Letter, string>> = {
  '_': 'Waiting for Connection', 'S': 'Starting up', 'R': 'Reading Request', 'W': 'Sending Reply',
  'K': 'Keepalive (read)', 'D': 'DNS Lookup', 'C': 'Closing connection', 'L': 'Logging', 'G': 'Gracefully finishing',
  'I': 'Idle cleanup of worker', '.': 'Open slot with no current process',
}

const BUSY = new Set<Letter>(['R', 'W', 'K', 'D', 'C', 'L'])

export const isBusy = (letter: Letter): boolean => BUSY.has(letter)

/**
 * What a worker of a child that is to finish does is of no matter: it is at work for the last time (G), or nothing
 * comes to it any more (I). So the letters of a scoreboard always add up to the numbers of workers.
 */
export function letterOf(status: number, stopping: boolean): Letter {
  const letter = LETTERS[status] ?? '.'
  if (!stopping) return letter
  return isBusy(letter) ? 'G' : letter === '_' ? 'I' : letter
}

/** Connections of one child by what they wait for; `total` has those that somebody is at work for, too. */
export interface Connections {
  readonly total: number
  readonly waitIo: number
  readonly writing: number
  readonly keepAlive: number
  readonly closing: number
  readonly suspended: number
}

export interface Workers {
  readonly busy: number
  readonly graceful: number
  readonly idle: number
  readonly starting: number
}

/** A place for a child. Those that have none now keep what was counted in them. */
export interface SlotView {
  readonly slot: number
  /** Without the listener. */
  readonly workers: readonly WorkerView[]
  /** Only where the main thread answers requests by itself. */
  readonly listener: WorkerView | undefined
  readonly child: ChildView | undefined
}

export interface ChildView {
  readonly slot: number
  readonly pid: number
  readonly generation: number
  readonly startTime: number
  /** It answers what is under way, and nothing else. */
  readonly stopping: boolean
  /** 0 if it was not told to finish. */
  readonly finishTime: number
  readonly reason: FinishReason
  readonly accepting: boolean
  readonly connections: Connections
  readonly threads: Workers
  readonly cpu: CpuTimes | undefined
  readonly memory: MemoryUse | undefined
}

export interface Snapshot {
  readonly name: string
  readonly localIp: string
  readonly description: string
  readonly mpm: string
  readonly async: boolean
  readonly threaded: boolean
  readonly built: string
  readonly extended: boolean
  /** ms since the epoch. */
  readonly now: number
  readonly startTime: number
  readonly restartTime: number
  readonly configGeneration: number
  readonly generation: number
  readonly restarts: number
  readonly gracefulRestarts: number
  readonly crashes: number
  /** Load averages of 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number] | undefined
  readonly maxServers: number
  readonly threadsPerChild: number
  /** Of all processes of the server, the control process included. */
  readonly cpu: CpuTimes
  readonly control: { readonly pid: number; readonly memory: MemoryUse | undefined }
  /** Of all workers that there have ever been; duration in ms (only counted with ExtendedStatus). */
  readonly totals: { readonly accesses: number; readonly bytes: number; readonly duration: number }
  /** All that have ever been used, by number. */
  readonly slots: readonly SlotView[]
  readonly children: readonly ChildView[]
  readonly threads: Workers
  readonly connections: Connections
}

/** What is not on the scoreboard. */
export interface Surroundings {
  readonly name: string
  readonly localIp: string
  /** ms since the epoch. */
  readonly now: number
  readonly load: readonly [number, number, number] | undefined
  readonly facts: ProcessFacts
}

/** How much is wanted of what is costly to know. */
export interface Depth {
  /** Each worker's request, and its CPU time. */
  readonly requests: boolean
  readonly memory: boolean
}

export function takeSnapshot(running: Running, around: Surroundings, depth: Depth): Snapshot {
  const { board, traits, population } = running
  const { facts } = around
  const slots = Array.from({ length: board.global('slotsUsed') }, (_, slot) => slotView(running, slot, facts, depth))
  const children = slots.flatMap(({ child }) => child ?? [])
  const control = board.global('controlPid')
  return {
    name: around.name, localIp: around.localIp, now: around.now, load: around.load,
    description: running.description, built: running.built, mpm: traits.name, async: traits.async,
    threaded: traits.threads !== 'none', extended: running.extended,
    startTime: board.startTime, restartTime: board.restartTime,
    configGeneration: board.global('configGeneration'), generation: board.generation,
    restarts: board.global('restarts'), gracefulRestarts: board.global('gracefulRestarts'),
    crashes: board.global('crashes'),
    maxServers: population.maxServers, threadsPerChild: population.threadsPerChild,
    cpu: cpuOf(control, children.map(({ pid }) => pid), facts),
    control: { pid: control, memory: depth.memory ? facts.memory(control) : undefined },
    totals: totalsOf(slots), slots, children,
    threads: sum(children.map(({ threads }) => threads), { busy: 0, graceful: 0, idle: 0, starting: 0 }),
    connections: sum(children.map(({ connections }) => connections),
      { total: 0, waitIo: 0, writing: 0, keepAlive: 0, closing: 0, suspended: 0 }),
  }
}

function slotView(running: Running, slot: number, facts: ProcessFacts, depth: Depth): SlotView {
  const { board, traits } = running
  const row = board.slot(slot)
  const { pid } = row
  const stopping = row.finishTime !== 0 || board.process(slot).get('quiescing') !== 0
  const requests = depth.requests && running.extended
  const view = (thread: number) =>
    workerView(board.worker(slot, thread), thread, stopping, requests ? facts : undefined)
  const workers = Array.from({ length: board.global('threadsUsed') }, (_, thread) => view(thread))
  return {
    slot, workers, listener: traits.async ? view(-1) : undefined,
    child: pid === 0 ? undefined : childView(running, slot, row, stopping, workers, facts, depth),
  }
}

/** @param facts only where the request and the CPU time are wanted */
function workerView(row: WorkerRow, thread: number, stopping: boolean, facts: ProcessFacts | undefined): WorkerView {
  const { status, pid } = row
  return {
    thread, pid, generation: row.generation, letter: letterOf(status, stopping),
    accesses: row.get('accesses'), bytes: row.get('bytes'), duration: row.get('duration'),
    myAccesses: row.get('myAccesses'), myBytes: row.get('myBytes'),
    connAccesses: row.get('connAccesses'), connBytes: row.get('connBytes'),
    startTime: row.get('startTime'), lastDuration: row.get('lastDuration'),
    cpu: facts === undefined || pid === 0 || row.tid === 0 ? undefined : facts.threadCpu(pid, row.tid),
    request: facts && {
      client: row.text('client'), protocol: row.text('protocol'), vhost: row.text('vhost'), line: row.text('request'),
    },
  }
}

function childView(
  { board, traits }: Running, slot: number, row: SlotRow, stopping: boolean, workers: readonly WorkerView[],
  facts: ProcessFacts, depth: Depth,
): ChildView {
  const process = board.process(slot)
  const threads = countWorkers(workers)
  const serves = threads.idle > 0 || (traits.async && threads.busy > 0)
  return {
    slot, pid: row.pid, generation: row.generation, startTime: row.startTime,
    stopping, finishTime: row.finishTime, reason: row.reason, threads,
    accepting: serves && !stopping && process.get('notAccepting') === 0,
    connections: {
      total: process.get('connections'), waitIo: process.get('waitIo'), writing: process.get('writing'),
      keepAlive: process.get('keepAlive'), closing: process.get('closing'), suspended: process.get('suspended'),
    },
    cpu: facts.cpu(row.pid), memory: depth.memory ? facts.memory(row.pid) : undefined,
  }
}

function countWorkers(workers: readonly WorkerView[]): Workers {
  const counts = { busy: 0, graceful: 0, idle: 0, starting: 0 }
  for (const { letter } of workers) {
    if (isBusy(letter)) counts.busy++
    else if (letter === 'G') counts.graceful++
    else if (letter === '_') counts.idle++
    else if (letter === 'S') counts.starting++
  }
  return counts
}

function totalsOf(slots: readonly SlotView[]): Snapshot['totals'] {
  let accesses = 0, bytes = 0, duration = 0
  const add = (worker: WorkerView): void => {
    accesses += worker.accesses
    bytes += worker.bytes
    duration += worker.duration
  }
  for (const { workers, listener } of slots) {
    workers.forEach(add)
    if (listener !== undefined) add(listener)
  }
  return { accesses, bytes, duration }
}

type Numbers<T> = { readonly [K in keyof T]: number }

/** Adds up objects of numbers. */
function sum<T extends object>(all: readonly T[], zero: { [K in keyof T]: number }): Numbers<T> {
  const total = { ...zero }
  for (const one of all) for (const key of Object.keys(zero) as (keyof T)[]) total[key] += one[key] as number
  return total
}

/** How often it is tried to read all processes without one of them ending meanwhile. */
const TRIES = 3

/**
 * CPU time of all processes of the server. A child that ends leaves its own with the control process: if that happens
 * between two looks it would be missing, and a counter would go back.
 */
function cpuOf(control: number, children: readonly number[], facts: ProcessFacts): CpuTimes {
  const zero: CpuTimes = { user: 0, system: 0, childrenUser: 0, childrenSystem: 0 }
  for (let again = TRIES; ; again--) {
    const before = facts.cpu(control)
    const all = [before, ...children.filter((pid) => pid !== control).map((pid) => facts.cpu(pid))]
    const after = facts.cpu(control)
    const same = before?.childrenUser === after?.childrenUser && before?.childrenSystem === after?.childrenSystem
    if (same || again === 1) return inTicks(sum(all.filter((times) => times !== undefined), zero))
  }
}

/** The kernel counts hundredths: what adding them up as fractions has brought in goes. */
const inTicks = ({ user, system, childrenUser, childrenSystem }: CpuTimes): CpuTimes => ({
  user: hundredths(user), system: hundredths(system),
  childrenUser: hundredths(childrenUser), childrenSystem: hundredths(childrenSystem),
})

export const hundredths = (seconds: number): number => Math.round(seconds * 100) / 100

/** A worker that answers requests: what a table of requests may have a row for. */
export interface Seen {
  readonly slot: number
  readonly worker: WorkerView
}

/** As Apache lists them: all that do or have done something; those that only wait, or are gone, if they ever did. */
export function seenWorkers({ slots }: Snapshot): Seen[] {
  const shown = ({ accesses, letter }: WorkerView): boolean => accesses !== 0 || !'_.I'.includes(letter)
  return slots.flatMap(({ slot, workers, listener }) => {
    const all = listener === undefined ? workers : [listener, ...workers]
    return all.filter(shown).map((worker) => ({ slot, worker }))
  })
}

/** undefined: a worker that may be started. */
export interface ScoreboardRow {
  readonly slot: number
  readonly workers: (WorkerView | undefined)[]
}

/**
 * The scoreboard by slots: one letter for each worker that may be, and for those beyond (children of an old generation
 * have slots above MaxRequestWorkers, or more threads) if they are.
 */
export function scoreboardRows({ slots, maxServers, threadsPerChild }: Snapshot): ScoreboardRow[] {
  const rows = slots.map(({ slot, workers }): ScoreboardRow => ({
    slot,
    workers: workers.filter(({ thread, letter }) =>
      (slot < maxServers && thread < threadsPerChild) || letter !== '.'),
  }))
  for (let slot = 0; slot < maxServers; slot++) {
    const row = (rows[slot] ??= { slot, workers: [] })
    while (row.workers.length < threadsPerChild) row.workers.push(undefined)
  }
  return rows.filter(({ workers }) => workers.length > 0)
}

/** The same as one string of letters. */
export const scoreboardText = (snapshot: Snapshot): string =>
  scoreboardRows(snapshot).map(({ workers }) => workers.map((worker) => worker?.letter ?? '.').join('')).join('')
