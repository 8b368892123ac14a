/*
 * SIGUSR1 at any moment of a start, from the first on: no process opens a debugger port, none dies of it, and the
 * server comes up. HUP and TERM while it starts.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fetchPath } from '../support/http.ts'
import { launch, type Launched } from '../support/launched.ts'
import { childrenOf, isAlive, isSignal, signal, until } from '../support/processes.ts'
import { makeSite, WELCOME, type Site } from '../support/site.ts'
import { programOf, STATIC } from '../support/variants.ts'

/** The debugger's own port, in the kernel's notation: 9229. */
const DEBUGGER = 0x240d
const LISTENS = '0A'

/** Ports at which a process listens. */
function listeningPorts(pid: number): number[] {
  const sockets = new Set<string>()
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) sockets.add(readlinkSync(`/proc/${pid}/fd/${fd}`))
  } catch {
    // It has ended, or closed one of them.
  }
  return ['tcp', 'tcp6'].flatMap((family) => readFileSync(`/proc/net/${family}`, 'latin1').trim().split('\n').slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[3] === LISTENS && sockets.has(`socket:[${words[9]}]`))
    .map((words) => Number.parseInt(words[1]!.split(':')[1]!, 16)))
}

const family = (pid: number): number[] => [pid, ...childrenOf(pid)]

const answers = (site: Site, server: Launched) => until('the server to answer', async () => {
  if (server.over) throw new Error('The server has ended')
  try {
    return (await fetchPath(site, '/')).text === WELCOME
  } catch {
    return false
  }
}, 60_000).catch((error: unknown) => {
  throw new Error(`${(error as Error).message}: children ${childrenOf(server.pid).join()}\n${server.err}${logOf(site).slice(-1500)}`)
})

const SIGHUP = 1, SIGUSR1 = 10, SIGWINCH = 28

function logOf(site: Site): string {
  try {
    return readFileSync(`${site.root}/logs/error_log`, 'latin1')
  } catch {
    return ''
  }
}

for (const mpm of STATIC) {
  t.test(`${mpm}: USR1 while it starts`, async (t) => {
    const site = await makeSite(t, { variant: mpm, workers: 2 })
    const start = (t: Test) => launch(t, [programOf(mpm), '-f', site.confFile, '-D', 'FOREGROUND'])
    const ports: number[] = []
    for (let at = 0; at <= 100; at += 25) {
      const server = start(t)
      await until('the first command of the program', () =>
        isSignal(server.pid, SIGUSR1, 'Ign') || isSignal(server.pid, SIGUSR1, 'Cgt'), undefined, 1)
      const begun = performance.now()
      await sleep(at)
      for (const pid of family(server.pid)) signal(pid, 'SIGUSR1')
      while (performance.now() - begun < at + 60) {
        ports.push(...family(server.pid).flatMap(listeningPorts))
        await sleep(10)
      }
      await answers(site, server)
      ports.push(...family(server.pid).flatMap(listeningPorts))
      t.notOk(server.over, `it serves after USR1 at ${at} ms`)
      signal(server.pid, 'SIGTERM')
      t.match(await server.ended(), { code: 0 })
    }
    t.notOk(ports.includes(DEBUGGER))
    t.same([...new Set(ports)], [site.port], 'nothing listens but what Listen names')
  })
}

t.test('USR1 to every process of a server that starts, again and again', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2, children: 2 })
  const server = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'])
  await answers(site, server)
  const ports: number[] = []
  for (let i = 0; i < 25; i++) {
    // Restarts start children all the time: some are met before their first instruction.
    for (const pid of family(server.pid)) signal(pid, 'SIGUSR1')
    ports.push(...family(server.pid).flatMap(listeningPorts))
    await sleep(40)
  }
  await answers(site, server)
  t.notOk(server.over)
  t.same([...new Set(ports)], [site.port])
  t.notMatch(logOf(site), /Debugger listening/)
})

t.test('HUP while the configuration is read is done after the start', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  const server = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'])
  await until('the program to listen for HUP', () => isSignal(server.pid, SIGHUP, 'Cgt'))
  signal(server.pid, 'SIGHUP')
  await until('the restart', () => /SIGHUP received[^]*resuming normal operations/.test(logOf(site)), 20_000)
  await answers(site, server)
  t.equal(logOf(site).match(/resuming normal operations$/gm)?.length, 2)
  signal(server.pid, 'SIGTERM')
  t.match(await server.ended(), { code: 0 })
})

t.test('before its first instruction HUP and TERM end the program, which has opened nothing', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  for (const name of ['SIGHUP', 'SIGTERM'] as const) {
    const server = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'])
    signal(server.pid, name)
    t.match(await server.ended(), { signal: name })
    t.equal(logOf(site), '')
    t.throws(() => readFileSync(site.pidFile), { code: 'ENOENT' })
  }
})

t.test('TERM at any moment of a start ends all of it', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  for (let at = 0; at <= 100; at += 20) {
    const server = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'])
    // The control process listens from the moment on in which there is something to be put in order.
    await until('the control process', () => isSignal(server.pid, SIGWINCH, 'Cgt'))
    await sleep(at)
    const children = childrenOf(server.pid)
    signal(server.pid, 'SIGTERM')
    t.match(await server.ended(), { code: 0, signal: null }, `${at} ms later`)
    t.notOk(children.some(isAlive), 'no child is left')
    t.throws(() => readFileSync(site.pidFile), { code: 'ENOENT' }, 'no pid file is left')
  }
})

t.test('who wants a debugger has one', async (t) => {
  const site = await makeSite(t, { variant: 'prefork', workers: 1 })
  const server = launch(t, [programOf('prefork'), '-f', site.confFile, '-D', 'FOREGROUND'],
    { env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } })
  const [, port] = await server.said(/^Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)\//m)
  await answers(site, server)
  t.ok(listeningPorts(server.pid).includes(Number(port)), 'in the control process')
  const child = await until('a child', () => childrenOf(server.pid)[0])
  t.equal(listeningPorts(child).filter((one) => one !== site.port).length, 1, 'and each child at a port of its own')
  t.notMatch(server.err, /failed/)
})
