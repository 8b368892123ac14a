/*
 * What built servers do with bytes that are no good request: the documented status, a closed connection where the
 * framing is in doubt, a line in the log, and nobody dies of it. The cases are test/cases/bad-input/*.txt.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { bytesOf } from '../http/case_file.ts'
import { HANDLERS, TEST_MODULE } from '../support/handlers.ts'
import { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

interface Case {
  readonly title: string
  readonly bytes: Buffer
  readonly status: number
  readonly end: string
  /** Number of the log message, or undefined. */
  readonly logged: string | undefined
}

const DIRECTORY = 'test/cases/bad-input'

/** `## title`, a line why, lines of bytes, dashes, result. */
function readCases(path: string): Case[] {
  const sections = readFileSync(path, 'utf8').split(/^## /m).slice(1)
  return sections.map((section) => {
    const [, title, bytes, status, end, logged] =
      /^(.*)\n.*\n([^]+?)\n----\n(\d{3}) (closed|ended|kept)(?: (AH\d{5}))?\s*$/.exec(section) ?? []
    if (title === undefined) throw new Error(`${path}: a case has not the form of a case:\n${section}`)
    return { title, bytes: bytesOf(bytes!), status: Number(status), end: end!, logged }
  })
}

async function check(t: Test, server: Server, { title, bytes, status, end, logged }: Case): Promise<void> {
  const from = server.errorLog.length
  const client = await server.connect()
  try {
    const answer = await client.send(bytes).response()
    t.equal(answer.status, status, `${title}: status`)
    if (status >= 400) t.match(answer.text, `<title>${status} `, `${title}: the standard body`)
    if (end === 'kept') {
      t.notMatch(answer.headers, { connection: 'close' }, `${title}: does not announce an end`)
      t.equal((await client.get('/').response()).text, WELCOME, `${title}: the connection serves on`)
    } else {
      if (end === 'closed') t.equal(answer.headers['connection'], 'close', `${title}: announces the end`)
      t.equal((await client.toEnd()).toString('latin1'), '', `${title}: nothing follows`)
    }
    if (logged !== undefined) await server.logged(new RegExp(`\\[client .* ${logged}: .`), from)
  } catch (error) {
    t.fail(`${title}: ${(error as Error).message}`)
  } finally {
    client.close()
  }
}

for (const variant of STATIC) {
  t.test(`${variant} withstands bad input`, async (t) => {
    const conf = `${HANDLERS}\nLimitRequestBody 1000000\n`
    const server = await Server.start(t, { variant, conf, modules: [TEST_MODULE], workers: 2 })
    const before = server.children()
    for (const file of readdirSync(DIRECTORY).filter((name) => name.endsWith('.txt')).sort()) {
      await t.test(basename(file, '.txt'), async (t) => {
        for (const one of readCases(join(DIRECTORY, file))) await check(t, server, one)
      })
    }

    await t.test('clients that go away in the middle', async (t) => {
      const host = 'HTTP/1.1\r\nHost: h\r\n'
      for (const bytes of [
        '', 'GET', 'GET / HTTP/1.1\r\nHo', `POST /echo ${host}Content-Length: 9\r\n\r\nabc`,
        `POST /echo ${host}Transfer-Encoding: chunked\r\n\r\n5\r\nab`, `GET /stream ${host}\r\n`,
      ]) {
        const polite = await server.connect()
        polite.send(bytes).finish()
        await polite.toEnd()
        polite.close()
        const rude = await server.connect()
        rude.send(bytes).socket.resetAndDestroy()
      }
      t.equal((await server.get('/')).text, WELCOME)
    })

    t.ok(server.running, 'the server has survived')
    t.same(server.children(), before, 'and so have its children')
    for (let n = 0; n < 4; n++) t.equal((await server.get('/')).text, WELCOME, 'and each of them serves')
  })
}
