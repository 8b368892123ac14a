/**
 * prefork: a population of processes; each serves one connection at a time,
 * from accept to close. The control process keeps between MinSpareServers and
 * MaxSpareServers of them idle. A request that blocks or crashes its process
 * touches no other.
 */
import { OK, type Directive, type Mpm } from 'httpd'
import { announce } from './shared/announce.ts'
import { checking, silent } from './shared/corrections.ts'
import { forkedPopulation, type ForkedNumbers } from './shared/forked.ts'
import { Loop } from './shared/loop.ts'
import { keepPopulation, REACHED } from './shared/parent.ts'
import { mpmSettings, number, processDirectives } from './shared/settings.ts'

const directives: readonly Directive[] = [
  ...processDirectives('AH00188'),
  number('MinSpareServers', 'minSpareServers', 'Minimum number of idle children, to handle request spikes'),
  number('MaxSpareServers', 'maxSpareServers', 'Maximum number of idle children'),
]

const numbers: ForkedNumbers = {
  serverLimit: { above: ['AH00175', 'AH00176'], below: ['AH00177', 'AH00178'], changed: 'AH00179' },
  aboveServerLimit: ['AH00180', 'AH00181'], maxRequestWorkers: ['AH00182', 'AH00183'],
  startServers: ['AH00184', 'AH00185'], minSpareServers: ['AH00186', 'AH00187'],
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
      forkedPopulation(startup.server, numbers, checking(startup, 'mpm_prefork'))
      return OK
    })
  },

  population: (server, fixed) => forkedPopulation(server, numbers, silent(fixed)),

  run(site) {
    announce(site, { mutex: 'AH00165' })
    return keepPopulation(site, {
      style: 'prefork',
      conditions: { reached: `AH00161: ${REACHED}`, within: '', noSlots: '' },
      busy: (children, idle, active, finishing) => `AH00162: server seems busy, (you may need to increase StartServers, or Min/MaxSpareServers), spawning ${children} children, there are ${idle} idle, and ${active + finishing} total children`,
    })
  },

  child(seat) {
    const loop = new Loop(seat, { accepts: 'one' })
    seat.onFinish(() => loop.finish())
    loop.start()
    seat.ready()
  },
} satisfies Mpm
