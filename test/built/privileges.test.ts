/*
 * Servers that root starts and that are built as everybody builds them: children belong to User and Group, and there
 * is no way around it. Installed where every user can read them.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fetchPath } from '../support/http.ts'
import { install } from '../support/installed.ts'
import { hasProgram, launch, type LaunchOptions } from '../support/launched.ts'
import { childrenOf, until } from '../support/processes.ts'
import { makeSite, WELCOME, type Site } from '../support/site.ts'
import { programOf } from '../support/variants.ts'

const isRoot = process.getuid?.() === 0
const skip = !isRoot && 'only root can become another user'
const program = install(t, 'private')
const MPMS = ['event', 'worker', 'prefork'] as const

const siteOf = (t: Test, conf: string, mpm = 'event'): Promise<Site> => makeSite(t, { variant: 'private', mpm, conf, workers: 2 })
/** `User` lines of the site are those of the test only. */
const withoutUser = (site: Site): void =>
  writeFileSync(site.confFile, readFileSync(site.confFile, 'utf8').replace(/^(User|Group) #65534\n/gm, ''))

const run = (t: Test, site: Site, words: readonly string[] = ['-D', 'FOREGROUND'], options?: LaunchOptions, before: readonly string[] = []) =>
  launch(t, [...before, program, '-f', site.confFile, ...words], options)

const serves = (site: Site) => until('the server to answer', async () => {
  try {
    return (await fetchPath(site, '/')).text === WELCOME
  } catch {
    return false
  }
}, 20_000)

/** A line of /proc/PID/status, its numbers. */
const numbers = (path: string, name: string): number[] =>
  (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(path, 'latin1'))?.[1] ?? '').split(/\s+/).filter(Boolean).map(Number)

/** Children get their name when they are about to serve; before, they are still starting, as root. */
const childrenThatServe = (pid: number): Promise<number[]> => until('children with their name', () => {
  const children = childrenOf(pid)
  return children.length > 0 && children.every((child) => readFileSync(`/proc/${child}/comm`, 'latin1') === 'httpd\n') && children
})

const DAEMON = 1

for (const mpm of MPMS) {
  t.test(`${mpm}: children are User and Group in every thread, for good`, { skip }, async (t) => {
    const site = await siteOf(t, 'User daemon\nGroup #4242\n', mpm)
    const server = run(t, site)
    await serves(site)
    const children = await childrenThatServe(server.pid)
    for (const child of children) {
      for (const task of readdirSync(`/proc/${child}/task`)) {
        const status = `/proc/${child}/task/${task}/status`
        t.same(numbers(status, 'Uid'), [DAEMON, DAEMON, DAEMON, DAEMON], 'real, effective, saved and file system')
        t.same(numbers(status, 'Gid'), [4242, 4242, 4242, 4242])
        t.notOk(numbers(status, 'Groups').includes(0), 'no group of root')
        t.ok(numbers(status, 'Groups').includes(4242))
        t.match(readFileSync(status, 'latin1'), /^CapPrm:\t0+$[^]*^CapEff:\t0+$/m)
      }
    }
    t.same(numbers(`/proc/${server.pid}/status`, 'Uid'), [0, 0, 0, 0], 'the control process is who it was')
    const logs = statSync(join(site.root, 'logs/error_log'))
    t.equal(logs.uid, 0, 'logs are opened by root')
  })
}

t.test('supplementary groups are those of User', { skip: skip || (!(await hasProgram('unshare')) && 'needs unshare') }, async (t) => {
  const groups = join(t.testdir({ group: `${readFileSync('/etc/group', 'utf8')}\nfirst:x:5001:daemon\nsecond:x:5002:amy,daemon\nother:x:5003:amy\n` }), 'group')
  const site = await siteOf(t, 'User daemon\nGroup daemon\n')
  const mount = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/group && exec "$@"', groups]
  const server = run(t, site, undefined, {}, mount)
  await serves(site)
  const [child] = await childrenThatServe(server.pid)
  t.same(numbers(`/proc/${child}/status`, 'Groups').sort((a, b) => a - b), [DAEMON, 5001, 5002])
})

t.test('a number without an entry: Group only', { skip }, async (t) => {
  const site = await siteOf(t, 'User #54321\nGroup daemon\n')
  const server = run(t, site)
  await serves(site)
  const status = `/proc/${(await childrenThatServe(server.pid))[0]}/status`
  t.same(numbers(status, 'Uid'), [54321, 54321, 54321, 54321])
  t.same(numbers(status, 'Groups'), [DAEMON])
})

t.test('a port of root, served by User', { skip }, async (t) => {
  const free = await until('a free port below 1024', () => new Promise<number | undefined>((done) => {
    const at = 600 + Math.floor(Math.random() * 400)
    const probe = createServer().once('error', () => done(undefined)).listen(at, '127.0.0.1', () => probe.close(() => done(at)))
  }))
  const site = await siteOf(t, `User daemon\nGroup daemon\nListen 127.0.0.1:${free}\n`)
  run(t, site)
  await serves(site)
  t.equal((await fetchPath({ ...site, port: free }, '/')).status, 200)
})

t.test('files that the server makes are nobody else\'s to write', async (t) => {
  const site = await siteOf(t, isRoot ? 'User daemon\nGroup daemon\n' : '')
  run(t, site, undefined, {}, ['sh', '-c', 'umask 000; exec "$@"', 'sh'])
  await serves(site)
  for (const name of ['error_log', 'access_log', 'httpd.pid'])
    t.equal(statSync(join(site.root, 'logs', name)).mode & 0o022, 0, name)
})

t.test('CoreDumpDirectory: children work in it and may leave a dump', { skip }, async (t) => {
  const site = await siteOf(t, 'User daemon\nGroup daemon\nCoreDumpDirectory cores\n')
  const cores = join(site.root, 'cores')
  mkdirSync(cores)
  const ownerOfChild = async (): Promise<number> => {
    const server = run(t, site)
    await serves(site)
    const child = (await childrenThatServe(server.pid))[0]!
    // The kernel gives this directory to root while the process may not be looked into.
    const { uid } = statSync(`/proc/${child}/fd`)
    if (readFileSync(site.confFile, 'utf8').includes('CoreDump'))
      t.equal(execFileSync('readlink', [`/proc/${child}/cwd`], { encoding: 'utf8' }), `${cores}\n`)
    process.kill(server.pid, 'SIGTERM')
    await server.ended()
    return uid
  }
  t.equal(await ownerOfChild(), DAEMON)
  writeFileSync(site.confFile, readFileSync(site.confFile, 'utf8').replace(/^CoreDump.*\n/m, ''))
  t.equal(await ownerOfChild(), 0, 'without it, none')
})

t.test('root does not serve', { skip }, async (t) => {
  const site = await siteOf(t, '')
  withoutUser(site)
  for (const words of [['-D', 'FOREGROUND'], ['-k', 'start'], ['-X']]) {
    const refused = run(t, site, words)
    t.match(await refused.ended(), { code: 1 }, words.join(' '))
    t.match(refused.err, /^SY00040: Cannot serve as root: no User directive names .*\n.*\n {2}User daemon\n {2}Group daemon\n$/)
  }
  const checked = run(t, site, ['-t'])
  t.match(await checked.ended(), { code: 0 }, 'as in Apache: the configuration as such is good')

  for (const name of ['root', '#0']) {
    const named = await siteOf(t, `User ${name}\n`)
    for (const words of [['-t'], ['-D', 'FOREGROUND']]) {
      const refused = run(t, named, words)
      t.match(await refused.ended(), { code: 1 })
      t.match(refused.err, /^AH00526: Syntax error [^]*\nError:\\tApache has not been designed to serve pages while running as root\.\n/)
    }
  }
  const without = await siteOf(t, '')
  withoutUser(without)
  writeFileSync(without.confFile, readFileSync(without.confFile, 'utf8').replace(/^LoadModule unixd_module.*\n/m, ''))
  const refused = run(t, without)
  t.match(await refused.ended(), { code: 1 })
  t.equal(refused.err, 'AH00136: Server MUST relinquish startup privileges before accepting connections.  ' +
    'Please ensure mod_unixd or other system security module is loaded.\nAH00016: Configuration Failed\n')
})

t.test('a child that cannot become User ends the server', { skip: skip || (!(await hasProgram('setpriv')) && 'needs setpriv') }, async (t) => {
  const site = await siteOf(t, 'User daemon\nGroup daemon\n')
  const server = run(t, site, undefined, {}, ['setpriv', '--bounding-set=-setuid,-setgid', '--inh-caps=-all'])
  t.match(await server.ended(), { code: 1 })
  t.match(server.err, /^SY00041: Cannot become user daemon \(1\) and group 1: setgroups: EPERM, Operation not permitted$/m)
  t.match(readFileSync(join(site.root, 'logs/error_log'), 'latin1'), /:alert\] .*AH00050: Child \d+ returned a Fatal error\.\.\. Apache is exiting!$/m)
})

t.test('a tree that User cannot enter', { skip }, async (t) => {
  const site = await siteOf(t, 'User daemon\nGroup daemon\n')
  const closed = install(t, 'private')
  const root = closed.split('/').slice(0, 3).join('/')
  chmodSync(root, 0o700)
  for (const words of [['-D', 'FOREGROUND'], ['-k', 'start']]) {
    const refused = launch(t, [closed, '-f', site.confFile, ...words])
    t.match(await refused.ended(), { code: 1 })
    t.match(refused.err, `SY00042: Cannot serve as user daemon: ${root} is closed to it, and its processes have to read ${root}/`)
    t.match(refused.err, `\n  chmod o+x ${root}\n`)
    t.match(refused.err, '/bin/httpd -k start\n')
  }
  chmodSync(join(site.root, 'htdocs'), 0o700)
  const server = run(t, site)
  const warned = await server.said(/^SY00043: DocumentRoot .*$/m)
  t.equal(warned[0], `SY00043: DocumentRoot ${site.root}/htdocs: ${site.root}/htdocs is closed to user daemon, who is to serve it (chmod o+rx ${site.root}/htdocs)`)
  const { status } = await until('an answer', () => fetchPath(site, '/').catch(() => undefined))
  t.equal(status, 403)
})

t.test('-V names a build that lets root serve', async (t) => {
  for (const [variant, hole] of [['event', true], ['private', false]] as const) {
    const shown = launch(t, [programOf(variant), '-V'])
    await shown.ended()
    t.equal(shown.out.includes('\nServer compiled with....\n -D BIG_SECURITY_HOLE\n'), hole, variant)
  }
})

t.test('configure tells root about a tree that others cannot enter', { skip }, async (t) => {
  const build = join(t.testdir({ tree: {} }), 'tree')
  chmodSync(build, 0o700)
  const configured = launch(t, [join(process.cwd(), 'configure'), '--with-mpm=prefork'], { cwd: build })
  t.match(await configured.ended(), { code: 0 })
  t.match(configured.out, /^configure: NOTE: user daemon, .* cannot enter \//m)
  t.match(configured.out, /^configure: NOTE: .*make install && \/usr\/local\/apache2\/bin\/httpd -k start$/m)
  t.ok(configured.out.split('\n').some((line) => /chmod o\+x .*/.test(line) && line.endsWith(build)))
  t.match(readFileSync(join(build, 'dist/conf/httpd.conf'), 'utf8'), /^User daemon\nGroup daemon$/m)
})
