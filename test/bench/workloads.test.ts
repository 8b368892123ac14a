/* The tables of workloads, servers and targets fit together. Nothing is started here. */
import t from 'tap'
import type { Features, Place } from '../../bench/contract.ts'
import { featuresOf, jobOf } from '../../bench/measure/rounds.ts'
import { chosen, optionsOf, secondsOf } from '../../bench/options.ts'
import { SERVERS } from '../../bench/servers/all.ts'
import { TARGETS } from '../../bench/targets.ts'
import { WORKLOADS } from '../../bench/workloads/all.ts'
import { contentOf, TREE, treeFiles } from '../../bench/workloads/documents.ts'

const place: Place = { directory: '/run', documents: '/documents', port: 8000, user: { name: 'u', group: 'g' }, home: '/home' }

const hasTwice = (names: readonly string[]): string[] => names.filter((name, n) => names.indexOf(name) !== n)

t.test('names are not taken twice', (t) => {
  t.same(hasTwice(WORKLOADS.map(({ name }) => name)), [])
  for (const { name, contenders } of WORKLOADS) t.same(hasTwice(contenders.map(({ name }) => name)), [], name)
  t.end()
})

t.test('every server knows what its workloads mean, and has a configuration for it', (t) => {
  for (const workload of WORKLOADS) {
    for (const contender of workload.contenders) {
      const server = SERVERS[contender.server]
      const features: Features = workload.kind === 'load' ? featuresOf(workload, contender)
        : { connections: 100, ...contender.features }
      const strange = Object.keys(features).filter((key) => !(server.knows as readonly string[]).includes(key))
      t.same(strange, [], `${workload.name}: ${contender.name}`)
      const text = server.configuration(place, features)
      t.notMatch(text, /undefined|NaN|\[object/, `${workload.name}: ${contender.name}`)
      if (contender.server !== 'bare') t.match(text, '127.0.0.1:8000')
    }
  }
  t.end()
})

t.test('features tell configurations apart', (t) => {
  const differ = (name: keyof typeof SERVERS, features: Partial<Features>): boolean =>
    SERVERS[name].configuration(place, { connections: 64, ...features }) !== SERVERS[name].configuration(place, { connections: 64 })
  for (const feature of [{ log: true }, { overrides: true }, { crew: true }, { collect: true }, { workers: 9 }, { connections: 9 }])
    t.ok(differ('switchyard', feature), `switchyard: ${JSON.stringify(feature)}`)
  for (const feature of [{ log: true }, { connections: 9 }]) t.ok(differ('nginx', feature), `nginx: ${JSON.stringify(feature)}`)
  for (const feature of [{ log: true }, { overrides: true }, { workers: 9 }])
    t.ok(differ('apache2', feature), `apache2: ${JSON.stringify(feature)}`)
  t.notMatch(SERVERS.nginx.configuration({ ...place, user: undefined }, { connections: 1 }), /^user/m)
  t.match(SERVERS.switchyard.configuration(place, { connections: 1, mpm: 'prefork', workers: 7 }), 'StartServers 7')
  t.end()
})

t.test('what is asked for is there', (t) => {
  for (const workload of WORKLOADS) {
    if (workload.kind !== 'load') continue
    for (const contender of workload.contenders) {
      const { path, status } = jobOf(workload, contender)
      const isDocument = contentOf(path) !== undefined
      t.equal(isDocument, status !== 404 && path !== '/crew', `${workload.name}: ${path}`)
    }
  }
  t.equal(new Set(treeFiles(TREE)).size, TREE)
  t.same(treeFiles(TREE).slice(0, 100), treeFiles(100))
  t.end()
})

t.test('targets speak of workloads and contenders that exist', (t) => {
  for (const { workload, to } of TARGETS) {
    const row = WORKLOADS.find(({ name }) => name === workload)
    t.ok(row, workload)
    if (to !== undefined) t.ok(row?.contenders.slice(1).some(({ name }) => name === to), `${workload} to ${to}`)
  }
  t.end()
})

t.test('the first contender, which targets judge, is this server', (t) => {
  for (const { name, contenders } of WORKLOADS) t.equal(contenders[0]?.server, 'switchyard', name)
  t.end()
})

t.test('WHAT names workloads; what it does not know is refused with the list', (t) => {
  t.same(chosen([]), WORKLOADS)
  t.same(chosen(['log', 'small']).map(({ name }) => name), ['small', 'log'])
  t.throws(() => chosen(['smal']), /^Cannot run "smal": workloads are small, one, many, /)
  t.end()
})

t.test('options come from the environment', (t) => {
  t.same(optionsOf({}), { what: [], rounds: 5, seconds: 2 })
  t.same(optionsOf({ WHAT: ' small  log', ROUNDS: '7', SECONDS_EACH: '1' }), { what: ['small', 'log'], rounds: 7, seconds: 1 })
  for (const text of ['0', '-1', '1.5', 'two', '1000'])
    t.throws(() => optionsOf({ ROUNDS: text }), { message: `Cannot use ROUNDS "${text}": it is a whole number from 1 to 100` })
  t.end()
})

t.test('all of it takes less than a quarter of an hour', (t) => {
  t.ok(secondsOf(WORKLOADS, optionsOf({})) < 15 * 60, `${secondsOf(WORKLOADS, optionsOf({}))} s`)
  t.end()
})
