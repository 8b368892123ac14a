/* Apache httpd with the configuration of the log cases: what it writes for the same formats and requests. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, Socket, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { CONF } from './log_cases.ts'

export const APACHE = '/usr/sbin/apache2'
const MODULES = '/usr/lib/apache2/modules'

/** A piece that is not answered by then (ms) is part of a request: the next one follows. */
const UNANSWERED = 100
/** What follows the first bytes of an answer is there by then (ms). */
const REST = 15

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => done(port))
    })
  })
}

/** Sends the pieces of a stream, each a while after the one before; resolves when the server has closed. */
function send(port: number, stream: readonly Buffer[]): Promise<void> {
  return new Promise((done) => {
    const socket = new Socket({ allowHalfOpen: true }).connect(port, '127.0.0.1', () => void (async () => {
      for (const piece of stream) {
        const answered = new Promise((begun) => socket.once('data', begun))
        socket.write(piece)
        await Promise.race([answered, sleep(UNANSWERED)])
        await sleep(REST)
      }
      socket.end()
    })())
    // A server that refuses may reset the connection.
    socket.on('error', () => undefined).on('close', () => done()).resume()
  })
}

/** For each stream, for each format, the lines. */
export async function apacheLines(test: Test, formats: readonly string[], streams: readonly (readonly Buffer[])[]): Promise<string[][][]> {
  const root = mkdtempSync(join(tmpdir(), 'apache-log-'))
  mkdirSync(join(root, 'htdocs'))
  chmodSync(root, 0o755)
  writeFileSync(join(root, 'htdocs/hello'), 'hello, world\n')
  writeFileSync(join(root, 'htdocs/large'), 'x'.repeat(100_000))
  const port = await freePort()
  const quoted = formats.map((format, i) => `CustomLog ${root}/log.${i} "${format.replace(/["\\]/g, '\\$&')}"`)
  const load = ['mpm_prefork', 'authz_core', 'alias'].map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`)
  const file = join(root, 'conf')
  writeFileSync(file, Buffer.from([
    `ServerRoot ${root}`, ...load, `Listen 127.0.0.1:${port}`, `PidFile ${root}/pid`, `ErrorLog ${root}/error_log`,
    `DocumentRoot ${root}/htdocs`, 'StartServers 1', 'User #65534', 'Group #65534', CONF, ...quoted, '',
  ].join('\n'), 'latin1'))
  execFileSync(APACHE, ['-f', file, '-k', 'start'])
  const ended = async (): Promise<void> => {
    execFileSync(APACHE, ['-f', file, '-k', 'stop'], { stdio: 'ignore' })
    await sleep(300)
    rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  test.teardown(ended)
  const read = (i: number) => readFileSync(join(root, `log.${i}`), 'latin1').split('\n').slice(0, -1)
  const answers: string[][][] = []
  const seen = formats.map(() => 0)
  for (const stream of streams) {
    await send(port, stream)
    await sleep(20)
    answers.push(formats.map((_, i) => {
      const lines = read(i).slice(seen[i])
      seen[i]! += lines.length
      return lines.map((line) => line.replaceAll(`${root}/htdocs`, 'ROOT'))
    }))
  }
  return answers
}
