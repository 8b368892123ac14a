/*
 * A load that goes up and down in steps, second by second on a simulated clock: the children that the control process
 * keeps are those of a simulation that knows only the table of Apache's rules.
 */
import t from 'tap'
import fc from 'fast-check'
import type { Population } from '../../core/server/mpm.ts'
import { Status } from '../../core/server/scoreboard.ts'
import type { Style } from '../../mpms/shared/population.ts'
import { FakeSite, TEXTS } from './fake_site.ts'
import { byTheTable } from './maintenance_table.ts'

/** Requests that need a worker, by second. */
type Load = readonly number[]

/** How many children are there in each second, by the table alone. */
function expected(style: Style, population: Population, slots: number, load: Load): number[] {
  const { threadsPerChild: threads } = population
  let [children, starting, leaving] = [0, population.startServers, 0]
  let pace = { rate: 1, holdOff: 0 }
  return load.map((wanted) => {
    ;[children, starting] = [children + starting, 0]
    const busy = Math.min(wanted, children * threads)
    const now = {
      idle: children * threads - busy, activeWorkers: children * threads, active: children, total: children + leaving, slots,
    }
    const step = byTheTable(style, { now, want: population, pace, most: 32 })
    pace = step.pace
    starting = step.start
    // Who was told to finish a second ago is gone by now.
    leaving = step.stop
    children -= step.stop
    return children + starting
  })
}

/** The same with the control process, which sees the scoreboard only. */
async function observed(style: Style, population: Population, load: Load): Promise<number[]> {
  const site = new FakeSite(0, population)
  site.texts = { ...TEXTS, style }
  const counts: number[] = []
  for (const wanted of load) {
    site.tell(() => {
      if (counts.length > 0) counts[counts.length - 1] = active(site)
      counts.push(0)
      site.clock += 1000
      for (const child of [...site.children.values()]) if (child.finishing) site.goes(child.slot)
      let left = wanted
      for (const child of site.children.values()) {
        const busy = Math.min(left, population.threadsPerChild)
        left -= busy
        site.serve(child.slot, ...Array.from({ length: population.threadsPerChild }, (_, i) => (i < busy ? Status.write : Status.ready)))
      }
      return { kind: 'tick' }
    })
  }
  await site.run()
  counts[counts.length - 1] = active(site)
  return counts
}

const active = (site: FakeSite): number => [...site.children.values()].filter((child) => !child.finishing).length

const population = (threadsPerChild: number, maxServers: number, minSpare: number, maxSpare: number, startServers = 1): Population => ({
  startServers, serverLimit: maxServers, threadLimit: threadsPerChild, threadsPerChild, maxServers, minSpare,
  maxSpare: Math.max(maxSpare, minSpare + threadsPerChild + 1), buckets: 1,
})

const steps = (...parts: readonly (readonly [seconds: number, wanted: number])[]): Load =>
  parts.flatMap(([seconds, wanted]) => Array<number>(seconds).fill(wanted))

const STYLES: readonly Style[] = ['prefork', 'worker', 'event']

for (const style of STYLES) {
  t.test(`${style} follows a load in steps`, async (t) => {
    const numbers = style === 'prefork' ? population(1, 64, 2, 8, 4) : population(4, 16, 2, 16)
    const load = steps([4, 0], [5, 10], [12, 200], [10, 40], [70, 0], [3, 12])
    const counts = await observed(style, numbers, load)
    t.same(counts, expected(style, numbers, 8 * numbers.serverLimit, load))
    const most = style === 'prefork' ? 64 : 16
    t.equal(Math.max(...counts), most, 'MaxRequestWorkers is reached')
    t.ok(counts.at(-4)! < most / 2, 'and left again')
  })
}

t.test('and so with any numbers and any load', async (t) => {
  const numbers = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 30 }))
  const load = fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(60)), { maxLength: 8 })
  await fc.assert(fc.asyncProperty(fc.constantFrom(...STYLES), numbers, load, async (style, [threads, most, min, max], parts) => {
    const chosen = population(style === 'prefork' ? 1 : threads, most, min, max)
    const wanted = steps(...parts)
    t.same(await observed(style, chosen, wanted), expected(style, chosen, 8 * most, wanted))
  }), { numRuns: 60 })
})
