/*
 * The server as process 1 of a container: it is given the orphans of all others, ends in order, and is not taken
 * aback by the pid file of the run before, which had the same number.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fetchPath } from '../support/http.ts'
import { launch, type Launched } from '../support/launched.ts'
import { childrenOf, signal, until } from '../support/processes.ts'
import { makeSite, type Site } from '../support/site.ts'
import { programOf } from '../support/variants.ts'

const mayUnshare = process.getuid?.() === 0 && spawnSync('unshare', ['-pf', '--mount-proc', 'true']).status === 0
const skip = !mayUnshare && 'needs root and unshare'

/** A program that leaves a child behind: it ends at once, its child a little later, and nobody waits for that. */
const LEAVES_ORPHANS = '#!/bin/sh\n(sleep 0.1 &)\nexec cat >/dev/null\n'

async function start(t: Test, site: Site): Promise<{ outer: Launched; pid: number }> {
  const outer = launch(t, ['unshare', '-pf', '--kill-child', '--mount-proc', programOf(site.variant), '-f', site.confFile, '-D', 'FOREGROUND'])
  await until('the server to answer', () => fetchPath(site, '/').then(() => true, () => false), 20_000)
  return { outer, pid: childrenOf(outer.pid)[0]! }
}

const statesOf = (pid: number): string[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)
  .map((child) => {
    try {
      return readFileSync(`/proc/${child}/stat`, 'latin1').replace(/^.*\) /s, '')[0]!
    } catch {
      return ''
    }
  })

t.test('process 1', { skip }, async (t) => {
  const site = await makeSite(t, {
    variant: 'prefork', workers: 1, files: { 'orphans.sh': LEAVES_ORPHANS },
    conf: ({ root }) => `CustomLog "|$sh ${root}/orphans.sh" common\nCustomLog "|$sh ${root}/orphans.sh" common\n`,
  })
  writeFileSync(site.pidFile, '1\n')
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    const { outer, pid } = await start(t, site)
    t.equal(readFileSync(site.pidFile, 'latin1'), '1\n', 'its own number')
    t.match(readFileSync(`/proc/${pid}/status`, 'latin1'), /^NSpid:\t\d+\t1$/m, 'it is process 1')
    await until('orphans to be reaped', () => !statesOf(pid).includes('Z'), 10_000)
    await sleep(50)
    t.notOk(statesOf(pid).includes('Z'), 'no zombie stays')
    signal(pid, name)
    t.match(await outer.ended(), { code: 0 }, `${name} ends it in order`)
    t.notOk(existsSync(site.pidFile))
  }
})

t.test('zombies of others are taken, many at a time', { skip }, async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  const { outer, pid } = await start(t, site)
  // In the same container: shells whose children outlive them.
  for (let i = 0; i < 3; i++)
    spawnSync('nsenter', ['-t', String(pid), '-p', '-m', 'sh', '-c', 'for i in 1 2 3 4 5; do (sleep 0.2 &) ; done'])
  const given = () => statesOf(pid).length
  const most = given()
  t.ok(most > 1, `${most} children, most of them given`)
  await sleep(300)
  await until('all of them to be reaped', () => !statesOf(pid).includes('Z') && given() < most, 15_000)
  t.equal((await fetchPath(site, '/')).status, 200)
  t.ok(childrenOf(pid).length >= 1, 'its own children are untouched')
  signal(pid, 'SIGTERM')
  t.match(await outer.ended(), { code: 0 })
})

t.test('-k from inside the container finds it', { skip }, async (t) => {
  const site = await makeSite(t, { variant: 'event', workers: 2 })
  const { outer, pid } = await start(t, site)
  const k = (word: string) => spawnSync('nsenter', ['-t', String(pid), '-p', '-m', programOf('event'), '-f', site.confFile, '-k', word], { encoding: 'utf8' })
  t.equal(k('start').stdout, 'httpd (pid 1) already running\n')
  t.equal(k('stop').status, 0)
  t.match(await outer.ended(), { code: 0 })
})
