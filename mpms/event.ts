/**
 * event: processes with threads, where a connection that waits holds no thread.
 * Each child's listener accepts, waits for all idle connections, and answers
 * by itself what cannot block; a request that may block goes to a thread of the
 * crew, which serves until the connection would idle and then gives it back.
 *
 *   accept ─► listener ──(may block)──► queue ─► a thread of the crew
 *                 ▲                                   │
 *                 └─────────── given back ◄───────────┘
 */
import { ConfigError, GLOBAL_ONLY, OK, parsed, type Directive, type Mpm } from 'httpd'
import { CrewThread } from './event/crew_thread.ts'
import { Listener } from './event/listener.ts'
import { announce } from './shared/announce.ts'
import { checking, silent } from './shared/corrections.ts'
import { keepPopulation, REACHED, SUCCESSIVE, WITHIN } from './shared/parent.ts'
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

export const mpm = {
  name: 'mpm_event_module',
  file: 'event.c',
  traits: { name: 'event', processes: 'dynamic', threads: 'fixed', async: true },
  logsRestart: 'first',
  logNumbers: {
    up: 'AH00489', built: 'AH00490', forkFailed: 'AH00481', ignoredFatal: 'AH00487', shortage: 'AH02324',
    stop: 'AH00491', gracefulStop: 'AH00492', graceful: 'AH00493', restart: 'AH00494',
  },
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
      style: 'event',
      conditions: {
        reached: `AH00484: ${REACHED}`, within: `AH10159: ${WITHIN}`,
        noSlots: 'AH03490: scoreboard is full, not at MaxRequestWorkers.Increase ServerLimit.',
      },
      successive: `AH10392: ${SUCCESSIVE}`,
      busy: (children, idle, active, finishing) => `AH00486: server seems busy, (you may need to increase StartServers, ThreadsPerChild or Min/MaxSpareThreads), spawning ${children} children, there are around ${idle} idle threads, ${active} active children, and ${finishing} children that are shutting down`,
    })
  },

  child: (seat) => new Listener(seat).start(),
  thread: (seat) => new CrewThread(seat).start(),
} satisfies Mpm
