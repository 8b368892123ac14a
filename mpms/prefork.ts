/**
 * prefork: a population of processes; each serves one connection at a time,
 * from accept to close. The control process keeps between MinSpareServers and
 * MaxSpareServers of them idle. A request that blocks or crashes its process
 * touches no other.
 */
import { OK, type Directive, type Mpm, type Population, type Server } from 'httpd'
import { Loop } from './shared/loop.ts'
import { keepPopulation, REACHED } from './shared/parent.ts'
import {
  atLeastOne, limited, mpmSettings, number, processDirectives, SPARE_TEXT, type Correction,
} from './shared/settings.ts'

const MAX_SERVERS = 200000

const directives: readonly Directive[] = [
  ...processDirectives('AH00188'),
  number('MinSpareServers', 'minSpareServers', 'Minimum number of idle children, to handle request spikes'),
  number('MaxSpareServers', 'maxSpareServers', 'Maximum number of idle children'),
]

/** One process, one connection. The order of corrections is Apache's. */
function populationOf(server: Server, correct: Correction = () => undefined): Population {
  const said = server.get(mpmSettings)
  const serverLimit = limited(said.serverLimit ?? 256, MAX_SERVERS, 'ServerLimit', 'servers', ['AH00175', 'AH00177'], correct)
  let max = said.maxRequestWorkers ?? 64
  if (max > serverLimit) {
    correct(`AH00180: WARNING: MaxRequestWorkers of ${max} exceeds ServerLimit value of ${serverLimit} servers, decreasing MaxRequestWorkers to ${serverLimit}. To increase, please see the ServerLimit directive.`)
    max = serverLimit
  }
  max = atLeastOne(max, 'MaxRequestWorkers', 'AH00182', '.', correct)
  const startServers = atLeastOne(said.startServers ?? 4, 'StartServers', 'AH00184', '.', correct)
  const minSpare = atLeastOne(said.minSpareServers ?? 2, 'MinSpareServers', 'AH00186', SPARE_TEXT, correct)
  const maxSpare = Math.max(said.maxSpareServers ?? 8, minSpare + 1)
  return { startServers: Math.min(startServers, max), serverLimit, threadLimit: 1, threadsPerChild: 1, maxServers: max, minSpare, maxSpare, buckets: 1 }
}

export const mpm = {
  name: 'mpm_prefork_module',
  file: 'prefork.c',
  traits: { name: 'prefork', processes: 'dynamic', threads: 'none', async: false },
  logsRestart: 'last',
  logNumbers: {
    up: 'AH00163', built: 'AH00164', forkFailed: 'AH00159', ignoredFatal: 'AH00166',
    stop: 'AH00169', gracefulStop: 'AH00170', graceful: 'AH00171', restart: 'AH00173',
  },
  gracefulText: 'Graceful restart requested, doing restart',
  settings: [mpmSettings],
  directives,

  register({ checkConfig }, on) {
    on(checkConfig, (startup) => {
      populationOf(startup.server, (text) => startup.note('warn', 'mpm_prefork', text))
      return OK
    })
  },

  population: (server) => populationOf(server),

  run: (site) => keepPopulation(site, {
    style: 'prefork',
    conditions: { reached: `AH00161: ${REACHED}`, within: '', noSlots: '' },
    busy: (children, idle, active, finishing) => `AH00162: server seems busy, (you may need to increase StartServers, or Min/MaxSpareServers), spawning ${children} children, there are ${idle} idle, and ${active + finishing} total children`,
  }),

  child(seat) {
    const loop = new Loop(seat, { accepts: 'one' })
    seat.onFinish(() => loop.finish())
    loop.start()
    seat.ready()
  },
} satisfies Mpm
