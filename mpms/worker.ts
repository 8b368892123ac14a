/**
 * worker: a population of processes, each with a fixed crew of threads. An idle
 * thread accepts a connection and holds it until it ends; a thread that blocks
 * holds up no other.
 */
import { OK, type Mpm } from 'httpd'
import { announce } from './shared/announce.ts'
import { checking, silent } from './shared/corrections.ts'
import { Loop } from './shared/loop.ts'
import { keepPopulation } from './shared/parent.ts'
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

export const mpm = {
  name: 'mpm_worker_module',
  file: 'worker.c',
  traits: { name: 'worker', processes: 'dynamic', threads: 'fixed', async: false },
  logNumbers: { up: 'AH00292', stop: 'AH00295', gracefulStop: 'AH00296', graceful: 'AH00297', restart: 'AH00298' },
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
      full: 'AH00286: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting',
      busy: (children, idle, total) => `AH00289: server seems busy, (you may need to increase StartServers, ThreadsPerChild or Min/MaxSpareThreads), spawning ${children} children, there are around ${idle} idle threads, and ${total} total children`,
    })
  },

  // The main thread of a child only starts its crew; the seat ends the process when all threads have finished.
  child(seat) {
    for (let number = 0; number < seat.population.threadsPerChild; number++) seat.startThread(number, undefined)
  },

  thread(seat) {
    const loop = new Loop(seat, { accepts: 'one' })
    seat.onFinish(() => loop.finish())
    loop.start()
    seat.ready()
  },
} satisfies Mpm
