/**
 * event: processes with threads, where a connection that waits holds no thread.
 * Each child's listener accepts, waits for all idle connections, and answers
 * by itself what cannot block; a request that may block goes to a thread of the
 * crew, which serves until the connection would idle and then gives it back by
 * putting its descriptor into the listener's poller again.
 *
 *   accept ─► listener ──(may block)──► queue ─► a thread of the crew
 *                 ▲                                   │
 *                 └────── descriptor armed again ◄────┘
 */
import {
  ConfigError, GLOBAL_ONLY, OK, parsed, Ready, SeatStatus,
  type Bell, type Directive, type Endpoint, type Fd, type Mpm, type PollSet, type Seat,
} from 'httpd'
import { announce } from './shared/announce.ts'
import { checking, silent } from './shared/corrections.ts'
import { CrewQueue, type CrewShare } from './shared/crew_queue.ts'
import { Loop, type Berth } from './shared/loop.ts'
import { keepPopulation } from './shared/parent.ts'
import { mpmSettings } from './shared/settings.ts'
import { threadedDirectives, threadedPopulation, type ThreadedRules } from './shared/threaded.ts'

const rules: ThreadedRules = {
  maxThreadLimit: 100_000, async: true,
  serverLimit: { above: ['AH00497', 'AH00498'], below: ['AH00499', 'AH00500'], changed: 'AH00501' },
  threadLimit: { above: ['AH00502', 'AH00503'], below: ['AH00504', 'AH00505'], changed: 'AH00506' },
  threadsPerChild: { above: ['AH00507', 'AH00508'], below: ['AH00509', 'AH00510'] },
  tooFewWorkers: ['AH00511', 'AH00512'], notMultiple: ['AH00513', 'AH00514'], tooManyServers: ['AH00515', 'AH00516'],
  startServers: ['AH00517', 'AH00518'], minSpareThreads: ['AH00519', 'AH00520'],
}

const factor = parsed((text) => {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new ConfigError('error parsing value')
  if (value <= 0) throw new ConfigError('AsyncRequestWorkerFactor argument must be a positive number')
  return Math.max(1, Math.floor(value * 16)) / 16
})

const directives: readonly Directive[] = [
  ...threadedDirectives('AH00521'),
  mpmSettings.directive('AsyncRequestWorkerFactor', [factor], 'asyncRequestWorkerFactor', GLOBAL_ONLY,
    'How many additional connections a child accepts for each idle worker'),
]

/** How often (ms) the listener looks at what the crew has given back or closed; while finishing, too. */
const SWEEP = 1000
const SWEEP_FINISHING = 50
/** A word of the table of connections given back: with the crew, closed by it, or else requests begun on it. */
const AWAY = 0, CLOSED = -1
/** Requests that may wait for a thread in shared memory, for each thread; more wait with the listener. */
const SLOTS_PER_THREAD = 4
const MIN_SLOTS = 16
/** Descriptors that a process may have: the table of connections given back has a word for each. */
const DESCRIPTORS = 1024 * 1024

class Listener {
  readonly #seat: Seat
  readonly #loop: Loop
  readonly #queue: CrewQueue
  readonly #share: CrewShare
  readonly #bell: Bell
  /** Requests that found the queue full, oldest first. */
  readonly #overflow: Berth[] = []
  readonly #returned: Int32Array
  /** Connections that the crew has, by descriptor. */
  readonly #away = new Map<Fd, Endpoint>()
  #sweeper: NodeJS.Timeout | undefined

  constructor(seat: Seat) {
    this.#seat = seat
    const slots = Math.max(MIN_SLOTS, SLOTS_PER_THREAD * seat.population.threadsPerChild)
    const room = seat.bell()
    this.#bell = seat.bell()
    this.#share = {
      memory: CrewQueue.memory(slots), slots, bell: this.#bell.fd, room: room.fd, poller: seat.poller.handle,
      returned: new SharedArrayBuffer(4 * DESCRIPTORS),
    }
    this.#returned = new Int32Array(this.#share.returned)
    this.#queue = new CrewQueue(this.#share.memory, slots)
    this.#loop = new Loop(seat, {
      accepts: 'many',
      handover: (berth) => this.#handOver(berth),
      stranger: (fd) => this.#takeBack(fd),
      accepted: (fd) => void this.#away.delete(fd),
      busy: () => this.#away.size > 0,
    })
    this.#loop.also(room.fd, () => {
      if (room.take()) this.#drainOverflow()
    })
  }

  start(): void {
    this.#seat.onFinish(() => this.#finish())
    for (let number = 0; number < this.#seat.population.threadsPerChild; number++)
      this.#seat.startThread(number, this.#share)
    this.#loop.start()
    this.#seat.ready()
  }

  #finish(): void {
    this.#queue.finish()
    this.#loop.finish()
    clearInterval(this.#sweeper)
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_FINISHING)
  }

  #handOver(berth: Berth): void {
    this.#loop.pause(berth)
    if (this.#overflow.length > 0 || !this.#offer(berth)) {
      berth.conn.keep()
      this.#overflow.push(berth)
    }
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP)
  }

  // True if the request is no more the listener's affair.
  #offer(berth: Berth): boolean {
    const { conn } = berth
    const unread = conn.unread()
    if (!CrewQueue.fits(unread.length)) {
      this.#seat.log('error', `SY00011: a request of ${unread.length} bytes from ${conn.peer.address} is too large for the crew's queue: closing`)
      this.#loop.drop(berth)
      return true
    }
    // The table first: once the request is queued, a thread may close or return the connection at any moment.
    Atomics.store(this.#returned, conn.fd, AWAY)
    if (!this.#queue.offer({ fd: conn.fd, keepalives: conn.keepalives, peer: conn.peer, unread }, this.#bell)) return false
    this.#away.set(conn.fd, conn.peer)
    this.#loop.release(berth)
    return true
  }

  #drainOverflow(): void {
    while (this.#overflow.length > 0 && this.#offer(this.#overflow[0]!)) this.#overflow.shift()
  }

  // The crew has put the descriptor back into the poller: the connection is the listener's again.
  #takeBack(fd: Fd): void {
    const peer = this.#away.get(fd)
    const keepalives = Atomics.load(this.#returned, fd)
    if (peer === undefined || keepalives <= AWAY) return
    this.#away.delete(fd)
    const { engine } = this.#seat
    this.#loop.adopt(engine.connect(fd, peer, undefined, this.#loop, { keepalives, unread: NOTHING }), Ready.in)
  }

  // Connections given back wait in the poller from that moment; here they get their deadlines.
  #sweep(): void {
    for (const fd of this.#away.keys()) {
      if (Atomics.load(this.#returned, fd) === CLOSED) this.#away.delete(fd)
      else this.#takeBack(fd)
    }
    if (this.#loop.finishing) this.#loop.ifDone()
    else if (this.#away.size === 0) {
      clearInterval(this.#sweeper)
      this.#sweeper = undefined
    }
  }
}

const NOTHING = new Uint8Array(0)

/** A thread of the crew: takes requests off the queue, and connections no further than to their next idle moment. */
class CrewThread {
  readonly #seat: Seat
  readonly #share: CrewShare
  readonly #queue: CrewQueue
  readonly #loop: Loop
  readonly #listener: PollSet
  readonly #returned: Int32Array
  readonly #room: Bell

  constructor(seat: Seat) {
    this.#seat = seat
    this.#share = seat.data as CrewShare
    this.#queue = new CrewQueue(this.#share.memory, this.#share.slots)
    this.#listener = seat.poll.attach(this.#share.poller)
    this.#returned = new Int32Array(this.#share.returned)
    this.#room = seat.attachBell(this.#share.room)
    this.#loop = new Loop(seat, {
      accepts: 'none',
      idle: (berth) => this.#giveBack(berth),
      closing: (fd) => Atomics.store(this.#returned, fd, CLOSED),
      gone: () => this.#rest(),
    })
  }

  start(): void {
    const bell = this.#seat.attachBell(this.#share.bell)
    this.#loop.also(bell.fd, () => {
      if (bell.take()) this.#serve()
    })
    this.#loop.start()
    this.#rest()
    this.#seat.ready()
  }

  #serve(): void {
    const { engine, worker } = this.#seat
    worker.status = SeatStatus.write
    engine.finishing = this.#queue.finishing
    this.#loop.adopt(this.#queue.take(this.#room, (job) => engine.connect(job.fd, job.peer, undefined, this.#loop, job)))
  }

  #giveBack(berth: Berth): boolean {
    const { conn } = berth
    this.#loop.release(berth)
    this.#rest()
    // In the poller first: once the table says that it is back, the listener may close it or hand it over again.
    this.#listener.add(conn.fd, Ready.in)
    Atomics.store(this.#returned, conn.fd, conn.keepalives)
    return true
  }

  #rest(): void {
    if (this.#loop.count === 0) this.#seat.worker.status = SeatStatus.ready
  }
}

export const mpm = {
  name: 'mpm_event_module',
  file: 'event.c',
  traits: { name: 'event', processes: 'dynamic', threads: 'fixed', async: true },
  logNumbers: { up: 'AH00489', stop: 'AH00491', gracefulStop: 'AH00492', graceful: 'AH00493', restart: 'AH00494' },
  settings: [mpmSettings],
  directives,

  register({ checkConfig }, on) {
    on(checkConfig, (startup) => {
      threadedPopulation(startup.server, rules, checking(startup, 'mpm_event'))
      return OK
    })
  },

  population: (server, fixed) => threadedPopulation(server, rules, silent(fixed)),

  run(site) {
    announce(site, { stack: 'AH02436' })
    return keepPopulation(site, {
      full: 'AH00484: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting',
      busy: (children, idle, total) => `AH00486: server seems busy, (you may need to increase StartServers, ThreadsPerChild or Min/MaxSpareThreads), spawning ${children} children, there are around ${idle} idle threads, ${total} active children, and 0 children that are shutting down`,
    })
  },

  child: (seat) => new Listener(seat).start(),
  thread: (seat) => new CrewThread(seat).start(),
} satisfies Mpm
