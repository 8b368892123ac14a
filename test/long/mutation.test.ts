/*
 * Mutated conversations: good requests and the cases of test/cases/bad-input, with bytes changed, taken out, doubled and
 * crossed, cut anywhere, many at once, against each MPM, for minutes. What must hold whatever is sent: every answer is a
 * whole HTTP response, no child dies, no fault inside, others are served meanwhile, no memory is kept, and no
 * connection is left. The seed is shown; MUTATION_SEED=n brings the same mutants back.
 */
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { BAD_INPUT_SITE, badInput, SECRET } from '../support/bad_input.ts'
import { until } from '../support/processes.ts'
import { random } from '../support/random.ts'
import { Server } from '../support/server.ts'
import { WELCOME } from '../support/site.ts'
import { Ledger } from '../support/trial/ledger.ts'
import { ride, type Load } from '../support/trial/load.ts'
import { descriptorsOf, privateBytes } from '../support/trial/proc.ts'
import { figure, scaled, untilWhole, variants } from '../support/trial/trial.ts'

const SEED = Number(process.env['MUTATION_SEED'] ?? Date.now() % 1e9)
/** Conversations with each MPM, and those before memory is looked at for the first time. */
const CONVERSATIONS = scaled(60_000, 1200)
const WARM = Math.round(CONVERSATIONS / 2)
const CLIENTS = 8
const WORKERS = 12
/**
 * How much more (bytes for each thread, and the process itself) a child may have at the end: heaps breathe.
 */
const MAY_GROW = 16 * 1024 * 1024
/** Conversations longer than this are not mutants' stock: a megabyte tells no more than a few kilobytes. */
const LONGEST = 20_000

const GOOD = [
  'GET / HTTP/1.1\r\nHost: h\r\n\r\n', 'HEAD /dir/ HTTP/1.1\r\nHost: h\r\nRange: bytes=0-9,20-29\r\n\r\n',
  'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world', 'GET /dir?a=b HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n c=d\r\n\r\n',
  'POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n',
  'GET http://h/a/../index.html HTTP/1.0\r\nConnection: keep-alive\r\nIf-None-Match: "a", W/"b"\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n', 'TRACE / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n', 'GET /away/%41%0a HTTP/1.1\r\nHost: h\r\n\r\n',
  'POST /thread HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
].map((text) => Buffer.from(text, 'latin1'))
const STOCK = [...GOOD, ...GOOD, ...badInput().map(({ bytes }) => bytes).filter(({ length }) => length <= LONGEST)]

/** Pieces that parsers stumble over. */
const SPLINTERS = ['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ',', ';', '"', '%', '%2e', '/..', '//', '0', '-1', 'ffffffffffffffff', 'chunked',
  '\r\n\r\n', '\r\n ', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'HTTP/1.1', '\xff', '\x80', '?', '#', '*', '['].map((text) => Buffer.from(text, 'latin1'))

type Random = () => number

const below = (next: Random, limit: number): number => Math.floor(next() * limit)
const oneOf = <T>(next: Random, list: readonly T[]): T => list[below(next, list.length)]!

const MUTATIONS: readonly ((bytes: Buffer, at: number, next: Random) => Buffer)[] = [
  (bytes, at, next) => Buffer.concat([bytes.subarray(0, at), Buffer.of(below(next, 256)), bytes.subarray(at + 1)]),
  (bytes, at, next) => Buffer.concat([bytes.subarray(0, at), Buffer.of(bytes[at]! ^ (1 << below(next, 8))), bytes.subarray(at + 1)]),
  (bytes, at, next) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(next, 9))]),
  (bytes, at, next) => Buffer.concat([bytes.subarray(0, at), oneOf(next, SPLINTERS), bytes.subarray(at)]),
  (bytes, at, next) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(next, 60)))]),
  (bytes, at, next) => Buffer.concat([bytes.subarray(0, at), oneOf(next, STOCK).subarray(below(next, 80))]),
  (bytes, at) => bytes.subarray(0, at),
]

interface Conversation {
  readonly pieces: readonly Buffer[]
  /** The client goes away with a reset instead of an orderly end. */
  readonly rude: boolean
}

function conversation(next: Random): Conversation {
  let bytes = Buffer.concat(Array.from({ length: 1 + below(next, 3) }, () => oneOf(next, STOCK)))
  for (let n = below(next, 4); n > 0 && bytes.length > 0; n--) bytes = Buffer.from(oneOf(next, MUTATIONS)(bytes, below(next, bytes.length), next))
  const places = Array.from({ length: below(next, 4) }, () => below(next, bytes.length + 1)).sort((a, b) => a - b)
  const pieces = [...places, bytes.length].map((to, i) => bytes.subarray(i === 0 ? 0 : places[i - 1], to))
  return { pieces, rude: next() < 0.1 }
}

/** What is wrong with a stream of responses; the last may be an HTTP/0.9 body or cut off where the client was rude. */
function faultIn(text: string): string | undefined {
  if (text.includes(SECRET)) return 'the secret was sent'
  if (text !== '' && !/^(HTTP\/1\.1 [1-5]\d\d [A-Z]|<)/.test(text)) return `no response: ${text.slice(0, 100)}`
  const inside = /^HTTP\/1\.1 5(?!01|05)\d\d .*$/m.exec(text)
  return inside === null ? undefined : `the server blames itself: ${inside[0]}`
}

/** @returns what is wrong, if something is */
async function talk(server: Server, { pieces, rude }: Conversation): Promise<string | undefined> {
  const client = await server.connect()
  try {
    for (const piece of pieces) {
      client.send(piece)
      await setImmediate()
    }
    if (rude) {
      client.socket.resetAndDestroy()
      return undefined
    }
    return faultIn((await client.finish().toEnd()).toString('latin1'))
  } finally {
    client.close()
  }
}

for (const variant of variants('event')) {
  t.test(`${variant}: mutants`, async (t) => {
    const server = await Server.start(t, {
      variant, ...BAD_INPUT_SITE, workers: WORKERS,
      conf: `${BAD_INPUT_SITE.conf}LogLevel error\nTimeout 5\nMaxKeepAliveRequests 0\nCustomLog /dev/null common\n`,
    })
    const threads = variant === 'prefork' ? 1 : WORKERS
    await untilWhole(server, { variant, children: variant === 'prefork' ? WORKERS : 1, threads })
    const before = server.children()
    const socketsOf = (): number => before.reduce((sum, pid) => sum + (descriptorsOf(pid)['socket'] ?? 0), 0)
    const sockets = socketsOf()
    const next = random(SEED)
    const load: Load = { ledger: new Ledger(), address: server.site, over: false }
    const other = ride(load, { asks: [{ path: '/', status: 200, body: Buffer.from(WELCOME) }], each: 50 })
    const wrong: string[] = []
    let [done, memory]: [number, number[]] = [0, []]
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (done < CONVERSATIONS && wrong.length < 5) {
        const one = conversation(next)
        if (done++ === WARM) memory = before.map(privateBytes)
        const fault = await talk(server, one).catch((error: unknown) => (one.rude || /ECONNRESET|EPIPE/.test(String(error)) ? undefined : String(error)))
        if (fault !== undefined) wrong.push(`${fault}; sent: ${JSON.stringify(Buffer.concat(one.pieces).toString('latin1').slice(0, 1000))}`)
      }
    }))
    load.over = true
    await other
    t.same(wrong, [], `MUTATION_SEED=${SEED}: every answer is one`)
    t.same(server.children(), before, 'the children are those that there were')
    const grown = before.map((pid, n) => privateBytes(pid) - memory[n]!)
    figure(t, 'mutation', `${variant}: ${done} conversations, MUTATION_SEED=${SEED}; others meanwhile: ${load.ledger.toString()}; ` +
      `memory of the children has grown by at most ${(Math.max(...grown) / 1024).toFixed(0)} KiB`)
    t.ok(grown.every((bytes) => bytes < (threads + 1) * MAY_GROW), 'they have not grown much')
    t.same(load.ledger.faults, [], 'others were served meanwhile')
    await until('all connections to be closed', () => socketsOf() === sockets, 20_000).catch(() => undefined)
    t.equal(socketsOf(), sockets, 'no connection is left')
    t.same(server.errorLog.split('\n').filter((line) => /SY0000[1-3]|\bfault\b|:(?:crit|alert|emerg)\]/.test(line)).slice(0, 5), [], 'no fault inside')
  })
}
