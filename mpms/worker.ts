/**
 * worker: a population of processes, each with a fixed crew of threads. An idle
 * thread accepts a connection and holds it until it ends; a thread that blocks
 * holds up no other.
 */
import { OK, type ConnOwner, type Mpm } from 'httpd'
import { announce } from './shared/announce.ts'
import { checking, silent } from './shared/corrections.ts'
import { Loop } from './shared/loop.ts'
import { keepPopulation, REACHED, SUCCESSIVE, WITHIN } from './shared/parent.ts'
import { mpmSettings } from './shared/settings.ts'
import { threadedDirectives, threadedPopulation, type ThreadedRules } from './shared/threaded.ts'

const rules: ThreadedRules = {
  maxThreadLimit: 20_000, async: false,
  serverLimit: { above: ['AH00300', 'AH00301'], below: ['AH00302', 'AH00303'], changed: 'AH00304' },
  threadLimit: { above: ['AH00305', 'AH00306'], below: ['AH00307', 'AH00308'], changed: 'AH00309' },
  threadsPerChild: { above: ['AH00310', 'AH00311'], below: ['AH00312', 'AH00313'] },
  tooFewWorkers: ['AH00314', 'AH00315'], notMultiple: ['AH00316', 'AH00317'], tooManyServers: ['AH00318', 'AH00319'],
  startServers: ['AH00320', 'AH00321'], minSpareThreads: ['AH00322', 'AH00323'],
}

/** Owns a connection that is about to be closed. */
const nobody: ConnOwner = { resume: () => undefined, status: () => undefined }

export const mpm = {
  name: 'mpm_worker_module',
  file: 'worker.c',
  traits: { name: 'worker', processes: 'dynamic', threads: 'fixed', async: false },
  logsRestart: 'last',
  logNumbers: {
    up: 'AH00292', built: 'AH00293', forkFailed: 'AH00283', ignoredFatal: 'AH00290', shortage: 'AH02325',
    stop: 'AH00295', gracefulStop: 'AH00296', graceful: 'AH00297', restart: 'AH00298',
  },
  settings: [mpmSettings],
  directives: threadedDirectives('AH00324'),

  register({ checkConfig }, on) {
    on(checkConfig, (startup) => {
      threadedPopulation(startup.server, rules, checking(startup, 'mpm_worker'))
      return OK
    })
  },

  population: (server, fixed) => threadedPopulation(server, rules, silent(fixed)),

  run(site) {
    announce(site, { mutex: 'AH00294', stack: 'AH02435' })
    return keepPopulation(site, {
      style: 'worker',
      conditions: {
        reached: `AH00286: ${REACHED}`, within: `AH00287: ${WITHIN}`,
        noSlots: 'AH00288: scoreboard is full, not at MaxRequestWorkers',
      },
      successive: `AH10393: ${SUCCESSIVE}`,
      busy: (children, idle, active, finishing) => `AH00289: server seems busy, (you may need to increase StartServers, ThreadsPerChild or Min/MaxSpareThreads), spawning ${children} children, there are around ${idle} idle threads, and ${active + finishing} total children`,
    })
  },

  // The main thread of a child starts its crew, and closes what a lost thread held; the seat ends the process when all
  // threads have finished.
  child(seat) {
    const { threadsPerChild } = seat.population
    // By thread: the descriptor of its connection, plus one.
    const shared = new SharedArrayBuffer(4 * threadsPerChild)
    const held = new Int32Array(shared)
    seat.onThreadLost((thread) => {
      const fd = Atomics.exchange(held, thread, 0) - 1
      if (fd < 0) return
      seat.engine.connect(fd, { address: '', port: 0 }, undefined, nobody).close()
      seat.process.add('connections', -1)
    })
    for (let number = 0; number < threadsPerChild; number++) seat.startThread(number, shared)
  },

  thread(seat) {
    const held = new Int32Array(seat.data as SharedArrayBuffer)
    const loop = new Loop(seat, {
      accepts: 'one',
      holds: (fd) => void Atomics.store(held, seat.thread, fd + 1),
      closing: () => void Atomics.store(held, seat.thread, 0),
    })
    seat.onFinish(() => loop.finish())
    loop.start()
    seat.ready()
  },
} satisfies Mpm
