/*
 * The kqueue backend under a whole server: with libkqueue where it is installed, else with kqueue's calls over epoll
 * (test/support/kqueue_over_epoll.c), compiled here. Skipped where there is neither.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'
import { Agent, fetch } from 'undici'
import { end, until } from '../support/processes.ts'
import { freePort } from '../support/site.ts'

const source = resolve('test/support/kqueue_over_epoll.c')
const configure = resolve('configure')
const directory = mkdtempSync(join(tmpdir(), 'kqueue-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

const compiled = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', join(directory, 'libkqueue.so.0'), source])
// Root serves as root here: nobody else could enter the directory.
const env = { ...process.env, LD_LIBRARY_PATH: directory, CFLAGS: '-DBIG_SECURITY_HOLE' }

t.test('a server that waits with kqueue', { skip: compiled.status !== 0 && 'there is no C compiler' }, async (t) => {
  const port = await freePort()
  const build = spawnSync('sh', ['-c', `${configure} --with-poll=kqueue --with-mpm=event && make`], { cwd: directory, env })
  t.equal(build.status, 0, `it builds: ${build.stderr.toString()}`)
  t.match(build.stdout.toString(), /checking which way to wait for connections\.\.\. kqueue/)

  const htdocs = join(directory, 'site')
  mkdirSync(htdocs)
  const large = Buffer.alloc(8 * 1024 * 1024, 'a large file, larger than any socket buffer. ')
  writeFileSync(join(htdocs, 'large.txt'), large)
  writeFileSync(join(htdocs, 'small.txt'), 'small\n')
  const conf = join(directory, 'test.conf')
  writeFileSync(conf, `ServerName localhost\nListen 127.0.0.1:${port}\nDocumentRoot "${htdocs}"\nErrorLog "${directory}/error_log"
PidFile "${directory}/pid"\nThreadsPerChild 2\nKeepAliveTimeout 1\n`)
  const child = spawn(join(directory, 'httpd'), ['-f', conf, '-D', 'FOREGROUND'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => end(child.pid!))
  const url = `http://127.0.0.1:${port}`
  await until('the server to answer', () => fetch(`${url}/small.txt`).then((r) => r.ok, () => false), 15_000)

  await t.test('many connections at once', async (t) => {
    const dispatcher = new Agent({ connections: 40 })
    const texts = await Promise.all(Array.from({ length: 400 }, () =>
      fetch(`${url}/small.txt`, { dispatcher }).then((r) => r.text())))
    t.ok(texts.every((text) => text === 'small\n'))
    await dispatcher.close()
  })

  await t.test('a slow reader of a large file', async (t) => {
    // Reading begins late, so the server meets a full socket and waits for room (EVFILT_WRITE).
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /large.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    await new Promise((done) => setTimeout(done, 300))
    const pieces: Buffer[] = []
    for await (const piece of socket) pieces.push(piece as Buffer)
    const body = Buffer.concat(pieces)
    t.ok(body.subarray(body.indexOf('\r\n\r\n') + 4).equals(large))
  })

  await t.test('an idle connection is closed, and the server stops', async (t) => {
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n')
    let text = ''
    for await (const piece of socket) text += String(piece)
    t.match(text, /200 OK[\s\S]*small\n$/)
    child.kill('SIGTERM')
    const code = await new Promise((done) => child.on('exit', done))
    t.equal(code, 0)
  })
})
