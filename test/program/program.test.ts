// The program from its command line to its exit code: checks, dumps, signals, starts, in one process.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import * as face from '../../core/api.ts'
import type { BuildInfo, Prelinked } from '../../core/server/build_info.ts'
import { core } from '../../core/server/core_module.ts'
import { vhostsText } from '../../core/server/dumps.ts'
import { parseHosts } from '../../core/server/hosts_file.ts'
import { http } from '../../core/server/http_module.ts'
import { knownDirectives } from '../../core/server/known_directives.ts'
import type { Spawn } from '../../core/server/program_detach.ts'
import { runProgram, type ProgramDeps, type ServerStart } from '../../core/server/program.ts'
import { payloadOf, rebuild } from '../../core/server/rebuild.ts'
import { so } from '../../core/server/so_module.ts'
import { prepare, type Prepared, type PrepareOptions } from '../../core/server/startup.ts'
import { serverCore } from '../../core/server/core_settings.ts'

const mpm = {
  name: 'mpm_event_module', file: 'event.c',
  traits: { name: 'event', processes: 'dynamic', threads: 'fixed', async: true },
  population: (): face.Population => ({
    startServers: 1, serverLimit: 4, threadLimit: 8, threadsPerChild: 2, maxServers: 3, minSpare: 1, maxSpare: 4,
    buckets: 1, asyncFactor: 2,
  }),
} as const
const CAPACITY = 'Capacity of the event MPM:\n' +
  '  requests     6 at once: at most 3 processes of 2 threads, 1 at the start\n' +
  `  connections  18 open at once, ${Math.min(511, face.machine().longestBacklog)} more may wait to be accepted\n` +
  '  memory       about 100 MiB at the start, 282 MiB with all workers busy\n'
const linked: readonly Prelinked[] = [
  { symbol: 'core_module', file: 'core.c', module: core },
  { symbol: 'so_module', file: 'mod_so.c', module: so },
  { symbol: 'http_module', file: 'http_core.c', module: http },
]
const withMpm: readonly Prelinked[] = [...linked, { symbol: mpm.name, file: mpm.file, module: mpm }]

const buildInfo: BuildInfo = {
  httpdRoot: '/none', serverConfigFile: 'conf/httpd.conf', defaultPidLog: 'logs/httpd.pid',
  defaultScoreboard: 'logs/apache_runtime_status', defaultErrorLog: 'logs/error_log',
  typesConfigFile: 'conf/mime.types', builtOn: 'today',
}

const CONF = 'ServerName www.example.com\nListen 127.0.0.1:8080\n'
const rootWith = (t: Test, conf: string): string =>
  t.testdir({ conf: { 'httpd.conf': conf }, logs: {}, htdocs: {} })

/** Runs the program on a ServerRoot; answers what it said and did. */
async function run(root: string, args: readonly string[], more: Partial<ProgramDeps> = {}) {
  const said = { stdout: '', stderr: '' }
  const served: ServerStart[] = []
  const deps: ProgramDeps = {
    prelinked: withMpm, face, buildInfo,
    serve: (start) => Promise.resolve(served.push(start) - 1),
    relaunch: { command: process.execPath, args: [] },
    dup2: () => undefined,
    stdout: (text) => void (said.stdout += text.toString()),
    stderr: (text) => void (said.stderr += text.toString()),
    env: {},
    ...more,
  }
  const code = await runProgram(['/opt/bin/httpd', root, ...args], deps)
  return { code, ...said, served }
}

t.test('-t', async (t) => {
  t.same(await run(rootWith(t, CONF), ['-t']), { code: 0, stdout: CAPACITY, stderr: 'Syntax OK\n', served: [] })
})

t.test('a fault: both lines, and nothing else happens', async (t) => {
  const root = rootWith(t, `${CONF}FooBar x\n`)
  for (const args of [['-t'], ['-S'], ['-L'], ['-k', 'stop'], ['-k', 'start'], []]) {
    const { code, stdout, stderr, served } = await run(root, args)
    t.equal(code, 1, args.join(' '))
    t.equal(stdout, '')
    t.same(served, [])
    const fault = `AH00526: Syntax error on line 3 of ${root}/conf/httpd.conf:\nInvalid command 'FooBar', `
    t.equal(stderr.slice(0, fault.length), fault)
  }
})

t.test('a configuration file that is not there', async (t) => {
  const root = t.testdir({})
  t.match(await run(root, ['-f', 'none.conf', '-t']), {
    code: 1, stderr: `httpd: Could not open configuration file ${root}/none.conf: No such file or directory\n`,
  })
})

t.test('-S, -M, DUMP_INCLUDES', async (t) => {
  const host = '<VirtualHost *:8080>\nServerName v.example.com\n</VirtualHost>\n'
  const root = rootWith(t, `${CONF}${host}Include conf/more.conf\n`)
  writeFileSync(join(root, 'conf/more.conf'), 'Define FOO bar\n')
  const file = `${root}/conf/httpd.conf`
  const dump = await run(root, ['-S', '-D', 'X'])
  t.match(dump, { code: 0, stderr: '' })
  t.equal(dump.stdout, [
    'VirtualHost configuration:', `*:8080                 v.example.com (${file}:3)`,
    `ServerRoot: "${root}"`, `Main DocumentRoot: "${root}/htdocs"`, `Main ErrorLog: "${root}/logs/error_log"`,
    `Mutex default: dir="${root}/logs/" mechanism=default `, `PidFile: "${root}/logs/httpd.pid"`,
    'Define: DUMP_VHOSTS', 'Define: DUMP_RUN_CFG', 'Define: X', 'Define: FOO=bar', CAPACITY,
  ].join('\n'))
  t.match(await run(root, ['-M']), { code: 0, stderr: '', stdout: [
    'Loaded Modules:', ' core_module (static)', ' so_module (static)', ' http_module (static)',
    ' mpm_event_module (static)', '',
  ].join('\n') })
  t.match(await run(root, ['-D', 'DUMP_INCLUDES']), { code: 0, stderr: '',
    stdout: `Included configuration files:\n  (*) ${file}\n    (6) ${root}/conf/more.conf\n` })
})

t.test('-L lists every directive of every module', async (t) => {
  const { code, stdout } = await run(rootWith(t, CONF), ['-L'])
  t.equal(code, 0)
  for (const { module } of withMpm)
    for (const { name } of module.directives ?? []) t.ok(stdout.includes(`${name} (${module.file})\n`), name)
  t.match(stdout, 'Timeout (core.c)\n\tTimeout duration (sec)\n\tAllowed in *.conf only outside ')
})

t.test('names that are not ASCII', async (t) => {
  const root = t.testdir({ 'Größe €': { conf: { 'httpd.conf': `${CONF}PidFile lögs/pid\n` }, lögs: { pid: '7x' } } })
  const server = join(root, 'Größe €')
  const { code, stdout } = await run(server, ['-S'])
  t.equal(code, 0)
  t.match(stdout, `ServerRoot: "${server}"\n`)
  t.match(stdout, `PidFile: "${server}/lögs/pid"\n`)
  t.match(await run(server, ['-k', 'stop']), { code: 1, stderr: 'AH00058' }, 'the file is found')
})

t.test('-V, -v and -l do not read a configuration', async (t) => {
  const root = t.testdir({})
  t.match(await run(root, ['-V']), { code: 0, stdout: 'Server MPM:     event\n  threaded:     yes (fixed' })
  t.match(await run(root, ['-v']), { code: 0, stdout: /^Server version: Switchyard\/.* \(Unix\) Apache\/2\.4\.66\n/ })
  t.equal((await run(root, ['-l'])).stdout, 'Compiled in modules:\n  core.c\n  mod_so.c\n  http_core.c\n  event.c\n')
})

t.test('no MPM linked in: -V reads the configuration, and says what it has either way', async (t) => {
  const root = rootWith(t, CONF)
  mkdirSync(join(root, 'modules'))
  writeFileSync(join(root, 'modules/mod_mpm_event.so'), '')
  const none = await run(root, ['-V'], { prelinked: linked })
  t.equal(none.code, 1)
  t.equal(none.stderr, 'AH00534: httpd: Configuration error: No MPM loaded.\n'
    + `To ${root}/conf/httpd.conf add one of these lines:\n  LoadModule mpm_event_module modules/mod_mpm_event.so\n`)
  t.match(none.stdout, 'Server MPM:     \nServer compiled with....\n')
})

t.test('-E', async (t) => {
  const root = rootWith(t, CONF)
  t.match(await run(root, ['-t', '-E', 'logs/start']), { code: 0, stderr: '' })
  await run(root, ['-t', '-E', 'logs/start'])
  t.equal(readFileSync(join(root, 'logs/start'), 'latin1'), 'Syntax OK\nSyntax OK\n', 'appended')
  const none = join(root, 'none/x')
  t.match(await run(root, ['-t', '-E', none]), { code: 0,
    stderr: `(2)No such file or directory: AH00086: httpd: could not open error log file ${none}.\nSyntax OK\n` })
})

t.test('usage', async (t) => {
  const { code, stdout, stderr } = await run('/none', ['-k', 'foo'])
  t.match({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^httpd: illegal option -- k\nUsage: \/opt\/bin\/httpd \[-D name\]/)
})

t.test('-k without a server', async (t) => {
  const root = rootWith(t, CONF)
  const stop = { code: 0, stdout: 'httpd (no pid file) not running\n', stderr: '', served: [] }
  t.match(await run(root, ['-k', 'stop']), stop)
  t.match(await run(root, ['-k', 'graceful-stop', '-D', 'FOREGROUND']), stop)
  writeFileSync(join(root, 'logs/httpd.pid'), 'garbage')
  for (const signal of ['start', 'stop', 'graceful'])
    t.match(await run(root, ['-k', signal]), { code: 1, stdout: '', served: [],
      stderr: /AH00058: Error retrieving pid file logs\/httpd\.pid\nAH00059: Remove it/ })
})

t.test('a start in the foreground', async (t) => {
  const root = rootWith(t, CONF)
  const { code, stdout, stderr, served } = await run(root, ['-X', '-DFOO', '-f', 'conf/httpd.conf'])
  t.match({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' })
  t.match(served, [{
    oneProcess: true, detached: false, pidFile: `${root}/logs/httpd.pid`,
    commandLine: '/opt/bin/httpd -X -D FOO -f conf/httpd.conf',
    argv: ['/opt/bin/httpd', root, '-X', '-D', 'FOO', '-f', 'conf/httpd.conf'],
  }])
  t.equal(served[0]?.prepared.mpm.name, 'mpm_event_module')
  const again = await served[0]!.again()
  t.equal(again.kind, 'prepared', 'the configuration can be read again')
  writeFileSync(join(root, 'conf/httpd.conf'), 'FooBar\n')
  t.match(await served[0]!.again(), { kind: 'refused', texts: [/^AH00526: Syntax error on line 1/] })

  const graceful = await run(rootWith(t, CONF), ['-k', 'graceful', '-D', 'FOREGROUND'])
  t.match(graceful, { code: 0, stdout: 'httpd not running, trying to start\n', served: [{ oneProcess: false }] })
})

t.test('a detached start', async (t) => {
  const root = rootWith(t, CONF)
  const calls: (readonly string[])[] = []
  const fake = ((command: string, args: string[], options: object) => {
    calls.push(args)
    return spawn(command, ['-e', 'require("fs").writeSync(3, "ready\\n")'], options)
  }) as Spawn
  const deps = { spawn: fake, relaunch: { command: process.execPath, args: ['bundle.cjs'] } }
  t.match(await run('/none', ['-d', root, '-k', 'start', '-DX'], deps), { code: 0, stdout: '', stderr: '', served: [] })
  t.same(calls, [['bundle.cjs', '/opt/bin/httpd', '/none', '-d', root, '-D', 'X']])
  const failed = await run(root, [], { ...deps, spawn: ((command: string, _: string[], options: object) =>
    spawn(command, ['-e', 'process.exitCode = 1'], options)) as Spawn })
  t.match(failed, { code: 1, stderr: /^httpd: Cannot start the server: / }, 'no -k is a start as well')
})

const options = (t: Test, conf: string, more: Partial<PrepareOptions> = {}): PrepareOptions => ({
  program: 'httpd', serverRoot: rootWith(t, conf), configFile: 'conf/httpd.conf', pre: [], post: [], defines: [],
  checkDirectories: true, checking: true, testing: false, restart: false, prelinked: withMpm, face, env: {},
  hosts: parseHosts('127.0.0.1 localhost box'), hostname: 'box', ...more,
})

t.test('names and addresses of servers', async (t) => {
  const conf = '<VirtualHost foo.invalid:80 localhost:80>\n</VirtualHost>\n'
  const prepared = await prepare(options(t, conf))
  t.same(prepared.notes.map(({ text }) => text), [
    'AH00547: Could not resolve host name foo.invalid -- ignoring!',
    "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using 127.0.0.1. "
      + "Set the 'ServerName' directive globally to suppress this message",
  ])
  if (prepared.kind === 'refused') throw new Error(prepared.texts.join('\n'))
  t.equal(prepared.servers[0]?.get(serverCore).serverName, '127.0.0.1')
  t.match(vhostsText(prepared.vhosts), /^127\.0\.0\.1:80 {11}127\.0\.0\.1 \(/m)
  const bad = options(t, 'ServerName x\n<VirtualHost *:0>\n</VirtualHost>\n')
  t.match(await prepare(bad), { kind: 'refused', texts: [
    `AH00526: Syntax error on line 2 of ${bad.serverRoot}/conf/httpd.conf:\nThe address or port is invalid`,
  ] })
})

t.test('a hook may refuse', async (t) => {
  for (const [hook, text] of [
    ['preConfig', 'AH00013: Pre-configuration failed'], ['checkConfig', 'AH00014: Configuration check failed'],
  ] as const) {
    const module: face.Module = {
      name: 'no_module', file: 'mod_no.c', register: (hooks, on) => on(hooks[hook], () => 500),
    }
    const prelinked = [...withMpm, { symbol: 'no_module', file: 'mod_no.c', module }]
    t.match(await prepare(options(t, CONF, { prelinked })), { kind: 'refused', texts: [text] })
  }
})

t.test('a child has the same generation, whatever happens to the files', async (t) => {
  const host = '<VirtualHost *:${PORT} localhost:80>\nServerName v.example.com\nTimeout 7\n</VirtualHost>\n'
  const conf = `${CONF}Define PORT 8080\n${host}`
  const input = options(t, conf)
  const prepared = await prepare(input)
  if (prepared.kind === 'refused') throw new Error(prepared.texts.join('\n'))
  writeFileSync(join(input.serverRoot, 'conf/httpd.conf'), 'FooBar\n')
  const payload = JSON.stringify(payloadOf(prepared, ['httpd', input.serverRoot], []))
  const child = await rebuild(JSON.parse(payload) as ReturnType<typeof payloadOf>, { prelinked: withMpm, face })
  t.equal(vhostsText(child.vhosts), vhostsText(prepared.vhosts))
  const settingsOf = (servers: Prepared['servers']) => servers.map((server) => server.get(serverCore))
  t.same(settingsOf(child.servers), settingsOf(prepared.servers))
  t.equal(child.servers[1]?.get(serverCore).timeout, 7000)
  t.same([...child.defines], [...prepared.defines])
  t.equal(child.mpm.name, 'mpm_event_module')
})

const bundleOf = (name: string): string =>
  `/* switchyard module: AP24 ${face.MODULE_MAGIC_NUMBER} */`
  + `exports.mpm = { name: 'mpm_${name}_module', file: '${name}.c', traits: { name: '${name}', `
  + "processes: 'dynamic', threads: 'none', async: false } }"

t.test('LoadModule brings the MPM, into children as well', async (t) => {
  const load = (name: string) => `LoadModule mpm_${name}_module modules/mod_mpm_${name}.so\n`
  const input = options(t, `${CONF}LoadFile modules/first.js\n${load('prefork')}`, { prelinked: linked })
  const modules = join(input.serverRoot, 'modules')
  mkdirSync(modules)
  for (const name of ['prefork', 'worker']) writeFileSync(join(modules, `mod_mpm_${name}.so`), bundleOf(name))
  writeFileSync(join(modules, 'first.js'), 'globalThis.loadedFirst = (globalThis.loadedFirst ?? 0) + 1')

  const prepared = await prepare(input)
  if (prepared.kind === 'refused') throw new Error(prepared.texts.join('\n'))
  t.equal(prepared.mpm.traits.name, 'prefork')
  t.same([...prepared.moduleSources.keys()], [join(modules, 'first.js'), join(modules, 'mod_mpm_prefork.so')])
  writeFileSync(join(modules, 'mod_mpm_prefork.so'), 'changed')
  const payload = JSON.stringify(payloadOf(prepared, ['httpd', input.serverRoot], []))
  const child = await rebuild(JSON.parse(payload) as ReturnType<typeof payloadOf>, { prelinked: linked, face })
  t.equal(child.mpm.traits.name, 'prefork', 'from the text that was read, not from the file')
  t.equal((globalThis as { loadedFirst?: number }).loadedFirst, 2, 'LoadFile runs in every process')

  writeFileSync(join(modules, 'mod_mpm_prefork.so'), bundleOf('prefork'))
  writeFileSync(join(input.serverRoot, 'conf/httpd.conf'), CONF + load('worker') + load('prefork'))
  const file = `${input.serverRoot}/conf/httpd.conf`
  t.match(await prepare(input), { kind: 'refused', texts: [
    'AH00534: httpd: Configuration error: More than one MPM loaded.\n'
    + `  mpm_worker_module: loaded by line 3 of ${file}\n  mpm_prefork_module: loaded by line 4 of ${file}\n`
    + 'Remove all of these LoadModule lines but one',
  ] })
  const shown = await run(input.serverRoot, ['-V'], { prelinked: linked })
  t.match(shown, { code: 1, stderr: /^AH00534/, stdout: 'Server MPM:     worker\n  threaded:     no\n' })
})

t.test('faults of reading and of carrying out are all reported, reading first', async (t) => {
  const answer = await prepare(options(t, `${CONF}FooBar\nInclude none.conf\nTimeout\n`))
  t.match(answer, { kind: 'refused', texts: [
    /^httpd: Syntax error on line 4 of .*: Could not open configuration file /,
    /^AH00526: Syntax error on line 3 .*\nInvalid command 'FooBar'/,
    /^AH00526: Syntax error on line 5 .*\nTimeout takes one argument, Timeout duration \(sec\)/,
  ] })
})

t.test('DefaultRuntimeDir', async (t) => {
  const { code, stdout } = await run(rootWith(t, `DefaultRuntimeDir htdocs\n${CONF}`), ['-S'])
  t.equal(code, 0)
  t.match(stdout, /^Mutex default: dir=".*\/htdocs\/" mechanism=default $/m)
})

t.test('advice on a directive of another module', async (t) => {
  const known = knownDirectives({ rewriterule: 'mod_rewrite', alias: 'mod_alias' }, { loadableModules: ['alias_module'] })
  t.equal(known('constructor'), undefined)
  const { stderr } = await run(rootWith(t, `${CONF}Alias /a /b\nRewriteRule x y\n`), ['-t'], { known })
  t.match(stderr, "'Alias' belongs to mod_alias: load it with LoadModule alias_module modules/mod_alias.so\n")
  t.match(stderr, "'RewriteRule' belongs to mod_rewrite, which this build does not have\n")
})
