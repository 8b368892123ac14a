// The pid file of built servers: every state in which a start or a -k can find it, and what becomes of it.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fetchPath } from '../support/http.ts'
import { launch } from '../support/launched.ts'
import { end, isAlive, until } from '../support/processes.ts'
import { editConf, makeSite, type Site } from '../support/site.ts'
import { programOf } from '../support/variants.ts'

const VARIANT = 'event'
const WORDS = ['start', 'stop', 'graceful-stop', 'restart', 'graceful'] as const

async function k(t: Test, site: Site, word: string) {
  const run = launch(t, [programOf(VARIANT), '-f', site.confFile, '-k', word])
  const { code } = await run.ended()
  return { code, out: run.out, err: run.err }
}

async function siteWith(t: Test, pidFile?: string): Promise<Site> {
  const site = await makeSite(t, { variant: VARIANT, workers: 2 })
  if (pidFile !== undefined) writeFileSync(site.pidFile, pidFile)
  t.teardown(() => {
    const pid = existsSync(site.pidFile) && statSync(site.pidFile).isFile() ? Number(readFileSync(site.pidFile, 'latin1')) : 0
    return pid > 0 && pid !== process.pid ? end(pid) : undefined
  })
  return site
}

/** A number that nobody has. */
const DEAD = 4_000_000

t.test('a stale file, and a second start', async (t) => {
  const site = await siteWith(t, `${DEAD}\n`)
  t.match(await k(t, site, 'stop'), { code: 0, out: `httpd (pid ${DEAD}?) not running\n` })
  const started = await k(t, site, 'start')
  t.match(started, { code: 0, out: '' })
  t.equal(started.err, `AH00098: pid file ${site.pidFile} overwritten -- Unclean shutdown of previous Apache run?\n`)
  const pid = Number(readFileSync(site.pidFile, 'latin1'))
  t.equal(readFileSync(site.pidFile, 'latin1'), `${pid}\n`)
  t.equal(statSync(site.pidFile).mode & 0o777, 0o644)
  t.match(await k(t, site, 'start'), { code: 0, out: `httpd (pid ${pid}) already running\n`, err: '' })
  t.match(await k(t, site, 'stop'), { code: 0, out: '' })
  await until('the end', () => !isAlive(pid))
  t.notOk(existsSync(site.pidFile))
  t.match(readFileSync(join(site.root, 'logs/error_log'), 'latin1'),
    `AH00096: removed PID file ${site.pidFile} (pid=${pid})`)
})

t.test('the number of a process that is no server', async (t) => {
  const other = launch(t, ['sleep', '30'])
  const site = await siteWith(t, `${other.pid}\n`)
  t.match(await k(t, site, 'stop'), { code: 0, out: `httpd (pid ${other.pid}?) not running\n` })
  t.ok(isAlive(other.pid), 'it is not ended')
  t.match(await k(t, site, 'start'), { code: 0, err: /^AH00098/ })
  t.equal((await fetchPath(site, '/')).status, 200)
})

t.test('a file that makes no sense is refused by every -k', async (t) => {
  for (const content of ['', 'abc\n', '-5\n']) {
    const site = await siteWith(t, content)
    // The default, which messages show as it stands.
    editConf(site, (text) => text.replace('PidFile logs/httpd.pid\n', ''))
    for (const word of content === '' ? WORDS : (['start', 'stop'] as const)) {
      t.match(await k(t, site, word), { code: 1, out: '', err:
        '(20014)Internal error (specific information not available): AH00058: Error retrieving pid file logs/httpd.pid\n' +
        'AH00059: Remove it before continuing if it is corrupted.\n' }, `${word}: ${JSON.stringify(content)}`)
    }
    writeFileSync(site.pidFile, `${DEAD}\n`)
  }
})

t.test('no file', async (t) => {
  const site = await siteWith(t)
  for (const word of ['stop', 'graceful-stop']) t.match(await k(t, site, word), { code: 0, out: 'httpd (no pid file) not running\n' })
  t.match(await k(t, site, 'restart'), { code: 0, out: 'httpd not running, trying to start\n' })
  t.equal((await fetchPath(site, '/')).status, 200)
})

t.test('a file that cannot be written', async (t) => {
  const site = await siteWith(t)
  const missing = join(site.root, 'none/httpd.pid')
  editConf(site, (text) => text.replace('PidFile logs/httpd.pid', 'PidFile none/httpd.pid'))
  const refused = await k(t, site, 'start')
  t.equal(refused.code, 1)
  t.ok(refused.err.includes(`AH00099: could not create ${missing}.`), refused.err)
  t.ok(refused.err.includes(`AH00100: httpd: could not log pid to file ${missing}\n`), refused.err)
  await t.rejects(fetchPath(site, '/'), 'nothing serves')
})

t.test('a file that is gone at the end', async (t) => {
  const site = await siteWith(t)
  await k(t, site, 'start')
  const pid = Number(readFileSync(site.pidFile, 'latin1'))
  t.teardown(() => end(pid))
  rmSync(site.pidFile)
  process.kill(pid, 'SIGTERM')
  await until('the end', () => !isAlive(pid))
  t.match(readFileSync(join(site.root, 'logs/error_log'), 'latin1'), `AH00095: failed to remove PID file ${site.pidFile}`)
})
