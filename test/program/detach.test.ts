// Starting a detached server: what the invoking process waits for, passes on and answers.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startDetached, StatusPipe, STATUS_VARIABLE, type Spawn } from '../../core/server/program_detach.ts'

/** Starts node with a script in the server's place. */
async function start(script: string, command = process.execPath) {
  let stderr = ''
  const pids: number[] = []
  const watched = ((...args: Parameters<typeof spawn>) => {
    const child = spawn(...args)
    if (child.pid !== undefined) pids.push(child.pid)
    return child
  }) as Spawn
  const code = await startDetached({
    command, args: ['-e', script], env: process.env, program: 'httpd', spawn: watched,
    stderr: (text) => (stderr += text.toString()),
  })
  return { code, stderr, pid: pids[0]! }
}

const WARN = 'require("fs").writeSync(2, "AH00098: a warning\\n");'
const READY = 'require("fs").writeSync(Number(process.env.HTTPD_STATUS_FD), "ready\\n");'

t.test('ready: 0, with the warnings of the start, while the server goes on', async (t) => {
  const { code, stderr, pid } = await start(`${WARN}${READY} setInterval(() => {}, 1000)`)
  t.teardown(() => process.kill(pid, 'SIGKILL'))
  t.equal(code, 0)
  t.equal(stderr, 'AH00098: a warning\n')
  t.equal(process.kill(pid, 0), true, 'it is alive')
})

t.test('ended before it served: 1, with its own words', async (t) => {
  t.match(await start(`${WARN} process.exit(1)`), { code: 1, stderr: 'AH00098: a warning\n' })
})

t.test('ended without a word', async (t) => {
  const { code, stderr } = await start('process.exit(0)')
  t.equal(code, 1)
  t.equal(stderr, 'httpd: Cannot start the server: it ended before it served, exit code 0\n')
  t.match(await start('process.kill(process.pid, "SIGKILL")'), { code: 1, stderr: /it served, signal SIGKILL\n$/ })
})

t.test('a program that is not there', async (t) => {
  const { code, stderr } = await start('', join(t.testdir({}), 'none'))
  t.equal(code, 1)
  t.match(stderr, /^httpd: Cannot start the server: .*ENOENT/)
})

t.test('the other end: one word, and the standard descriptors are let go of', (t) => {
  const file = join(t.testdir({ status: '' }), 'status')
  const copies: (readonly [number, number])[] = []
  const fd = openSync(file, 'w')
  const pipe = new StatusPipe(fd, (from, to) => copies.push([from, to]))
  const log = openSync(file, 'r')
  pipe.ready(log)
  pipe.ready(log)
  t.equal(readFileSync(file, 'latin1'), 'ready\n', 'said once')
  t.same(copies.map(([, to]) => to), [1, 2])
  t.equal(copies[1]?.[0], log, 'standard error goes to the error log')
  t.throws(() => closeSync(fd), { code: 'EBADF' }, 'the status pipe is closed')
  closeSync(log)
  t.equal(STATUS_VARIABLE, 'HTTPD_STATUS_FD')
  t.end()
})
