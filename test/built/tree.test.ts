/*
 * A whole tree of files, byte for byte, over kept and pipelined connections, with each MPM. TREE=/a/directory takes
 * that tree instead of the one that is made here (make test-long).
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Client } from '../support/http.ts'
import { Server } from '../support/server.ts'
import { STATIC } from '../support/variants.ts'
import { filesOf, makeTree, type TreeFile } from '../support/tree.ts'

const CONNECTIONS = 4
/** Files asked for in one go on a connection, with four requests each. */
const BATCH = 8

const given = process.env['TREE']
const root = given ?? makeTree(t)
const files = filesOf(root)

/** First and last byte of a range somewhere in a file. */
const rangeOf = ({ size }: TreeFile, n: number): readonly [number, number] => {
  const from = (n * 7919) % size
  return [from, Math.min(size - 1, from + ((n * 104_729) % size))]
}

/** The requests for one file, sent at once. */
function sendFor(client: Client, file: TreeFile, n: number): void {
  const { url, size, modified } = file
  client.get(url)
  client.send(`HEAD ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  if (size > 0) client.get(url, `Range: bytes=${rangeOf(file, n).join('-')}\r\n`)
  client.get(url, `If-Modified-Since: ${modified.toUTCString()}\r\n`)
}

/** Reads the answers to sendFor; answers what is wrong with them. */
async function faultsOf(client: Client, file: TreeFile, n: number): Promise<string[]> {
  const { url, path, size, modified } = file
  const content = readFileSync(path)
  const faults: string[] = []
  const expect = (good: boolean, what: string) => {
    if (!good) faults.push(`${url}: ${what}`)
  }
  const whole = await client.response()
  expect(whole.status === 200, `GET answers ${whole.status}`)
  expect(whole.body.equals(content), `GET has ${whole.body.length} bytes, not the ${content.length} of the file`)
  const date = whole.headers['last-modified']
  expect(date === modified.toUTCString(), `Last-Modified is ${date}`)
  const head = await client.response('HEAD')
  expect(head.status === 200, `HEAD answers ${head.status}`)
  // As Apache: 0 may as well mean that the length is not known.
  expect(head.headers['content-length'] === (size === 0 ? undefined : String(size)), `HEAD says ${head.headers['content-length']} bytes`)
  if (size > 0) {
    const [from, to] = rangeOf(file, n)
    const part = await client.response()
    expect(part.status === 206, `bytes=${from}-${to} answers ${part.status}`)
    expect(part.headers['content-range'] === `bytes ${from}-${to}/${size}`, `is ${part.headers['content-range']}`)
    expect(part.body.equals(content.subarray(from, to + 1)), `bytes=${from}-${to} are others`)
  }
  const same = await client.response()
  expect(same.status === 304, `If-Modified-Since answers ${same.status}`)
  return faults
}

/** Asks for every `CONNECTIONS`th file on one connection. */
async function serveShare(server: Server, share: number): Promise<string[]> {
  const client = await server.connect()
  const faults: string[] = []
  const mine = files.filter((_, n) => n % CONNECTIONS === share)
  for (let at = 0; at < mine.length; at += BATCH) {
    const batch = mine.slice(at, at + BATCH)
    batch.forEach((file, n) => sendFor(client, file, at + n))
    for (const [n, file] of batch.entries()) faults.push(...await faultsOf(client, file, at + n))
  }
  client.close()
  return faults
}

for (const variant of STATIC) {
  t.test(`${variant} serves ${files.length} files as they are`, async (t) => {
    const conf = `DocumentRoot "${root}"\n<Directory "${root}">\nRequire all granted\nOptions FollowSymLinks\n` +
      '</Directory>\nMaxKeepAliveRequests 0\nLogLevel warn\n'
    const server = await Server.start(t, { variant, conf, workers: CONNECTIONS })
    const before = server.children()
    const shares = Array.from({ length: CONNECTIONS }, (_, share) => serveShare(server, share))
    const faults = (await Promise.all(shares)).flat()
    t.same(faults.slice(0, 20), [], `${faults.length} faults`)
    if (given === undefined) {
      t.ok(files.length > 1400, 'the tree is large')
      t.equal((await server.get('/link%20to%20nothing')).status, 403, 'as Apache: AH00037')
      t.equal((await server.get('/link%20to%20directory/')).status, 403, 'a directory without an index')
    }
    t.same(server.children(), before, 'no child died')
    t.notMatch(server.errorLog, /:(crit|alert|emerg)\]|SY00001/)
  })
}
