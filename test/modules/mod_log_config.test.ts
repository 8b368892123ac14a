import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import t from 'tap'
import { endTurn } from '../../core/base/turn.ts'
import { dirCore, serverCore } from '../../core/server/core_settings.ts'
import { coreDirectives } from '../../core/server/core_directives.ts'
import { sectionSettings } from '../../core/server/section_directives.ts'
import { compileFormat } from '../../modules/log_config/format.ts'
import { logRequest, module as logConfig } from '../../modules/mod_log_config.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, refusal, type Wanted } from './harness.ts'

process.env.TZ = 'Etc/GMT+4'
const core = {
  name: 'core_module', file: 'core.c', settings: [serverCore, dirCore], directives: [...coreDirectives,
    ...sectionSettings],
}
const modules = [core, logConfig]
const configured = configure(modules, 'ServerName www.example.org:8443')

const line = (format: string, wanted: Wanted = {}, made = configured): string =>
  compileFormat(format)(fakeRequest(made, wanted)).slice(0, -1)

const tid = () => threadId === 0 ? process.pid : threadId
const requestTime = Date.UTC(2011, 8, 18, 23, 19, 28) + 250.5

t.test('items', (t) => {
  const is = (format: string, expected: string, wanted: Wanted = {}) => t.equal(line(format, wanted), expected, format)
  const headers = { 'User-Agent': 'a "b" \\ \x01\xe9', Cookie: 'x=1; session=abc d; y', Host: 'asked.example:81' }
  is('%%', '%')
  is('%a %{c}a %A %h', '192.0.2.7 192.0.2.7 192.0.2.1 192.0.2.7')
  is('%b %B', '- 0')
  is('%b %B', '1234 1234', { bytesSent: 1234 })
  is('%{session}C %{none}C', 'abc d -', { headers })
  is('%{User-agent}i', 'a \\"b\\" \\\\ \\x01\\xe9', { headers })
  is('%{VAR}e %{NOTE}n', 'v n', { env: new Map([['VAR', 'v']]), notes: new Map([['NOTE', 'n']]) })
  is('%f', '/docs/a\\"', { filename: '/docs/a"' })
  is('%H %m %U%q %r', 'HTTP/1.1 GET /a?b=1 GET /a?b=1 HTTP/1.1',
    { uri: '/a', args: 'b=1', requestLine: 'GET /a?b=1 HTTP/1.1' })
  is('[%q]', '[]')
  is('%k', '0')
  is('%k', '4', { connection: { keepalives: 5 }, keepAlive: true })
  is('%k', '3', { connection: { keepalives: 5 } })
  is('%l %u %L', '- - -')
  is('%u', 'ann', { user: 'ann' })
  is('%u', '""', { user: '' })
  is('%p %{canonical}p %{local}p %{remote}p', '8443 8443 8080 4711', { headers })
  is('%p', '8443')
  is('%P %{pid}P %{tid}P %{hextid}P', [process.pid, process.pid, tid(), tid().toString(16)].join(' '))
  is('%R', 'mine', { handler: 'mine' })
  is('%v %V', 'www.example.org asked.example')
  is('%t', '[18/Sep/2011:19:19:28 -0400]', { requestTime })
  is('%{%Y-%m-%d}t %{begin:%H}t', '2011-09-18 19', { requestTime })
  is('%{sec}t %{msec}t %{usec}t %{msec_frac}t %{usec_frac}t',
    '1316387968 1316387968250 1316387968250500 250 250500', { requestTime })
  is('%s %>s', '404 404', { status: 404 })
  is('%X', 'X', { connection: { aborted: true }, keepAlive: true })
  is('%X', '+', { keepAlive: true })
  is('%X', '-', { keepAlive: false })
  is('%{Trailer}^ti %{Trailer}^to', '- -')
  is('a\\tb\\\\c\\"%%\\x', 'a\tb\\c"%\\x')
  t.end()
})

t.test('response headers', (t) => {
  const request = fakeRequest(configured, { contentType: 'text/html' })
  request.headersOut.set('ETag', '"x"')
  request.errHeadersOut.set('Allow', 'GET')
  t.equal(compileFormat('%{etag}o %{Allow}o %{Content-Type}o %{None}o')(request), '\\"x\\" GET text/html -\n')
  t.end()
})

t.test('durations', (t) => {
  const took = (format: string, ms: number) => Number(line(format,
    { requestTime: performance.timeOrigin + performance.now() - ms }))
  const between = (format: string, ms: number, low: number, high: number) => {
    const value = took(format, ms)
    t.ok(value >= low && value <= high, `${format} is ${value}`)
  }
  between('%D', 1500, 1_500_000, 2_400_000)
  between('%T', 2500, 2, 3)
  between('%{ms}T', 250, 250, 1200)
  between('%{us}T', 250, 250_000, 1_200_000)
  t.equal(line('%D', { requestTime: Date.now() + 5000 }), '0', 'never negative')
  t.equal(line('%{days}T'), 'days', 'as in Apache')
  t.end()
})

t.test('of an internal redirect, the original or the final request', (t) => {
  const final = fakeRequest(configured, { status: 404, uri: '/error.html', user: 'ann' })
  const original = fakeRequest(configured, { status: 200, uri: '/asked', next: final })
  const is = (format: string, expected: string) => t.equal(compileFormat(format)(original), `${expected}\n`, format)
  is('%s %>s %<s', '200 404 200')
  is('%U %>U', '/asked /error.html')
  is('%u %<u', 'ann -')
  is('%!200{x}i', '-')
  is('%404U %200U %!404U %!200U', '/asked - - /asked')
  is('%404,500>U', '/error.html')
  t.end()
})

t.test('logs, formats and conditions', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'access-log-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const made = configure(modules, `LogFormat "%h %>s" short
    LogFormat "default %m"
    CustomLog ${dir}/a short
    CustomLog ${dir}/a "inline %U"
    CustomLog ${dir}/b short env=!quiet
    CustomLog ${dir}/c short env=loud
    CustomLog ${dir}/e "%U" "expr=%{REQUEST_STATUS} -ge 400 && reqenv('loud') == '1'"
    TransferLog ${dir}/t
    GlobalLog ${dir}/g CLF`)
  t.equal(made.modules.hooks.openLogs.run(fakeStartup(fakeServer(made.conf))), 0)
  const read = (name: string) => readFileSync(`${dir}/${name}`, 'latin1')
  t.equal(logRequest(fakeRequest(made, { env: new Map([['quiet', '1']]) })), 0)
  t.equal(read('a'), '', 'nothing is written before the turn ends')
  logRequest(fakeRequest(made, { env: new Map([['loud', '1']]), uri: '/two', status: 404 }))
  endTurn()
  t.equal(read('a'), '192.0.2.7 200\ninline /\n192.0.2.7 404\ninline /two\n')
  t.equal(read('b'), '192.0.2.7 404\n')
  t.equal(read('c'), '192.0.2.7 404\n')
  t.equal(read('e'), '/two\n')
  t.equal(read('t'), 'default GET\ndefault GET\n')
  t.match(read('g'), /^192\.0\.2\.7 - - \[.*\] "GET \/ HTTP\/1\.1" 200 -\n/)
  t.end()
})

t.test('a virtual host with logs of its own has only those, and GlobalLog', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'access-log-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const main = configure(modules, `LogFormat "%U main" f\nCustomLog ${dir}/main f\nGlobalLog ${dir}/all f`)
  const own = configure(modules, `LogFormat "%U own" f\nCustomLog ${dir}/own f`, true)
  const plain = configure(modules, '', true)
  for (const each of [own, plain]) each.conf.vector = main.conf.vector.mergedWith(each.conf.vector,
    main.modules.settings())
  const servers = [main, own, plain].map(({ conf }) => fakeServer(conf))
  const server = { ...servers[0]!, all: servers }
  t.equal(main.modules.hooks.openLogs.run(fakeStartup(server)), 0)
  for (const [configured, uri] of [[main, '/m'], [own, '/o'], [plain,
    '/p']] as const) logRequest(fakeRequest(configured, { uri }))
  endTurn()
  t.equal(readFileSync(`${dir}/main`, 'utf8'), '/m main\n/p main\n')
  t.equal(readFileSync(`${dir}/own`, 'utf8'), '/o own\n')
  t.equal(readFileSync(`${dir}/all`, 'utf8'), '/m main\n/o own\n/p main\n')
  t.end()
})

t.test('a log that cannot be opened stops the start', (t) => {
  const notes: string[] = []
  const made = configure(modules, 'CustomLog /no/such/directory/log CLF')
  t.equal(made.modules.hooks.openLogs.run(fakeStartup(fakeServer(made.conf), notes)), 500)
  t.strictSame(notes, ['error log_config: (2)No such file or directory: AH00649: could not open transfer log file ' +
    '/no/such/directory/log.'])
  t.end()
})

t.test('refusals', (t) => {
  const is = (text: string, message: string) => t.equal(refusal(modules, text), message, text)
  is('LogFormat "%Z"', 'Unrecognized LogFormat directive %Z')
  is('LogFormat "%{x}Z"', 'Unrecognized LogFormat directive %Z')
  is('LogFormat "%^xx"', 'Unrecognized LogFormat directive %^')
  is('LogFormat "%I"', 'Unrecognized LogFormat directive %I: it is an item of mod_logio, which is not loaded')
  for (const cut of ['%', '%{abc', '%{abc}', '%400', '%!', '%<'])
    is(`CustomLog logs/a "%h ${cut}"`, 'Ran off end of LogFormat parsing args to some directive')
  is('CustomLog logs/a',
    'CustomLog takes two or three arguments, a file name, a custom log format string or format name, ' +
    'and an optional "env=" or "expr=" clause (see docs)')
  is(`CustomLog logs/a CLF "expr=-U '/x'"`, `error in condition clause: "-U '/x'" may have to wait for another lookup`)
  t.match(refusal(modules, 'CustomLog logs/a CLF "expr=1 =="'), /^error in condition clause: .*column/s)
  is('CustomLog logs/a CLF always', 'error in condition clause')
  is('CustomLog logs/a CLF env=', 'missing environment variable name')
  is('CustomLog logs/a CLF env=!', 'missing environment variable name')
  is('CustomLog logs/a CLF expr=', 'missing condition')
  t.end()
})

t.test('LogFormat with a name alone makes that format the default', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'access-log-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const made = configure(modules, `LogFormat "%m named" n\nLogFormat n\nTransferLog ${dir}/t`)
  made.modules.hooks.openLogs.run(fakeStartup(fakeServer(made.conf)))
  logRequest(fakeRequest(made))
  endTurn()
  t.equal(readFileSync(`${dir}/t`, 'utf8'), 'GET named\n')
  t.end()
})
