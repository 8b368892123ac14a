/*
 * Servers under a service manager: what they report (sd_notify(3)), and sockets that were opened for them
 * (sd_listen_fds(3)), in the foreground and detached.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { listeningSocket, receiveAt, type Receiver } from '../support/datagrams.ts'
import { fetchPath } from '../support/http.ts'
import { launch, type Launched } from '../support/launched.ts'
import { childrenOf, end, isAlive, signal, until } from '../support/processes.ts'
import { editConf, hasIpv6, makeSite, WELCOME, type Site } from '../support/site.ts'
import { programOf, STATIC } from '../support/variants.ts'

const serves = (site: Pick<Site, 'port'>) =>
  until('the server to answer', () => fetchPath(site, '/').then(({ text }) => text === WELCOME, () => false), 20_000)

const told = (receiver: Receiver, words: RegExp, after = 0) =>
  until(`a message like ${words}`, () => receiver.all().slice(after).find((text) => words.test(text)), 20_000)
    .catch((error: unknown) => { throw new Error(`${(error as Error).message}: ${JSON.stringify(receiver.all().filter((text) => text !== 'WATCHDOG=1\n'))}`) })

const pidOf = (site: Site) => Number(readFileSync(site.pidFile, 'latin1'))
/** Ends a server that may have detached itself. */
const endLater = (t: Test, site: Site): void => t.teardown(() => (existsSync(site.pidFile) ? end(pidOf(site)) : undefined))
const environmentOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'latin1')

for (const mpm of STATIC) {
  t.test(`${mpm}: ready, reload, stop`, async (t) => {
    const site = await makeSite(t, { variant: mpm, workers: 2 })
    const address = `@httpd-test-${process.pid}-${mpm}`
    const receiver = receiveAt(t, address)
    const server = launch(t, [programOf(mpm), '-f', site.confFile, '-D', 'FOREGROUND'], { env: { NOTIFY_SOCKET: address } })
    await told(receiver, /^READY=1$/m)
    t.equal((await fetchPath(site, '/')).text, WELCOME, 'ready is ready')
    t.equal(receiver.all().length, 1, 'and the first word')
    t.match(receiver.all()[0], `MAINPID=${server.pid}\n`)
    for (const child of childrenOf(server.pid)) t.notMatch(environmentOf(child), /NOTIFY_SOCKET/, 'children cannot report')

    for (const name of ['SIGUSR1', 'SIGHUP'] as const) {
      const before = receiver.all().length
      const now = Number(process.hrtime.bigint() / 1000n)
      signal(server.pid, name)
      const reloading = await told(receiver, /^RELOADING=1$/m, before)
      const stamp = Number(/^MONOTONIC_USEC=(\d+)$/m.exec(reloading)?.[1])
      t.ok(stamp >= now && stamp < now + 60e6, 'by the clock that the manager uses')
      await told(receiver, /^READY=1$/m, before)
    }
    const before = receiver.all().length
    editConf(site, (text) => `${text}\nNoSuchDirective\n`)
    signal(server.pid, 'SIGUSR1')
    await told(receiver, /^RELOADING=1$/m, before)
    await told(receiver, /^READY=1$/m, before)

    signal(server.pid, 'SIGTERM')
    t.match(await server.ended(), { code: 0 })
    t.match(receiver.all().at(-1), /^STOPPING=1\n/)
  })
}

t.test('a watchdog is fed; one of another process is not', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  const address = join(site.root, 'notify')
  const receiver = receiveAt(t, address)
  const server = launch(t, ['sh', '-c', 'WATCHDOG_PID=$$ exec "$@"', 'sh', programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'],
    { env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: '200000' } })
  await serves(site)
  await until('three signs of life', () => receiver.all().filter((text) => text === 'WATCHDOG=1\n').length >= 3)
  signal(server.pid, 'SIGTERM')
  await server.ended()

  const from = receiver.all().length
  const other = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'],
    { env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' } })
  await told(receiver, /^READY=1$/m, from)
  signal(other.pid, 'SIGTERM')
  await other.ended()
  t.notOk(receiver.all().slice(from).includes('WATCHDOG=1\n'))
})

t.test('detached: the server reports as itself', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  const address = join(site.root, 'notify')
  const receiver = receiveAt(t, address)
  const env = { NOTIFY_SOCKET: address, WATCHDOG_USEC: '100000' }
  endLater(t, site)
  const caller = launch(t, ['sh', '-c', 'WATCHDOG_PID=$$ exec "$@"', 'sh', programOf('event'), '-f', site.confFile, '-k', 'start'], { env })
  t.match(await caller.ended(), { code: 0 })
  t.match(await told(receiver, /^READY=1$/m), `MAINPID=${pidOf(site)}\n`)
  await told(receiver, /^WATCHDOG=1$/m)
  const pid = pidOf(site)
  await launch(t, [programOf('event'), '-f', site.confFile, '-k', 'stop'], { env }).ended()
  await until('the end', () => receiver.all().length > 0 && !isAlive(pid))
  t.ok(receiver.all().some((text) => text.startsWith('STOPPING=1\n')))
  t.equal(receiver.all().filter((text) => text.startsWith('READY')).length, 1, '-k stop says nothing in its own name')
})

t.test('an address that nobody listens at', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  const server = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'], { env: { NOTIFY_SOCKET: '/nowhere/notify' } })
  await serves(site)
  t.match(server.err, /^SY00050: Cannot report to the service manager at "\/nowhere\/notify": connect: No such file or directory$/m)
})

/** What stands in the way of a test is that the number of the process must be in its environment. */
const asManager = (names: string, count: number, program: string, site: Site, ...words: string[]): string[] =>
  ['sh', '-c', `LISTEN_PID=$$ LISTEN_FDS=${count} LISTEN_FDNAMES=${names} exec "$@"`, 'sh', program, '-f', site.confFile, ...words]

/** Sockets among the descriptors of a process. */
const socketsOf = (pid: number): string[] => readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
  try {
    return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
  } catch {
    return []
  }
}).filter((name) => name.startsWith('socket:'))

for (const mpm of STATIC) {
  for (const how of [['-D', 'FOREGROUND'], ['-k', 'start']]) {
    t.test(`${mpm} ${how.join(' ')}: a socket that was passed is served`, async (t) => {
      const site = await makeSite(t, { variant: mpm, workers: 2 })
      const [own, other] = [listeningSocket(t, '127.0.0.1', site.port), listeningSocket(t, '127.0.0.1', site.otherPort)]
      const inode = (fd: number) => readlinkSync(`/proc/self/fd/${fd}`)
      endLater(t, site)
      const server = launch(t, asManager('web:spare', 2, programOf(mpm), site, ...how), { descriptors: [own, other] })
      await serves(site)
      const pid = pidOf(site)
      t.match(server.err, new RegExp(`^SY00051: the socket "spare" \\(descriptor \\d+\\) .* listens at 127\\.0\\.0\\.1:${site.otherPort}, which no Listen directive names`, 'm'))
      t.ok(socketsOf(pid).includes(inode(own)), 'it is that very socket: with it open here, nobody could bind its address')
      const children = await until('children', () => childrenOf(pid).length > 0 && childrenOf(pid))
      for (const child of children) {
        t.ok(socketsOf(child).includes(inode(own)))
        t.notOk(socketsOf(child).includes(inode(other)), 'what is not served is not passed on')
        t.notMatch(environmentOf(child), /LISTEN_(FDS|PID|FDNAMES)|HTTPD_SOCKETS/)
      }
      // Not named for a while: nobody but the manager could open it again.
      if (how[0] === '-D') await namedAgain(site, server)
      signal(pid, 'SIGTERM')
      await until('the end', () => !isAlive(pid))
    })
  }
}

async function namedAgain(site: Site, server: Launched): Promise<void> {
  const text = readFileSync(site.confFile, 'utf8')
  const generations = (count: number) =>
    until(`generation ${count}`, () => (readFileSync(join(site.root, 'logs/error_log'), 'latin1').match(/resuming normal operations/g)?.length ?? 0) >= count)
  writeFileSync(site.confFile, text.replace(/^Listen .*$/m, `Listen 127.0.0.1:${site.otherPort}`))
  signal(server.pid, 'SIGUSR1')
  await generations(2)
  await serves({ port: site.otherPort })
  writeFileSync(site.confFile, text)
  signal(server.pid, 'SIGUSR1')
  await generations(3)
  await serves(site)
}

t.test('every address, and sockets of another process', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  const all = (await hasIpv6()) ? '::' : '0.0.0.0'
  editConf(site, (text) => text.replace(/^Listen .*$/m, `Listen ${site.port}`))
  const socket = listeningSocket(t, all, site.port)
  const server = launch(t, asManager('', 1, programOf('event'), site, '-D', 'FOREGROUND'), { descriptors: [socket] })
  await serves(site)
  t.equal(server.err, '')
  signal(server.pid, 'SIGTERM')
  await server.ended()

  const stranger = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'],
    { descriptors: [socket], env: { LISTEN_PID: '1', LISTEN_FDS: '1' } })
  t.match(await stranger.ended(), { code: 1 })
  t.match(stranger.err, /AH00072: make_sock: could not bind to address/, 'the socket is in use, and not its own')
})
