/* mod_cache in built servers: bodies that handlers stream, clients that leave, errors, many at once, among processes. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HANDLERS, streamed, TEST_MODULE } from '../support/handlers.ts'
import { ask, type Response } from '../support/http.ts'
import { until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import type { Variant } from '../support/variants.ts'

const conf = (root: string): string => `${HANDLERS}
CacheRoot ${root}/cache
CacheEnable disk /
CacheHeader on
CacheIgnoreNoLastMod on
CacheMaxFileSize 2000000
CacheDefaultExpire 100
CacheLock on
CacheLockPath ${root}/locks
`

const filesIn = (directory: string): string[] => {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(directory, name)).isFile())
  } catch {
    return []
  }
}

for (const variant of ['event', 'prefork'] as const satisfies readonly Variant[]) t.test(`a cache in ${variant}`, async (t) => {
  const files = { 'htdocs/large.txt': Buffer.alloc(700_000, 'large '), 'htdocs/a.txt': 'a' }
  const server = await Server.start(t, { variant, modules: [TEST_MODULE, 'modules/mod_cache.ts', 'modules/mod_cache_disk.ts'], files, conf: ({ root }) => conf(root) })
  const { root } = server.site
  const cached = (): string[] => filesIn(`${root}/cache`)

  const leaving = await server.connect()
  leaving.get('/stream')
  leaving.socket.once('data', () => leaving.socket.destroy())
  await until('what was begun to be over', () => leaving.socket.destroyed && filesIn(`${root}/locks`).length === 0)
  const bodies = cached().filter((name) => name.endsWith('.body')).length
  t.equal(cached().length, 2 * bodies, 'no part is left of what was given up')

  // Each on a connection of its own: prefork has few processes.
  const get = (path: string, fields = ''): Promise<Response> =>
    ask(server.site, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`)
  const first = await get('/stream')
  t.match([first.headers['x-cache'], first.body.equals(streamed())], [/^(?:MISS|HIT)/, true])
  t.match(cached().map((name) => name.replace(/.*\./, '')).sort(), ['body', 'entry'])
  const others = await Promise.all([1, 2, 3].map(() => get('/stream')))
  t.match(others.map(({ headers }) => headers['x-cache']), [/^HIT/, /^HIT/, /^HIT/], 'for all processes')
  t.ok(others.every(({ body }) => body.equals(streamed())))
  t.match(await get('/stream', 'Range: bytes=1048570-\r\n'), { status: 206, body: streamed().subarray(1048570) })

  for (let i = 0; i < 2; i++) t.equal((await get('/large.txt')).body.length, 700_000)
  const slow = await server.connect()
  slow.get('/large.txt')
  slow.socket.pause()
  t.match((await get('/large.txt')).headers['x-cache'], /^HIT/)
  slow.socket.resume()
  t.equal((await slow.response()).body.length, 700_000)

  t.equal((await get('/throw')).status, 500, 'an error is not kept')
  await until('no lock to be left behind', () => filesIn(`${root}/locks`).length === 0)
  t.equal(cached().filter((name) => !/\.(?:entry|body)$/.test(name)).length, 0)
  t.notMatch(server.errorLog, /SY0009|cancelled|unhandled/)
})
