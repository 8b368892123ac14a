/**
 * prefork: a population of processes; each serves one connection at a time,
 * from accept to close. The control process keeps between MinSpareServers and
 * MaxSpareServers of them idle. A request that blocks or crashes its process
 * touches no other.
 */
import { OK, type Mpm } from 'httpd'
import { Loop } from './shared/loop.ts'
import { keepPopulation } from './shared/parent.ts'
import { mpmSettings, preforkDirectives, preforkPopulation } from './shared/settings.ts'

export const mpm = {
  name: 'mpm_prefork_module',
  file: 'prefork.c',
  traits: { name: 'prefork', processes: 'dynamic', threads: 'none', async: false },
  settings: [mpmSettings],
  directives: preforkDirectives,

  register({ checkConfig }, on) {
    on(checkConfig, (startup) => {
      preforkPopulation(startup.server, (text) => startup.note('warn', 'mpm_prefork', text))
      return OK
    })
  },

  population: (server) => preforkPopulation(server),

  run: (site) => keepPopulation(site, {
    full: 'AH00161: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting',
    busy: (children, idle, total) => `AH00162: server seems busy, (you may need to increase StartServers, or Min/MaxSpareServers), spawning ${children} children, there are ${idle} idle, and ${total} total children`,
  }),

  child(seat) {
    const loop = new Loop(seat, { accepts: 'one' })
    seat.onFinish(() => loop.finish())
    loop.start()
    seat.ready()
  },
} satisfies Mpm
