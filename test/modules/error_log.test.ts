import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { dirCore, globalCore, serverCore } from '../../core/server/core_settings.ts'
import { DEFAULT_ERROR_FORMAT, compileErrorFormat, logId, setThreadNumber,
  type ErrorEntry } from '../../core/server/log_format.ts'
import { log, mightLog, openErrorLogs, useErrorLogs } from '../../core/server/log.ts'
import { logDirectives } from '../../core/server/log_directives.ts'
import { openPipedLog, takePipedLogs } from '../../core/server/piped_log.ts'
import { linux } from '../../core/port/linux.ts'
import { epoll } from '../../core/port/poll/epoll.ts'
import { receiveAt } from '../support/datagrams.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, refusal } from './harness.ts'

process.env.TZ = 'UTC'
const core = { name: 'core_module', file: 'core.c', settings: [serverCore, globalCore, dirCore],
  directives: logDirectives }
const time = Date.UTC(2026, 10, 20, 9, 24, 53) * 1000 + 123_456
const entry = (more: Partial<ErrorEntry>): ErrorEntry =>
  ({ level: 'error', rank: 3, module: 'core', message: 'AH00001: it broke', time, ...more })
const configured = configure([core], '')

t.test('lines in the default format', (t) => {
  const line = compileErrorFormat(DEFAULT_ERROR_FORMAT)
  setThreadNumber(77)
  const start = (level: string) => `[Fri Nov 20 09:24:53.123456 2026] [core:${level}] [pid ${process.pid}:tid 77]`
  const request = fakeRequest(configured, { headers: { Referer: 'http://ref.example/"\n' } })
  t.equal(line(entry({})), `${start('error')} AH00001: it broke`)
  t.equal(line(entry({ errno: 13 })), `${start('error')} (13)Permission denied: AH00001: it broke`)
  t.equal(line(entry({ connection: request.connection })),
    `${start('error')} [client 192.0.2.7:4711] AH00001: it broke`)
  t.equal(line(entry({ request })),
    `${start('error')} [client 192.0.2.7:4711] AH00001: it broke, referer: http://ref.example/"\\n`)
  t.equal(line(entry({ level: 'debug', rank: 7, file: 'log.ts(12)', errno: 2 })),
    `${start('debug')} log.ts(12): (2)No such file or directory: AH00001: it broke`)
  t.equal(line(entry({ file: 'log.ts(12)' })), `${start('error')} AH00001: it broke`, 'no file above debug')
  t.equal(line(entry({ message: 'a\x01b\nc\\\xe9\n' })), `${start('error')} a\\x01b\\nc\\\\\\xe9\\n`, 'escaped, to the end: it may be what a client sent')
  t.end()
})

t.test('ErrorLogFormat', (t) => {
  const request = fakeRequest(configured, { headers: { 'User-Agent': 'x' }, connection: { keepalives: 3 } })
  request.notes.set('why', 'because')
  request.env.set('VAR', 'value')
  const is = (format: string, expected: string, more: Partial<ErrorEntry> = { request }) =>
    t.equal(compileErrorFormat(format)(entry(more)), expected, format)
  is('%% %a %A', '% 192.0.2.7:4711 192.0.2.1:8080')
  is('%{User-Agent}i %{why}n %{VAR}e', 'x because value')
  is('[%{Nothing}i] %M', ' AH00001: it broke')
  is('[%-{Nothing}i] %M', '[-] AH00001: it broke')
  is('[%+{Nothing}i] %M', '')
  is('%k %l %m %P', `2 error core ${process.pid}`)
  is('a\\ %{No}i b', ' b')
  is('%M% %{No}i', 'AH00001: it broke')
  is('%{c}t|%{cu}t', '2026-11-20 09:24:53|2026-11-20 09:24:53.123456')
  is('%t', 'Fri Nov 20 09:24:53 2026')
  is('%L %{c}L', `${logId(request)} ${logId(request.connection)}`)
  is('x %a y', 'x y', {})
  is('%3l %4l', 'error', {})
  is('[%{C}L] %M', ' AH00001: it broke')
  is('%{C}L', logId(request.connection), { request, scope: 'connection' })
  is('%{uc}t %{x}t', '2026-11-20 09:24:53.123456 Fri Nov 20 09:24:53 2026')
  is('[%-7a] %4m x', ' x', {})
  is('a %{No}i:%M', 'aAH00001: it broke', {})
  t.end()
})

t.test('refusals of ErrorLog, ErrorLogFormat and LogLevel are Apache\'s', (t) => {
  const is = (text: string, message: string) => t.equal(refusal([core], text), message, text)
  is('ErrorLogFormat "%Q"', 'Unrecognized error log format directive %Q')
  is('ErrorLogFormat "%M %"', 'Ran off end of error log format parsing args to some directive')
  is('ErrorLogFormat "%{abc"', 'Ran off end of error log format parsing args to some directive')
  is('ErrorLogFormat foo "%M"', 'ErrorLogFormat type must be one of request, connection')
  is('ErrorLogFormat "%a"', "main ErrorLogFormat must contain message format string '%M'")
  is('ErrorLogFormat request', "main ErrorLogFormat must contain message format string '%M'")
  is('ErrorLogFormat "%+a %M"', "The '+' flag cannot be used in the main error log format")
  is('ErrorLogFormat connection "%M"', '%M cannot be used in once-per-request or once-per-connection formats')
  is('ErrorLogFormat a b c', 'ErrorLogFormat takes 1-2 arguments, Format string for the ErrorLog')
  is('LogLevel foo', 'Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8')
  is('LogLevel core:', "Module specifier 'core' must be followed by a log level keyword")
  is('LogLevel nomod:debug', 'Cannot find module nomod')
  t.match(refusal([core], 'ErrorLog syslog:bogus'), /^ErrorLog cannot be "syslog:bogus": the facility must be one of kern, user,/)
  t.end()
})

t.test('ErrorLog syslog', async (t) => {
  const address = `@httpd-syslog-${process.pid}`
  const receiver = receiveAt(t, address)
  process.env['SYSLOG_SOCKET'] = address
  t.teardown(() => {
    useErrorLogs()
    delete process.env['SYSLOG_SOCKET']
  })
  const { datagram } = linux(epoll).service
  const open = (target: string) => {
    const server = fakeServer(configure([core], `ErrorLog ${target}\nLogLevel trace8`).conf)
    t.equal(openErrorLogs(fakeStartup(server), datagram), 0)
    return server
  }
  setThreadNumber(77)
  const server = open('syslog')
  log('error', 'core', 'it broke', { server })
  log('trace4', 'core', 'chatter', { server })
  open('syslog:LOCAL3:mine')
  log('emerg', 'core', 'the end')
  open('syslog::mine')
  for (let i = 0; i < 100; i++) log('info', 'core', `message ${i}`)
  await until(() => receiver.all().length >= 103)
  const lines = receiver.all()
  const time = '[A-Z][a-z]{2} [ 1-3]\\d \\d\\d:\\d\\d:\\d\\d'
  const line = (start: string, end: string) => new RegExp(`^<${start.replace(' ', `>${time} `)}\\[${process.pid}\\]: ${end}$`)
  t.match(lines[0], line('187 httpd', `\\[core:error\\] \\[pid ${process.pid}:tid 77\\] it broke`))
  t.match(lines[1], line('191 httpd', '.* chatter'), 'what is less serious than debug is debug')
  t.match(lines[2], line('152 mine', '.* the end'))
  for (let i = 0; i < 100; i++) t.match(lines[3 + i], line('190 mine', `.* message ${i}`), 'a busy receiver gets all, in order')
  t.equal(lines.length, 103)
})

t.test('levels, files and lines that are written once', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'error-log-'))
  t.teardown(() => {
    useErrorLogs()
    rmSync(dir, { recursive: true })
  })
  const file = join(dir, 'error_log')
  const made = configure([core], `ErrorLog ${file}
    LogLevel warn
    ErrorLogFormat "%m %l %M"
    ErrorLogFormat request "request %{User-Agent}i"
    <Location /x>
    LogLevel trace1
    </Location>`)
  const server = fakeServer(made.conf)
  t.equal(openErrorLogs({ ...fakeStartup(server), checking: true }), 0)
  t.notOk(readable(file), 'a check opens nothing')
  t.equal(openErrorLogs(fakeStartup(server)), 0)
  log('info', 'core', 'not wanted', { server })
  log('notice', 'core', 'always', { server })
  log('warn', 'core', 'wanted')
  const inside = fakeRequest(made, { headers: { 'User-Agent': 'agent' } })
  log('trace1', 'ssl', 'from the section', { request: inside })
  log('trace2', 'ssl', 'too deep', { request: inside })
  log('error', 'core', 'again', { request: inside })
  t.strictSame(readFileSync(file, 'utf8').trimEnd().split('\n'),
    ['core notice always', 'core warn wanted', 'request agent', 'ssl trace1 from the section', 'core error again'])
  t.ok(mightLog('trace1'))
  t.notOk(mightLog('trace2'))
  t.end()
})

t.test('what cannot be opened stops the start', (t) => {
  const start = (target: string) => {
    const notes: string[] = []
    const { conf } = configure([core], `ErrorLog "${target}"`)
    return [openErrorLogs(fakeStartup(fakeServer(conf), notes)), ...notes]
  }
  t.strictSame(start('/no/such/directory/log'),
    [500, 'crit core: (2)No such file or directory: AH00091: httpd: could not open error log file ' +
      '/no/such/directory/log.'])
  t.match(start('|/no/such/program -x'),
    [500, "crit core: AH00088: httpd: unable to start piped log program '/no/such/program -x'"])
  t.end()
})

t.test('a piped log program gets the lines and is replaced when it dies', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'piped-log-'))
  const failures: string[] = []
  t.teardown(async () => {
    takePipedLogs().retire()
    // The script is started once more, for what may be left.
    await sleep(100)
    rmSync(dir, { recursive: true })
  })
  const script = join(dir, 'once.sh')
  writeFileSync(script, 'IFS= read -r line || exit 0; echo "$line" >> "$1"\n')
  const fd = openPipedLog(`|/bin/sh ${script} "${dir}/out put"`, (text) => failures.push(text))
  writeSync(fd, 'first\n')
  await until(() => failures.length === 1 && lines(`${dir}/out put`).length === 1)
  writeSync(fd, 'second\n')
  await until(() => lines(`${dir}/out put`).length === 2)
  t.strictSame(lines(`${dir}/out put`), ['first', 'second'])
  t.match(failures[0], /^AH00106: piped log program '\/bin\/sh .*' failed unexpectedly$/)
  const shell = openPipedLog(`|$while read -r l; do echo "$l" >> ${dir}/shell; done`, () => undefined)
  writeSync(shell, 'x\n')
  await until(() => lines(`${dir}/shell`).length === 1)
  t.strictSame(lines(`${dir}/shell`), ['x'])
})

t.test('what is in the pipe when the generation is over reaches a program that fails', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'piped-log-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const script = join(dir, 'once.sh')
  writeFileSync(script, 'IFS= read -r line || exit 0; echo "$line" >> "$1"; exit 1\n')
  const fd = openPipedLog(`|/bin/sh ${script} ${dir}/out`, () => undefined)
  writeSync(fd, 'first\nsecond\n')
  takePipedLogs().retire()
  closeSync(fd)
  await until(() => lines(`${dir}/out`).length === 2)
  t.strictSame(lines(`${dir}/out`), ['first', 'second'])
})

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(20)
}

const lines = (file: string): string[] => readable(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []

function readable(file: string): boolean {
  try {
    return openSync(file, 'r') > 0
  } catch {
    return false
  }
}
