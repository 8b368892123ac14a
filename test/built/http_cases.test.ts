/*
 * The cases of test/cases/http asked of built servers with each MPM, over sockets: whole, in pieces of seven bytes and
 * byte by byte. Pieces of every size are for test/http/http_cases.test.ts, and for `make test-long WHAT=pieces`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { allCases, DOCUMENTS, FOLDER, PORTS, shown, type HttpCase, type PortName } from '../http/cases.ts'
import { Client } from '../support/http.ts'
import { Server } from '../support/server.ts'
import { freePort } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

const EVERY_SIZE = process.env['TRIAL_SCALE'] === '1'
const sizesOf = ({ bytes }: HttpCase): readonly number[] =>
  EVERY_SIZE ? [Infinity, ...Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)] : [Infinity, 7, 1]
/** Connections at a time: prefork has a process for each. */
const AT_ONCE = 6
/** How long (ms) an answer may take before it counts as what it is. */
const PATIENCE = 10_000

type Ports = Readonly<Record<PortName, number>>

/** The answer, once it is the expected one or the server has ended it. */
async function ask(ports: Ports, { port, bytes, expected }: HttpCase, size: number): Promise<string> {
  const client = await Client.open({ port: ports[port] })
  const numbers = Object.values(ports)
  const look = () => shown(client.waiting.toString('latin1'), client.ended, numbers)
  try {
    for (let at = 0; at < bytes.length && !client.ended; at += size) {
      client.send(bytes.subarray(at, at + size))
      await new Promise(setImmediate)
    }
    const end = performance.now() + PATIENCE
    while (look() !== expected && !client.ended && performance.now() < end) await new Promise((go) => setTimeout(go, 2))
    return look()
  } finally {
    client.close()
  }
}

for (const variant of STATIC) {
  t.test(`${variant} answers the cases`, async (t) => {
    const ports = { UNSAFE: await freePort(), TIGHT: await freePort(), ERRORS: await freePort() }
    const files = Object.fromEntries(Object.entries(DOCUMENTS).map(([name, content]) => [`htdocs/${name}`, content]))
    const server = await Server.start(t, {
      variant, files, workers: AT_ONCE + 2,
      conf: ({ root, port }) => [
        ...Object.entries({ ...ports, PORT: port }).map(([name, number]) => `Define ${name} ${number}`),
        `Define DOCS "${root}/htdocs"`, readFileSync(join(FOLDER, 'site.conf'), 'utf8'),
      ].join('\n'),
    })
    const all: Ports = { ...ports, PORT: server.port }
    t.same(Object.keys(all).sort(), [...PORTS].sort())
    const waiting = allCases().flatMap((one) => sizesOf(one).map((size) => ({ one, size })))
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { one, size } = next
        t.equal(await ask(all, one, size), one.expected, `${one.file}: ${one.title}, in pieces of ${size}`)
      }
    }))
    t.ok(server.running, 'the server has survived')
  })
}
