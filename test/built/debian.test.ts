/*
 * Debian's own configuration tree, as the package apache2 brings it, but for its ports: what apache2 says of it and
 * serves with it, this server says and serves. Needs /etc/apache2 and apache2.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Client } from '../support/http.ts'
import { launch } from '../support/launched.ts'
import { until } from '../support/processes.ts'
import { freePort } from '../support/site.ts'
import { programOf } from '../support/variants.ts'

const TREE = '/etc/apache2'
const APACHE = '/usr/sbin/apache2'
const skip = [`${TREE}/apache2.conf`, `${TREE}/sites-enabled/000-default.conf`, '/var/www/html/index.html', APACHE].every(existsSync)
  ? false : 'the package apache2 is not installed'

interface Copy { readonly conf: string; readonly port: number; readonly env: NodeJS.ProcessEnv }

/** The tree with a port of its own, and directories of its own in the variables of envvars. */
async function copyOf(test: Test): Promise<Copy> {
  const root = mkdtempSync(join(tmpdir(), 'httpd-debian-'))
  test.teardown(() => rmSync(root, { recursive: true, force: true }))
  const [conf, run] = [join(root, 'apache2'), join(root, 'run')]
  cpSync(TREE, conf, { recursive: true, verbatimSymlinks: true })
  mkdirSync(run)
  const port = await freePort()
  writeFileSync(join(conf, 'ports.conf'), `Listen 127.0.0.1:${port}\n`)
  const site = join(conf, 'sites-available/000-default.conf')
  writeFileSync(site, readFileSync(site, 'utf8').replace('*:80>', `*:${port}>`))
  const words = execFileSync('sh', ['-c', '. "$1/envvars" && env', 'sh', conf], { encoding: 'utf8', env: { PATH: process.env['PATH'], APACHE_CONFDIR: TREE } })
  const given = Object.fromEntries([...words.matchAll(/^(APACHE_\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value]))
  const env = { ...given, APACHE_RUN_DIR: run, APACHE_LOCK_DIR: run, APACHE_LOG_DIR: run, APACHE_PID_FILE: join(run, 'pid') }
  return { conf, port, env }
}

/** Ours is told of the file alone: a tree of this form has its root beside it. */
const commandOf = (ours: boolean, conf: string): string[] => ours
  ? [programOf('shared'), '-f', join(conf, 'apache2.conf')] : [APACHE, '-d', conf, '-f', 'apache2.conf']

/** Without what is meant to differ: the name of the program, what only one of them has, where documents are by default. */
const comparable = (text: string): string[] => text.split('\n').filter((line) =>
  !/^(Capacity of|\s+(requests|connections|memory)\s|SY00190|Main DocumentRoot|\swatchdog_module|Mutex watchdog)/.test(line))
  .map((line) => line.replace(/^(AH00558: )(httpd|apache2):/, '$1PROGRAM:'))

t.test("Debian's tree", { skip }, async (t) => {
  const { conf, port, env } = await copyOf(t)

  for (const option of ['-t', '-M', '-S']) {
    const [own, theirs] = await Promise.all([true, false].map(async (ours) => {
      const run = launch(t, [...commandOf(ours, conf), option], { env })
      const { code } = await run.ended()
      return { code, out: run.out, err: run.err }
    }))
    t.equal(own!.code, theirs!.code, `${option}: code`)
    t.strictSame(comparable(own!.out), comparable(theirs!.out), option)
    t.strictSame(comparable(own!.err), comparable(theirs!.err), `${option}: messages`)
    t.equal(own!.err.match(/SY00190: \d+ LoadModule lines .*access_compat\.load/g)?.length, 1, `${option}: one notice`)
  }

  const pages: string[][] = []
  for (const ours of [true, false]) {
    const server = launch(t, [...commandOf(ours, conf), '-D', 'FOREGROUND'], { env })
    await until('the server to serve', () => answer(port, 'GET', '/').then(() => true, () => {
      if (server.over) throw new Error(server.err)
      return false
    }), 20_000)
    const requests = [['GET', '/'], ['HEAD', '/'], ['GET', '/nothing'], ['GET', '/.htaccess'], ['GET', '/icons/'],
      ['GET', '/icons/unknown.gif'], ['GET', '/', 'Accept-Encoding: gzip\r\n'], ['GET', '/', 'Range: bytes=0-9\r\n']] as const
    pages.push(await Promise.all(requests.map(([method, path, headers]) => answer(port, method, path, headers))))
    process.kill(server.pid)
    await server.ended()
  }
  t.strictSame(pages[0], pages[1])
  t.match(pages[0]![0], readFileSync('/var/www/html/index.html', 'latin1'), 'the default page')
})

/** Status, headers that say what is sent, and the body; not those of the server's name, nor of another library's work. */
async function answer(port: number, method: string, path: string, headers = ''): Promise<string> {
  const client = await Client.open({ port })
  client.send(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`)
  const response = await client.response(method)
  client.close()
  const { status, headers: { 'content-type': type, 'content-encoding': encoding, vary, etag, 'last-modified': modified, 'content-range': range } } = response
  const body = encoding === undefined ? response.body.toString('latin1') : ''
  return [status, type, encoding, vary, etag, modified, range, pageOf(body)].join('\n')
}

/** Debian has changed the document type of the server's own pages, and ServerTokens names the server. */
const pageOf = (body: string): string => body.replace(/^<!DOCTYPE[^>]*>/, '').replace(/(<address>).* Server at/, '$1Server at')
