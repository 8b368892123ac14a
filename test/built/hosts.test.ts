/*
 * Virtual hosts by name and by address, and what built servers write into their logs about requests.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fetchPath, ask } from '../support/http.ts'
import { until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { hasIpv6, type Site } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

const host = (address: string, name: string, more = '') => ({ root }: Site): string => `
<VirtualHost ${address}>
ServerName ${name}.example.com
${more}
DocumentRoot "${root}/${name}"
<Directory "${root}/${name}">
Require all granted
</Directory>
</VirtualHost>
`

const NAMES = ['first', 'second', 'wild', 'six', 'other']
const files = Object.fromEntries(NAMES.map((name) => [`${name}/index.html`, `host ${name}`]))
const ipv6 = await hasIpv6()

const conf = (site: Site): string => [
  `LogLevel info\nListen 127.0.0.1:${site.otherPort}\n${ipv6 ? `Listen [::1]:${site.port}\n` : ''}`,
  host(`127.0.0.1:${site.port}`, 'first')(site),
  host(`127.0.0.1:${site.port}`, 'second', 'ServerAlias alias.example.org\nErrorLog logs/second_error\n' +
    'CustomLog logs/second_access "%v %>s %U%q %{User-Agent}i %{X-None}i %B %p %m %H"')(site),
  host(`127.0.0.1:${site.port}`, 'wild', 'ServerAlias *.wild.example.com w?.example.com')(site),
  host(`[::1]:${site.port}`, 'six')(site),
  host(`*:${site.otherPort}`, 'other')(site),
].join('')

const TIME = '\\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\]'
const logLine = (request: string, rest: string): RegExp =>
  new RegExp(`^127\\.0\\.0\\.1 - - ${TIME} "${request}" ${rest}$`, 'm')

for (const variant of STATIC) {
  t.test(`${variant} knows its hosts and keeps its logs`, async (t) => {
    const server = await Server.start(t, { variant, conf, files })
    const { port, otherPort, root } = server.site
    const named = async (name: string, path = '/') =>
      (await server.ask(`GET ${path} HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`)).text

    await t.test('hosts by name', async (t) => {
      t.equal(await named('first.example.com'), 'host first')
      t.equal(await named('second.example.com'), 'host second')
      t.equal(await named('SECOND.example.COM.:1234'), 'host second', 'case, final dot and port do not matter')
      t.equal(await named('alias.example.org'), 'host second')
      t.equal(await named('any.thing.wild.example.com'), 'host wild')
      t.equal(await named('w7.example.com'), 'host wild')
      t.equal(await named('nobody.example.net'), 'host first', 'the first of the address stands for unknown names')
      t.equal(await named('first.example.com', `http://second.example.com/`), 'host second', 'an absolute target wins')
      const client = await server.connect()
      for (const name of ['second', 'first', 'wild', 'second']) {
        client.send(`GET / HTTP/1.1\r\nHost: ${name}.example.com\r\n\r\n`)
        t.equal((await client.response()).text, `host ${name}`, 'each request of a connection chooses anew')
      }
      client.close()
    })

    await t.test('hosts by address', async (t) => {
      t.equal((await fetchPath({ port: otherPort }, '/')).text, 'host other')
      const second = 'GET / HTTP/1.1\r\nHost: second.example.com\r\nConnection: close\r\n\r\n'
      t.equal((await ask({ port: otherPort }, second)).text, 'host other', 'names of another address do not count')
      if (ipv6) t.equal((await ask({ port, host: '::1' }, second)).text, 'host six')
    })

    await t.test('the access log', async (t) => {
      await server.ask('GET /first?a="b" HTTP/1.1\r\nHost: first.example.com\r\nConnection: close\r\n\r\n')
      await until('a line', () => logLine('GET /first\\?a=\\\\"b\\\\" HTTP/1\\.1', '404 \\d+').test(server.accessLog))
      await server.ask('HEAD / HTTP/1.0\r\n\r\n')
      await until('a line', () => logLine('HEAD / HTTP/1\\.0', '200 -').test(server.accessLog))
      await server.ask('GET / HTTP/1.1\r\nHost: a\x80b\r\n\r\n')
      await until('a line', () => logLine('GET / HTTP/1\\.1', '400 \\d+').test(server.accessLog))
      await server.ask('GET /?x HTTP/1.1\r\nHost: second.example.com\r\nUser-Agent: t\x01\xe9"st\r\n\r\n'
        .replace('\x01', '\t'))
      const own = () => readFileSync(join(root, 'logs/second_access'), 'latin1')
      // What mod_dir made of the path may be logged, or what was asked for.
      const line = new RegExp(
        `^second\\.example\\.com 200 /(?:index\\.html)?\\?x t\\\\t\\\\xe9\\\\"st - 11 80 GET HTTP/1\\.1$`, 'm')
      await until('the line of the second host', () => line.test(own()))
      t.notMatch(server.accessLog, /\?x/, 'a host with its own log does not write into the main one')
    })

    await t.test('the error log', async (t) => {
      const clock = '\\[[A-Z][a-z]{2} [A-Z][a-z]{2} \\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{6} \\d{4}\\]'
      const from = server.errorLog.length
      await server.ask('GET /x HTTP/1.1\r\nHost: first.example.com\r\nReferer: http://r/\r\nConnection: close\r\n\r\n')
      const [line] = await server.logged(/^.*AH00128.*$/m, from)
      t.match(line, new RegExp(`^${clock} \\[core:info\\] \\[pid \\d+:tid \\d+\\] \\[client 127\\.0\\.0\\.1:\\d+\\] ` +
        `AH00128: File does not exist: ${root}/first/x, referer: http://r/$`))
      const pid = Number(/pid (\d+)/.exec(line)![1])
      t.ok(server.children().includes(pid), 'the process that served')
      await server.ask('GET /y HTTP/1.1\r\nHost: second.example.com\r\nConnection: close\r\n\r\n')
      const path = join(root, 'logs/second_error')
      await until('a line in the host\'s own log', () => /AH00128: .*\/second\/y$/m.test(readFileSync(path, 'latin1')))
      t.notMatch(server.errorLog, '/second/y')
      t.match(server.errorLog, new RegExp(`^${clock} \\[mpm_${variant}:notice\\] \\[pid ${server.pid}:tid \\d+\\] ` +
        'AH\\d{5}: .* configured -- resuming normal operations$', 'm'))
    })
  })
}
