// The PidFile: what each state of it means, and writing and removing it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  isRunning, processes, readPidFile, removePidFile, writePidFile, type PidFile, type Processes,
} from '../../core/server/pidfile.ts'
import type { Signal } from '../../core/server/cli.ts'
import { decide, sendSignal } from '../../core/server/program_signal.ts'

const contents: readonly (readonly [text: string, pid: number | 'corrupt'])[] = [
  ['123\n', 123], ['123', 123], ['  123 \n', 123], ['', 'corrupt'], ['\n', 'corrupt'], ['abc', 'corrupt'],
  ['-5\n', 'corrupt'], ['0\n', 'corrupt'], ['12x', 'corrupt'], ['12 13', 'corrupt'], ['99999999999999', 'corrupt'],
]

t.test('content', (t) => {
  const file = join(t.testdir({}), 'httpd.pid')
  t.same(readPidFile(file), { kind: 'none' })
  for (const [text, pid] of contents) {
    writeFileSync(file, text)
    const want = pid === 'corrupt' ? { kind: 'corrupt', error: undefined } : { kind: 'pid', pid }
    t.same(readPidFile(file), want, JSON.stringify(text))
  }
  t.end()
})

t.test('a directory in its place', (t) => {
  const dir = t.testdir({})
  const state = readPidFile(dir)
  t.equal(state.kind, 'corrupt')
  t.match(decide({ signal: 'stop', pidFileName: 'x.pid', pidFile: state, running: false }), {
    do: 'nothing', code: 1, stderr: /^\(21\)Is a directory: AH00058: Error retrieving pid file x\.pid\n/,
  })
  t.end()
})

const lives: readonly (readonly [commandLine: string | undefined, program: string, running: boolean, why: string])[] = [
  ['httpd\0\0\0', 'httpd', true, 'a control process'],
  ['httpd: control\0', 'httpd', true, 'with a role in its title'],
  ['/usr/sbin/apache2\0-k\0start\0', 'apache2', true, 'a program of the same name'],
  ['node\0/opt/lib/httpd.cjs\0/opt/bin/httpd\0', 'httpd', true, 'before it has its title'],
  ['vi\0httpd.conf\0', 'httpd', false, 'something else that names it'],
  ['node\0server.js\0', 'httpd', false, 'another program of node'],
  ['', 'httpd', false, 'a kernel thread'],
  [undefined, 'httpd', true, 'where the system does not tell'],
]

t.test('who is a server', (t) => {
  for (const [commandLine, program, running, why] of lives) {
    const system: Processes = { self: 1, alive: () => true, commandLine: () => commandLine }
    t.equal(isRunning(7, program, system), running, why)
    t.equal(isRunning(1, program, system), false, 'its own number')
    t.equal(isRunning(7, program, { ...system, alive: () => false }), false, 'dead')
  }
  t.end()
})

t.test('a number that was given out again', { skip: process.platform !== 'linux' }, async (t) => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
  await once(child, 'spawn')
  t.equal(processes.alive(child.pid!), true)
  t.equal(isRunning(child.pid!, 'httpd'), false, 'alive, but no server')
  child.stdin.end()
  await once(child, 'exit')
  t.equal(processes.alive(child.pid!), false)
  let said = ''
  t.equal(sendSignal(child.pid!, 'SIGTERM', (text) => (said += text)), 1)
  t.match(said, /^\(3\).*: AH00057: sending signal to server\n$/)
})

t.test('write and remove', (t) => {
  const dir = t.testdir({})
  const file = join(dir, 'httpd.pid')
  t.same(writePidFile(file, 42, 'httpd'), { ok: true, notes: [] })
  t.equal(readFileSync(file, 'latin1'), '42\n')
  t.equal(statSync(file).mode & 0o777, 0o644 & ~process.umask())
  t.same(readdirSync(dir), ['httpd.pid'], 'no temporary file is left')
  t.same(writePidFile(file, 42, 'httpd').notes, [], 'its own number is no news')
  t.match(writePidFile(file, 43, 'httpd').notes, [
    { level: 'warn', text: `AH00098: pid file ${file} overwritten -- Unclean shutdown of previous Apache run?` },
  ])
  t.match(removePidFile(file, 43), {
    ok: true, notes: [{ level: 'info', text: `AH00096: removed PID file ${file} (pid=43)` }],
  })
  t.match(removePidFile(file, 43), {
    ok: false, notes: [{ text: `(2)No such file or directory: AH00095: failed to remove PID file ${file}` }],
  })
  t.end()
})

t.test('a directory that is not there, or a directory instead of the file', (t) => {
  const dir = t.testdir({})
  const missing = join(dir, 'none', 'httpd.pid')
  t.match(writePidFile(missing, 42, 'httpd'), { ok: false, notes: [
    { level: 'error', text: `(2)No such file or directory: AH00099: could not create ${missing}.42` },
    { level: 'error', text: `(2)No such file or directory: AH00100: httpd: could not log pid to file ${missing}` },
  ] })
  mkdirSync(join(dir, 'httpd.pid', 'x'), { recursive: true })
  const taken = writePidFile(join(dir, 'httpd.pid'), 42, 'httpd')
  t.equal(taken.ok, false)
  t.match(taken.notes.at(-1)?.text, /AH10231: httpd: Failed creating pid file .*httpd\.pid\.42$/)
  t.same(readdirSync(dir), ['httpd.pid'], 'no temporary file is left')
  t.end()
})

t.test('a directory without the right to write', { skip: process.getuid?.() === 0 }, (t) => {
  const dir = t.testdir({})
  chmodSync(dir, 0o555)
  const file = join(dir, 'httpd.pid')
  t.match(writePidFile(file, 42, 'httpd').notes[0]?.text, /^\(13\)Permission denied: AH00099/)
  t.end()
})

const none = { kind: 'none' } as const
const some = { kind: 'pid', pid: 77 } as const
const corrupt = { kind: 'corrupt', error: undefined } as const
const CORRUPT = '(20014)Internal error (specific information not available): '
  + 'AH00058: Error retrieving pid file logs/httpd.pid\n'
  + 'AH00059: Remove it before continuing if it is corrupted.\n'

t.test('-k', (t) => {
  const asked = (signal: Signal | undefined, pidFile: PidFile, running = false) =>
    decide({ signal, pidFileName: 'logs/httpd.pid', pidFile, running })
  for (const signal of [undefined, 'start'] as const) {
    t.same(asked(signal, none), { do: 'start' })
    t.same(asked(signal, some), { do: 'start' }, 'after an unclean end')
    t.same(asked(signal, some, true), { do: 'nothing', code: 0, stdout: 'httpd (pid 77) already running\n' })
  }
  for (const signal of ['stop', 'graceful-stop'] as const) {
    t.same(asked(signal, none), { do: 'nothing', code: 0, stdout: 'httpd (no pid file) not running\n' })
    t.same(asked(signal, some), { do: 'nothing', code: 0, stdout: 'httpd (pid 77?) not running\n' })
  }
  for (const signal of ['restart', 'graceful'] as const)
    for (const file of [none, some])
      t.same(asked(signal, file), { do: 'start', stdout: 'httpd not running, trying to start\n' })
  t.same(asked('stop', some, true), { do: 'kill', pid: 77, with: 'SIGTERM' })
  t.same(asked('graceful-stop', some, true), { do: 'kill', pid: 77, with: 'SIGWINCH' })
  t.same(asked('restart', some, true), { do: 'kill', pid: 77, with: 'SIGHUP' })
  t.same(asked('graceful', some, true), { do: 'kill', pid: 77, with: 'SIGUSR1' })
  for (const signal of [undefined, 'start', 'stop', 'restart', 'graceful', 'graceful-stop'] as const)
    t.same(asked(signal, corrupt), { do: 'nothing', code: 1, stderr: CORRUPT }, `${signal} with a corrupt file`)
  t.end()
})
