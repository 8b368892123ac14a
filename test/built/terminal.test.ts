// SIGWINCH: a graceful stop, but for a server with a controlling terminal, whose window may change its size.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { fetchPath } from '../support/http.ts'
import { hasProgram, launch } from '../support/launched.ts'
import { signal, until } from '../support/processes.ts'
import { makeSite, type Site } from '../support/site.ts'
import { programOf } from '../support/variants.ts'

const serves = (site: Site) => until('the server to answer', () => fetchPath(site, '/').then(() => true, () => false), 20_000)
const log = (site: Site) => readFileSync(`${site.root}/logs/error_log`, 'latin1')
const pidOf = (site: Site) => Number(readFileSync(site.pidFile, 'latin1'))

/** Runs a command in a new session with a terminal of its own, until it ends. */
const WITH_TERMINAL = `import pty, sys
sys.exit(pty.spawn(sys.argv[1:]) >> 8)`

t.test('with a terminal it is ignored, and said once', { skip: !(await hasProgram('python3')) && 'needs python3' }, async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2, conf: 'LogLevel info' })
  const command = [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND']
  // Standard input is no terminal: what counts is the one that controls the process.
  const shell = ['sh', '-c', 'exec "$@" </dev/null', 'sh', ...command]
  launch(t, ['python3', '-c', WITH_TERMINAL, ...shell])
  await serves(site)
  const pid = pidOf(site)
  for (let i = 0; i < 3; i++) {
    signal(pid, 'SIGWINCH')
    await sleep(50)
  }
  await until('a word about it', () => /SY00044/.test(log(site)))
  t.equal((await fetchPath(site, '/')).status, 200)
  t.equal(log(site).match(/:info\] .*SY00044: SIGWINCH is ignored/g)?.length, 1)
  t.equal(pidOf(site), pid)
  signal(pid, 'SIGTERM')
  await until('the end', () => /caught SIGTERM/.test(log(site)))
})

t.test('without a terminal it stops gracefully', async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  // A session of its own has none, whatever terminal the tests run in.
  const server = launch(t, [programOf('event'), '-f', site.confFile, '-D', 'FOREGROUND'], { detached: true })
  await serves(site)
  signal(server.pid, 'SIGWINCH')
  t.match(await server.ended(), { code: 0 })
  t.match(log(site), /caught SIGWINCH, shutting down gracefully/)
})
