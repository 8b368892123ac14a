/*
 * Limits, seen from outside of built servers: what -t, -S and -V say, what a restart logs, and that sockets, the
 * scoreboard's file and V8 get what the configuration says.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mpms } from '../../mpms/catalog.ts'
import { runProgram, Server } from '../support/server.ts'
import { editConf, makeSite, WELCOME } from '../support/site.ts'
import { STATIC, type StaticVariant } from '../support/variants.ts'

/** Apache's defaults, and one example of a correction that leads to others. */
const EXAMPLES: Readonly<Record<StaticVariant, { conf: string; says: readonly string[]; plan: RegExp }>> = {
  event: {
    conf: 'StartServers 3\nMinSpareThreads 75\nMaxSpareThreads 250\nMaxRequestWorkers 1000\nServerLimit 20\nThreadsPerChild 30\n' +
      'AsyncRequestWorkerFactor 2',
    says: [
      'AH00513: WARNING: MaxRequestWorkers of 1000 is not an integer multiple of ThreadsPerChild of 30, decreasing to ' +
        'nearest multiple 990, for a maximum of 33 servers.',
      'AH00515: WARNING: MaxRequestWorkers of 990 would require 33 servers and would exceed ServerLimit of 20, ' +
        'decreasing to 600. To increase, please see the ServerLimit directive.',
    ],
    plan: /^ {2}requests {5}600 at once: at most 20 processes of 30 threads, 3 at the start\n {2}connections {2}1800 open/m,
  },
  worker: {
    conf: 'StartServers 3\nMinSpareThreads 75\nMaxSpareThreads 250\nThreadsPerChild 25\nMaxRequestWorkers 400\nThreadLimit 0\nServerLimit 16',
    says: [
      'AH00307: WARNING: ThreadLimit of 0 not allowed, increasing to 1.',
      'AH00310: WARNING: ThreadsPerChild of 25 exceeds ThreadLimit of 1 threads, decreasing to 1. To increase, please ' +
        'see the ThreadLimit directive.',
      'AH00318: WARNING: MaxRequestWorkers of 400 would require 400 servers and would exceed ServerLimit of 16, ' +
        'decreasing to 16. To increase, please see the ServerLimit directive.',
    ],
    plan: /^ {2}requests {5}16 at once: at most 16 processes of 1 thread, 3 at the start\n {2}connections {2}16 open/m,
  },
  prefork: {
    conf: 'StartServers 5\nMinSpareServers 0\nMaxSpareServers 10\nServerLimit 256\nMaxRequestWorkers 300',
    says: [
      'AH00180: WARNING: MaxRequestWorkers of 300 exceeds ServerLimit value of 256 servers, decreasing ' +
        'MaxRequestWorkers to 256. To increase, please see the ServerLimit directive.',
      'AH00186: WARNING: MinSpareServers of 0 not allowed, increasing to 1 to avoid almost certain server failure. ' +
        'Please read the documentation.',
    ],
    plan: /^ {2}requests {5}256 at once: at most 256 processes, 5 at the start\n {2}connections {2}256 open/m,
  },
}

for (const variant of STATIC) {
  const { conf, says, plan } = EXAMPLES[variant]

  t.test(`${variant}: -t, -S and -V with numbers that are corrected`, async (t) => {
    const site = await makeSite(t, { variant, conf })
    const check = await runProgram(variant, '-t', '-f', site.confFile)
    t.equal(check.code, 0)
    t.equal(check.err, [...says, 'Syntax OK', ''].join('\n'), 'the messages, and the last line')
    t.match(check.out, /^Capacity of the \w+ MPM:\n/)
    t.match(check.out, plan)
    t.equal(check.out.match(/^ {2}corrected /mg)?.length, says.length)
    const lines = check.out.trimEnd().split('\n')
    t.ok(lines.length <= 8)
    const others = await Promise.all(['-S', '-V'].map((word) => runProgram(variant, word, '-f', site.confFile)))
    t.ok(others.every(({ code, out }) => code === 0 && out.endsWith(check.out)), '-S and -V end with it')
    t.equal(others[1]?.err, '')
  })

  t.test(`${variant}: -V without a configuration that can be read`, async (t) => {
    const site = await makeSite(t, { variant, conf: 'FooBar 1' })
    const [broken, missing, odd] = await Promise.all(
      [['-f', site.confFile], ['-f', '/nowhere/x.conf'], ['-z']].map((words) => runProgram(variant, '-V', ...words)))
    t.match(missing?.out, /Server MPM: .*\n -D SERVER_CONFIG_FILE="[^"]*"\n$/s)
    t.match(missing, { code: 0, err: '' })
    t.same(broken, missing)
    t.same(odd, missing, 'what follows -V is not looked at')
  })

  t.test(`${variant}: refusals`, async (t) => {
    const own = mpms.find(({ name }) => name === variant)!.directives
    const others = [...new Set(mpms.flatMap(({ directives }) => directives))].filter((name) => !own.includes(name))
    const site = await makeSite(t, { variant, conf: [
      ...others.map((name) => `${name} 1`),
      ...own.flatMap((name) => [`<VirtualHost *:1>\n${name} 1\n</VirtualHost>`, `<Directory />\n${name} 1\n</Directory>`]),
      'Mutex none mpm-accept', 'Mutex default other', 'Mutex fcntl:x mpm-accept', 'CoreDumpDirectory none',
      'ThreadStackSize -1', 'MaxMemFree 99999999999999999999', 'SendBufferSize 511', 'ReceiveBufferSize 511',
      'ListenBacklog 0', 'ListenCoresBucketsRatio 0',
    ].join('\n') })
    const { code, err } = await runProgram(variant, '-t', '-f', site.confFile)
    t.equal(code, 1)
    for (const name of others) {
      t.ok(err.includes(`Invalid command '${name}', perhaps misspelled or defined by a module not included in the server ` +
        'configuration\n'), name)
      t.match(err, new RegExp(`^'${name}' belongs to the .+ MPMs?$`, 'm'), 'and whose it is')
    }
    for (const name of own) {
      t.ok(err.includes(`${name} cannot occur within <VirtualHost> section\n`), name)
      t.ok(err.includes(`${name} not allowed in <Directory> context\n`), name)
    }
    for (const text of [
      'Mutex type other is not valid', `CoreDumpDirectory ${site.root}/none does not exist`,
      'Invalid ThreadStackSize value: -1', 'Invalid MaxMemFree value: 99999999999999999999',
      'SendBufferSize must be >= 512 bytes, or 0 for system default.',
      'ReceiveBufferSize must be >= 512 bytes, or 0 for system default.', 'ListenBacklog must be > 0',
      'ListenCoresBucketsRatio must be > 0',
    ]) t.ok(err.includes(`${text}\n`), text)
    const locked = variant !== 'event'
    t.equal(err.includes('None is not allowed for mutex type mpm-accept\n'), locked)
    t.equal(err.includes('Mutex type mpm-accept is not valid\n'), !locked)
  })

  t.test(`${variant}: limits at a restart`, async (t) => {
    const server = await Server.start(t, { variant, workers: 2, children: 1, conf: 'ThreadStackSize 65536' })
    const limit = variant === 'prefork' ? 4 : 2
    t.match(server.errorLog, /:debug\] .* AH02639: Using SO_REUSEPORT: yes \(1\)$/m)
    const mutex = { event: undefined, worker: 'AH00294', prefork: 'AH00165' }[variant]
    t.equal(server.errorLog.includes(': Accept mutex: none (default: pthread)'), mutex !== undefined)
    if (mutex !== undefined) t.match(server.errorLog, `${mutex}: Accept mutex: none (default: pthread)\n`)
    const stack = { event: 'AH02436', worker: 'AH02435', prefork: 'none' }[variant]
    t.equal(server.errorLog.includes(`${stack}: WARNING: ThreadStackSize of 65536 is inappropriate, using default\n`),
      variant !== 'prefork', 'no thread could start with it; prefork has none')
    editConf(server.site, (text) => `${text}\nServerLimit 50\nMaxRequestWorkers 100\n`)
    const before = server.errorLog.length
    server.signal('SIGUSR1')
    const numbers = { event: ['AH00501', 'AH00516'], worker: ['AH00304', 'AH00319'], prefork: ['AH00179', 'AH00181'] }[variant]
    await server.logged(/resuming normal operations/, before)
    const log = server.errorLog.slice(before)
    t.match(log, new RegExp(`\\[mpm_${variant}:warn\\] .* ${numbers[0]}: changing ServerLimit to 50 from original value of ` +
      `${limit} not allowed during restart$`, 'm'))
    const reason = variant === 'prefork' ? 'MaxRequestWorkers of 100 exceeds ServerLimit value of 4, decreasing to match'
      : 'MaxRequestWorkers of 100 would require 50 servers and exceed ServerLimit of 2, decreasing to 4'
    t.ok(log.includes(`${numbers[1]}: ${reason}\n`), reason)
    t.notMatch(log, /WARNING: (?!ThreadStackSize)/)
    t.equal((await server.get('/')).text, WELCOME)
  })
}

const ss = (...words: string[]): string => execFileSync('ss', ['-H', '-l', '-n', '-t', ...words], { encoding: 'utf8' })
const hasSs = (() => {
  try {
    return ss() !== undefined
  } catch {
    return false
  }
})()

const toSocket = 'SendBufferSize, ReceiveBufferSize and ListenBacklog reach the socket'
t.test(toSocket, { skip: hasSs ? false : 'there is no ss here' }, async (t) => {
  const server = await Server.start(t, {
    variant: 'prefork', workers: 1, conf: 'SendBufferSize 20000\nReceiveBufferSize 30000\nListenBacklog 77',
  })
  const [line = ''] = ss('-m', 'sport', '=', `:${server.port}`).split(/\n(?=\S)/)
  t.match(line, /^LISTEN\s+\d+\s+77\s/, 'the queue')
  // Linux keeps twice what it is told.
  t.match(line, /\brb60000\b/)
  t.match(line, /\btb40000\b/)
})

t.test('ScoreBoardFile', async (t) => {
  const server = await Server.start(t, { variant: 'event', workers: 2, conf: 'ScoreBoardFile logs/status\nThreadLimit 5' })
  const path = join(server.site.root, 'logs/status')
  const words = () => new Int32Array(readFileSync(path).buffer.slice(0, 16))
  t.equal(statSync(path).mode & 0o7777, 0o644)
  t.same([...words().slice(0, 2)], [2, 5], 'begins with ServerLimit and ThreadLimit')
  t.equal(words()[3], 0, 'the generation')
  const before = server.errorLog.length
  server.signal('SIGHUP')
  await server.logged(/resuming normal operations/, before)
  t.equal(words()[3], 1, 'and goes on over a restart')
  await server.stop()
  t.notOk(existsSync(path), 'it goes with the server')
})

t.test('ScoreBoardFile that cannot be made', async (t) => {
  const site = await makeSite(t, { variant: 'event', conf: 'ScoreBoardFile none/status' })
  const { code, err } = await runProgram('event', '-f', site.confFile, '-D', 'FOREGROUND')
  t.equal(code, 1)
  t.match(err, `(2)No such file or directory: SY00081: Cannot create a scoreboard file "${site.root}/none/status" of `)
  t.notOk(existsSync(site.pidFile))
  writeFileSync(join(site.root, 'conf/big.conf'), readFileSync(site.confFile, 'utf8').replace('none/', 'logs/') +
    'ServerLimit 20000\nThreadLimit 100000\n')
  const big = await runProgram('event', '-f', join(site.root, 'conf/big.conf'), '-D', 'FOREGROUND')
  t.equal(big.code, 1)
  t.match(big.err, /SY00081: Cannot create a scoreboard file ".*" of \d+ bytes for ServerLimit 20000 and ThreadLimit 100000: it would be /)
  t.notOk(existsSync(join(site.root, 'logs/status')), 'nothing is left behind')
})

for (const variant of ['event', 'prefork'] as const) {
  t.test(`${variant}: MaxMemFree and ThreadStackSize`, async (t) => {
    const server = await Server.start(t, {
      variant, workers: 2, modules: ['test/support/modules/mod_v8.ts'],
      conf: 'MaxMemFree 3000\nThreadStackSize 1048576\n<Location /v8>\nSetHandler v8\n</Location>',
    })
    const { processArguments, thread } = JSON.parse((await server.get('/v8')).text) as
      { processArguments: string[]; thread: { maxYoungGenerationSizeMb?: number; stackSizeMb?: number } }
    t.ok(processArguments.includes('--max-semi-space-size=4'), 'a process has it from its command line')
    if (variant === 'prefork') t.notMatch(server.errorLog, 'ThreadStackSize', 'there are no threads')
    else t.match(thread, { maxYoungGenerationSizeMb: 12, stackSizeMb: 1 })
  })
}
