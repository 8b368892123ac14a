// -v, -V, -l, -L, -M, DUMP_RUN_CFG, and the messages on the number of MPMs.
import t from 'tap'
import { word } from '../../core/config/args.ts'
import { ServerConf } from '../../core/config/server_conf.ts'
import { Settings } from '../../core/config/settings.ts'
import {
  ACCESS_CONF, allowedBy, EXEC_ON_READ, GLOBAL_ONLY, OR_ALL, RSRC_AND_ACCESS, RSRC_CONF,
} from '../../core/config/where.ts'
import { ModuleList } from '../../core/hook/modules.ts'
import type { Module } from '../../core/hook/module.ts'
import type { BuildInfo } from '../../core/server/build_info.ts'
import { globalCore, serverCore } from '../../core/server/core_settings.ts'
import { contextText, directivesText, includeText, loadedModulesText } from '../../core/server/dumps.ts'
import { chooseMpm, firstMpm } from '../../core/server/mpm_choice.ts'
import { runConfigText } from '../../core/server/program_run_config.ts'
import { modulesText, settingsText, versionText } from '../../core/server/program_version.ts'
import { buildServers } from '../../core/server/server.ts'
import { unixd } from '../../core/server/unixd_settings.ts'
import { LANGUAGE_LEVEL, VERSION } from '../../core/base/version.ts'

const build: BuildInfo = {
  httpdRoot: '/usr/local/x', serverConfigFile: 'conf/httpd.conf', defaultPidLog: 'logs/httpd.pid',
  defaultScoreboard: 'logs/apache_runtime_status', defaultErrorLog: 'logs/error_log',
  typesConfigFile: 'conf/mime.types', builtOn: 'Nov 20 2026 09:13:39', features: ['sendfile', 'epoll'],
}

const OUTSIDE = 'only outside <Directory>, <Files>, <Location>, or <If>'
const INSIDE = 'only inside <Directory>, <Files>, <Location>, or <If>'

t.test('contexts of directives, in Apache\'s words', (t) => {
  t.equal(contextText(RSRC_CONF, true), OUTSIDE)
  t.equal(contextText(GLOBAL_ONLY, false), OUTSIDE)
  t.equal(contextText(ACCESS_CONF, true), INSIDE)
  t.equal(contextText(RSRC_AND_ACCESS, true), 'anywhere')
  t.equal(contextText(EXEC_ON_READ, true), 'anywhere')
  t.equal(contextText(RSRC_AND_ACCESS, false), 'anywhere [no per-dir config]')
  t.equal(contextText(OR_ALL, true), "anywhere and in .htaccess\n\twhen AllowOverride isn't None")
  t.equal(contextText(allowedBy('FileInfo'), true), 'anywhere and in .htaccess\n\twhen AllowOverride includes FileInfo')
  t.equal(contextText(allowedBy('Limit', 'AuthConfig'), true),
    `${INSIDE} and in .htaccess\n\twhen AllowOverride includes AuthConfig or Limit`)
  t.equal(contextText(allowedBy('Indexes'), false),
    'anywhere [no per-dir config] and in .htaccess\n\twhen AllowOverride includes Indexes')
  t.end()
})

const settings = new Settings('directory', { kind: '' })
const sample: Module = {
  name: 'sample_module', file: 'mod_sample.c', settings: [settings],
  directives: [
    settings.directive('SampleKind', [word], 'kind', OR_ALL, 'what kind it is'),
    { name: '<Sample', where: RSRC_CONF, help: '', takes: '', scope: 'server', apply: () => undefined },
  ],
}
const traits = { name: 'event', processes: 'dynamic', threads: 'fixed', async: true } as const
const mpm = (name: string) =>
  Object.assign({ name: `mpm_${name}_module`, file: `${name}.c` }, { traits: { ...traits, name } })
const at = { file: '/x/httpd.conf', line: 12 }

t.test('-L and -M', (t) => {
  const modules = new ModuleList()
  modules.add({ module: sample, symbol: 'sample_module', linkage: 'static' })
  modules.add({ module: mpm('event'), symbol: 'mpm_event_module', linkage: 'shared', path: 'x', at })
  t.equal(loadedModulesText(modules), 'Loaded Modules:\n sample_module (static)\n mpm_event_module (shared)\n')
  t.equal(directivesText(modules), [
    'SampleKind (mod_sample.c)', '\twhat kind it is', '\tAllowed in *.conf anywhere and in .htaccess',
    "\twhen AllowOverride isn't None", '<Sample (mod_sample.c)', `\tAllowed in *.conf ${OUTSIDE}`, '',
  ].join('\n'))
  t.end()
})

t.test('-v, -V and -l', (t) => {
  const version = `Server version: Switchyard/${VERSION} (Unix) Apache/${LANGUAGE_LEVEL}\n`
    + 'Server built:   Nov 20 2026 09:13:39\n'
  t.equal(versionText(build), version)
  const event = settingsText(build, traits, process.versions)
  t.ok(event.startsWith(`${version}Server's Module Magic Number: 20120211:137\nServer loaded:  Node.js `))
  t.match(event, [
    '', 'Server MPM:     event', '  threaded:     yes (fixed thread count)',
    '    forked:     yes (variable process count)',
    'Server compiled with....', ' -D APR_HAS_SENDFILE', '',
  ].join('\n'))
  t.match(event, / -D HTTPD_ROOT="\/usr\/local\/x"\n -D DEFAULT_PIDLOG="logs\/httpd.pid"\n/)
  t.ok(event.endsWith(' -D SERVER_CONFIG_FILE="conf/httpd.conf"\n'))
  t.match(settingsText(build, { ...traits, threads: 'none' }, process.versions), '  threaded:     no\n')
  t.match(settingsText(build, { ...traits, threads: 'dynamic', processes: 'one' }, process.versions),
    '  threaded:     yes (variable thread count)\n    forked:     no\n')
  t.match(settingsText(build, undefined, process.versions), 'Server MPM:     \nServer compiled with....\n',
    'no MPM: no sub-lines')
  t.notMatch(settingsText({ ...build, features: [] }, traits, process.versions), 'SENDFILE')
  t.equal(modulesText([{ symbol: 'sample_module', file: 'mod_sample.c', module: sample }]),
    'Compiled in modules:\n  mod_sample.c\n')
  t.end()
})

t.test('DUMP_RUN_CFG', (t) => {
  const conf = new ServerConf(false, at)
  const [main] = buildServers({ main: conf, virtual: [] }, () => undefined)
  const modules = new ModuleList()
  const input = {
    main: main!, modules, serverRoot: '/path', defaultDocumentRoot: '/path/htdocs', build, isRoot: true,
    defines: new Map([['DUMP_RUN_CFG', undefined], ['FOO', 'bar'], ['EMPTY', '']]),
  }
  const defines = ['Define: DUMP_RUN_CFG', 'Define: FOO=bar', 'Define: EMPTY']
  t.equal(runConfigText(input), [
    'ServerRoot: "/path"', 'Main DocumentRoot: "/path/htdocs"', 'Main ErrorLog: "/path/logs/error_log"',
    'Mutex default: dir="/path/logs/" mechanism=default ', 'PidFile: "/path/logs/httpd.pid"', ...defines, '',
  ].join('\n'))

  modules.add({ module: { name: 'unixd_module', file: 'mod_unixd.c' }, symbol: 'unixd_module', linkage: 'static' })
  modules.add({ module: mpm('prefork'), symbol: 'mpm_prefork_module', linkage: 'static' })
  t.match(runConfigText(input), 'Mutex mpm-accept: using_defaults\n')
  t.ok(runConfigText(input).endsWith('User: name="#-1" id=4294967295\nGroup: name="#-1" id=4294967295\n'))

  Object.assign(conf.vector.said(serverCore), { documentRoot: '/srv', errorLog: '|logger' })
  Object.assign(conf.vector.said(unixd), { userName: 'www-data', userId: 33, groupName: '#5', groupId: 5 })
  Object.assign(conf.vector.said(globalCore), { pidFile: '/run/x.pid', scoreBoardFile: 'sb', mutexes: [
    { mechanism: 'Flock', types: [], omitPid: false },
    { mechanism: 'fcntl:locks', types: ['mpm-accept'], omitPid: true },
  ] })
  t.equal(runConfigText({ ...input, isRoot: false }), [
    'ServerRoot: "/path"', 'Main DocumentRoot: "/srv"', 'Main ErrorLog: "|logger"', 'ScoreBoardFile: "/path/sb"',
    'Mutex default: dir="/path/logs/" mechanism=flock ',
    'Mutex mpm-accept: dir="/path/locks" mechanism=fcntl [OmitPid]', 'PidFile: "/run/x.pid"', ...defines,
    'User: name="www-data" id=33 not_used', 'Group: name="#5" id=5 not_used', '',
  ].join('\n'))
  t.end()
})

t.test('DUMP_INCLUDES', (t) => {
  t.equal(includeText(1, undefined, '/path/httpd.conf') + includeText(2, 7, '/path/a.conf')
    + includeText(3, 1, '/path/b.conf'), '  (*) /path/httpd.conf\n    (7) /path/a.conf\n      (1) /path/b.conf\n')
  t.end()
})

t.test('exactly one MPM', (t) => {
  const context = { program: 'httpd', configFile: '/x/httpd.conf', available: ['modules/mod_mpm_event.so'] }
  const linked = { module: mpm('prefork'), symbol: 'mpm_prefork_module', linkage: 'static' } as const
  const event = { module: mpm('event'), symbol: 'mpm_event_module', linkage: 'shared', path: 'x', at } as const
  const other = { module: sample, symbol: 'sample_module', linkage: 'static' } as const
  const text = (choice: ReturnType<typeof chooseMpm>) => (choice.ok ? choice.mpm.name : choice.text)

  t.equal(text(chooseMpm([other, event], context)), 'mpm_event_module')
  t.equal(firstMpm([other, linked, event])?.name, 'mpm_prefork_module')
  t.equal(firstMpm([other]), undefined)
  t.equal(text(chooseMpm([other], context)), `AH00534: httpd: Configuration error: No MPM loaded.
To /x/httpd.conf add one of these lines:
  LoadModule mpm_event_module modules/mod_mpm_event.so`)
  t.match(text(chooseMpm([], { ...context, program: 'apache2', available: [] })),
    /^AH00534: apache2: Configuration error: No MPM loaded\.\n.*--with-mpm=NAME/)
  t.equal(text(chooseMpm([linked, event], context)), `AH00534: httpd: Configuration error: More than one MPM loaded.
  mpm_prefork_module: linked into the program
  mpm_event_module: loaded by line 12 of /x/httpd.conf
Remove these LoadModule lines, or configure with --enable-mpms-shared=all to choose the MPM by LoadModule`)
  t.match(text(chooseMpm([event, { ...event, symbol: 'mpm_worker_module', module: mpm('worker') }], context)),
    /\n {2}mpm_worker_module: loaded by line 12 of .*\nRemove all of these LoadModule lines but one$/)
  t.end()
})
