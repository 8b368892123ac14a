/*
 * The built program from its command line: what it says about itself, how it checks a configuration, how the MPM of
 * a build that loads it is exchanged, and -k.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LANGUAGE_LEVEL, VERSION } from '../../core/base/version.ts'
import { ask, fetchPath } from '../support/http.ts'
import { childrenOf, end, isAlive, until } from '../support/processes.ts'
import { runProgram, Server } from '../support/server.ts'
import { editConf, makeSite, WELCOME, type Site } from '../support/site.ts'
import { STATIC, variantDirectory, type Variant } from '../support/variants.ts'

const ALL: readonly Variant[] = [...STATIC, 'shared']
const good = { code: 0, err: '' }

for (const variant of ALL) {
  const mpm = variant === 'shared' ? 'event' : variant

  t.test(`${variant}: -v, -V, -l, -M, -L, -S, -t`, async (t) => {
    const { confFile, root, port } = await makeSite(t, { variant })
    const run = (...words: string[]) => runProgram(variant, ...words)
    const conf = ['-f', confFile]

    const v = await run('-v')
    t.match(v, good)
    t.match(v.out, new RegExp(`^Server version: Switchyard/${VERSION} \\(Unix\\).*\nServer built: {3}\\S.*\n$`))

    const V = await run('-V', ...conf)
    t.match(V, good)
    t.ok(V.out.startsWith(v.out), '-V begins like -v')
    const sub = variant === 'prefork' ? ['  threaded:     no'] : ['  threaded:     yes (fixed thread count)']
    const forked = '    forked:     yes (variable process count)'
    t.ok(V.out.includes(['', `Server MPM:     ${mpm}`, ...sub, forked, ''].join('\n')))
    t.match(V.out, / -D HTTPD_ROOT="[^"]+"\n/)
    t.match(V.out, / -D SERVER_CONFIG_FILE="[^"]*conf\/httpd\.conf"\n/)

    const l = await run('-l')
    const modules = ['core.c', 'mod_so.c', 'http_core.c', ...(variant === 'shared' ? [] : [`${mpm}.c`])]
    t.match(l, good)
    t.same(l.out.trimEnd().split('\n').slice(1).sort(), modules.map((name) => `  ${name}`).sort())
    t.match(l.out, /^Compiled in modules:\n {2}core\.c\n/)

    const M = await run('-M', ...conf)
    t.match(M, { code: 0 })
    t.match(M.out, /^Loaded Modules:\n core_module \(static\)\n/)
    t.ok(M.out.includes(` mpm_${mpm}_module (${variant === 'shared' ? 'shared' : 'static'})\n`))
    t.ok(M.out.includes(' mime_module (shared)\n'))

    const L = await run('-L', ...conf)
    t.match(L, { code: 0 })
    t.match(L.out, /^Listen \(\S+\.c\)\n\t\S.*\n\tAllowed in \*\.conf only outside <Directory>, <Files>, /m)
    t.match(L.out, /^AddType \(mod_mime\.c\)$/m)
    t.equal(/^ThreadsPerChild \(/m.test(L.out), mpm !== 'prefork', 'directives of this MPM and of no other')

    const S = await run('-S', ...conf)
    t.match(S, { code: 0 })
    t.match(S.out, `VirtualHost configuration:\nServerRoot: "${root}"\nMain DocumentRoot: "${root}/htdocs"\n` +
      `Main ErrorLog: "${root}/logs/error_log"\n`)
    t.ok(S.out.includes(`PidFile: "${root}/logs/httpd.pid"\n`))

    t.match(await run('-t', ...conf), { code: 0, out: /^Capacity of the /, err: 'Syntax OK\n' })
    await t.rejects(fetchPath({ port }, '/'), 'nothing serves')

    editConf({ confFile } as Site, (text) => `${text}\n<IfVersion = ${LANGUAGE_LEVEL}>\nFooBar 1\n</IfVersion>\n`)
    const lines = readFileSync(confFile, 'utf8').split('\n')
    const bad = await run('-t', ...conf)
    t.match(bad, { code: 1, out: '' })
    t.match(bad.err, `AH00526: Syntax error on line ${lines.indexOf('FooBar 1') + 1} of ${confFile}:\n` +
      "Invalid command 'FooBar', perhaps misspelled or defined by a module not included in the server configuration")
  })

  t.test(`${variant}: usage`, async (t) => {
    const help = await runProgram(variant, '-h')
    t.match(help, { code: 1, out: '' })
    t.match(help.err, /^Usage: \S+ \[-D name\] \[-d directory\] \[-f file\]\n/)
    const odd = await runProgram(variant, '-z')
    t.match(odd.err, /^httpd: illegal option -- z\nUsage: /)
    t.equal(odd.code, 1)
    const missing = await runProgram(variant, '-t', '-f', '/nowhere/httpd.conf')
    t.match(missing, {
      code: 1, err: 'httpd: Could not open configuration file /nowhere/httpd.conf: No such file or directory\n',
    })
  })
}

for (const variant of ['event', 'prefork'] as const) {
  t.test(`${variant}: -k`, async (t) => {
    const site = await makeSite(t, { variant, workers: 2 })
    const k = (word: string) => runProgram(variant, '-f', site.confFile, '-k', word)
    const pidOf = () => Number(readFileSync(site.pidFile, 'latin1'))
    endLater(t, site)

    t.match(await k('stop'), { code: 0, out: 'httpd (no pid file) not running\n' })
    t.match(await k('start'), { code: 0, out: '', err: '' })
    // No waiting here: success means that it serves.
    t.equal((await fetchPath(site, '/')).text, WELCOME)
    const pid = pidOf()
    t.ok(isAlive(pid))
    t.match(await k('start'), { code: 0, out: `httpd (pid ${pid}) already running\n` })

    for (const word of ['graceful', 'restart']) {
      const before = childrenOf(pid)
      t.match(await k(word), { code: 0, out: '', err: '' }, word)
      await until(`new children after ${word}`, () => !before.some(isAlive) && childrenOf(pid).length > 0)
      t.equal((await fetchPath(site, '/')).text, WELCOME)
      t.equal(pidOf(), pid, 'the same control process')
    }

    const keep = readFileSync(site.confFile, 'utf8')
    writeFileSync(site.confFile, `${keep}\nFooBar 1\n`)
    const before = childrenOf(pid)
    for (const word of ['graceful', 'restart', 'stop'])
      t.match(await k(word), { code: 1, err: /^AH00526: Syntax error on line / }, `${word} with a broken configuration`)
    t.same(childrenOf(pid), before, 'changes nothing')
    writeFileSync(site.confFile, keep)

    t.match(await k('stop'), { code: 0, out: '', err: '' })
    await until('the end', () => !isAlive(pid))
    await t.rejects(fetchPath(site, '/'))
    t.match(await k('graceful'), { code: 0, out: /^httpd not running, trying to start\n/ })
    t.equal((await fetchPath(site, '/')).text, WELCOME)
    t.match(await k('graceful-stop'), { code: 0, out: '' })
    await until('the end', () => !isAlive(pid))
  })
}

/** Ends a server that has detached itself from us. */
function endLater(t: Test, { pidFile }: Site): void {
  t.teardown(async () => {
    try {
      await end(Number(readFileSync(pidFile, 'latin1')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  })
}

t.test('a port in use', async (t) => {
  const site = await makeSite(t, { variant: 'event' })
  const other = createServer().listen(site.port, '127.0.0.1')
  t.teardown(() => other.close())
  endLater(t, site)
  const { code, err } = await runProgram('event', '-f', site.confFile, '-k', 'start')
  t.equal(code, 1)
  t.ok(err.includes(`AH00072: make_sock: could not bind to address 127.0.0.1:${site.port}\n`), err)
  t.match(err, /no listening sockets available, shutting down\nAH00015: Unable to open logs\n$/)
  rmSync(site.pidFile, { force: true })
})

t.test('one line exchanges the MPM', async (t) => {
  for (const mpm of ['event', 'prefork', 'worker'] as const) {
    const site = await makeSite(t, { variant: 'shared', mpm, workers: 2 })
    const { out } = await runProgram('shared', '-V', '-f', site.confFile)
    t.ok(out.includes(`\nServer MPM:     ${mpm}\n`))
    const server = await Server.startOn(t, site)
    t.equal((await server.get('/')).text, WELCOME, `${mpm} serves`)
    t.match(server.errorLog, `[mpm_${mpm}:notice]`)
    t.match(await server.stop(), { code: 0 })
  }
})

t.test('no MPM, two MPMs, the MPM of another restart', async (t) => {
  const site = await makeSite(t, { variant: 'shared', workers: 2 })
  const whole = readFileSync(site.confFile, 'utf8')
  const line = /^LoadModule mpm_event_module .*\n/m.exec(whole)![0]
  const population = /^(ServerLimit|StartServers|ThreadsPerChild|MaxRequestWorkers|M..Spare\w+) .*\n/gm
  const check = (text: string) => {
    writeFileSync(site.confFile, text)
    return runProgram('shared', '-t', '-f', site.confFile)
  }
  const none = await check(whole.replace(line, '').replace(population, ''))
  t.equal(none.code, 1)
  t.match(none.err, /^AH00534: httpd: Configuration error: No MPM loaded\./)
  const two = await check(whole.replace(line, `${line}${line.replaceAll('event', 'worker')}`))
  t.equal(two.code, 1)
  t.match(two.err, /^AH00534: httpd: Configuration error: More than one MPM loaded\./)
  t.match(await check(whole), { code: 0, err: 'Syntax OK\n' })

  const server = await Server.startOn(t, site)
  const before = server.children()
  writeFileSync(site.confFile, whole.replace(line, line.replaceAll('event', 'worker')))
  server.signal('SIGUSR1')
  await server.logged(/AH00534: httpd: Configuration error: The MPM cannot be changed during restart\./)
  t.equal((await ask(site, 'GET / HTTP/1.0\r\n\r\n')).text, WELCOME)
  t.same(server.children(), before, 'the server goes on')
})

t.test('the build tree is runnable in place', async (t) => {
  for (const variant of ALL) {
    const { code, err } = await runProgram(variant, '-t', '-C', 'ServerName localhost')
    t.equal(code, 0, err)
    t.equal(err, 'Syntax OK\n')
    const { out } = await runProgram(variant, '-S', '-C', 'ServerName localhost')
    t.ok(out.includes(`ServerRoot: "${join(variantDirectory(variant), 'dist')}"\n`))
  }
})
