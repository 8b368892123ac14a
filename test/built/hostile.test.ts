/*
 * Every case of test/cases/bad-input again, with a request smuggled in behind it, cut anywhere, many at once: one answer
 * to each, the smuggled request never served where the connection is to end, no child dead, no fault inside, and no
 * memory kept. The seed of the cuts is another one each time; HOSTILE_SEED=n brings one back.
 */
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { BAD_INPUT_SITE, badInput, SECRET, type BadInput } from '../support/bad_input.ts'
import { random } from '../support/random.ts'
import { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import { privateBytes } from '../support/trial/proc.ts'
import { STATIC } from '../support/variants.ts'

const SEED = Number(process.env['HOSTILE_SEED'] ?? Date.now() % 1e9)
const ROUNDS = 3
const CLIENTS = 8
const PIPELINED = 3000
/** A child may keep this much more (bytes) after two thousand hostile requests than after the first five hundred. */
const MAY_GROW = 24 * 1024 * 1024

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n'
const LAST = 'GET /dir/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'

const cases = badInput().filter(({ pending }) => !pending)

interface Planned {
  readonly one: BadInput
  /** What is sent: the case and what is put behind it. */
  readonly bytes: Buffer
  /** Where it is cut. */
  readonly places: readonly number[]
}

function plan(one: BadInput, next: () => number): Planned {
  const bytes = Buffer.concat([one.bytes, Buffer.from(one.end === 'kept' ? LAST : SMUGGLED)])
  const places = Array.from({ length: Math.floor(next() * 4) }, () => Math.floor(next() * bytes.length))
  return { one, bytes, places: places.sort((a, b) => a - b) }
}

async function sendCut(server: Server, { bytes, places }: Planned): Promise<string> {
  const client = await server.connect()
  let from = 0
  for (const to of [...places, bytes.length]) {
    client.send(bytes.subarray(from, to))
    from = to
    await setImmediate()
  }
  const all = (await client.toEnd()).toString('latin1')
  client.close()
  return all
}

const statusesOf = (text: string): number[] => [...text.matchAll(/^HTTP\/1\.1 ([2-5]\d\d) /gm)].map(([, status]) => Number(status))

/** @returns what is wrong with the answers to a case and what was put behind it */
async function faultOf(server: Server, planned: Planned): Promise<string | undefined> {
  const { one } = planned
  const text = await sendCut(server, planned)
  const statuses = statusesOf(text)
  if (statuses[0] !== one.status) return `${statuses[0]} instead of ${one.status}: ${text.slice(0, 200)}`
  if (one.end === 'kept' ? !text.endsWith(WELCOME) : statuses.length !== 1) return `${statuses.join(', ')} came`
  if (/^x-injected:/im.test(text)) return 'a field of the client\'s'
  return text.includes(SECRET) ? 'the secret' : undefined
}

/** Sends all cases, several at once, in any order. @returns what was wrong */
async function sendAll(server: Server, next: () => number): Promise<string[]> {
  const left = cases.map((one) => ({ planned: plan(one, next), order: next() })).sort((a, b) => a.order - b.order)
  const wrong: string[] = []
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    for (let last = left.pop(); last !== undefined; last = left.pop()) {
      const { one, places } = last.planned
      const fault = await faultOf(server, last.planned).catch((error: unknown) => String(error))
      if (fault !== undefined) wrong.push(`${one.file}, ${one.title}, cut at ${places.join(' ')}: ${fault}`)
    }
  }))
  return wrong
}

const linesWith = (log: string, what: RegExp): string[] => log.split('\n').filter((line) => what.test(line)).slice(0, 10)

async function checkPipeline(t: Test, server: Server): Promise<void> {
  const one = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n'
  const client = await server.connect()
  const text = (await client.send(one.repeat(PIPELINED - 1) + LAST).toEnd()).toString('latin1')
  client.close()
  t.equal(text.split(WELCOME).length - 1, PIPELINED, `${PIPELINED} requests in one go have as many answers`)
}

for (const variant of STATIC) {
  t.test(`${variant} serves nothing that was smuggled in`, async (t) => {
    const server = await Server.start(t, {
      variant, workers: 4, ...BAD_INPUT_SITE, conf: `${BAD_INPUT_SITE.conf}LogLevel info\nMaxKeepAliveRequests 0\n`,
    })
    const before = server.children()
    const next = random(SEED)
    t.comment(`HOSTILE_SEED=${SEED}`)
    let memory: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      t.same(await sendAll(server, next), [], `round ${round} with HOSTILE_SEED=${SEED}`)
      if (round === 0) memory = before.map(privateBytes)
    }
    await checkPipeline(t, server)
    t.same(linesWith(server.accessLog, / \/smuggled /), [], 'no request was served that was part of another')
    t.same(server.children(), before, 'the children are those that there were')
    const grown = server.children().map((pid, n) => privateBytes(pid) - memory[n]!)
    t.ok(grown.every((bytes) => bytes < MAY_GROW), `and have not grown much: ${grown.map((bytes) => `${(bytes / 1024).toFixed(0)} KiB`).join(', ')}`)
    t.same(linesWith(server.errorLog, /SY0000[1-3]|\bfault\b|:(?:crit|alert|emerg)\]/), [], 'no fault inside')
  })
}
