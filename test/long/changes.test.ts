/*
 * Files that change under load, with each MPM: replaced, overwritten, cut short, deleted, made a directory or a link,
 * while clients read them over kept connections without a pause. The first request after each change gets exactly what
 * is there then, on a kept and on a new connection; and no answer of the load is stale, mixed or broken.
 *
 * A document of version n is `v<n>;` over and over. What a reader of the load may see of a file that is overwritten in
 * its place is the beginning of it, or some of both where that was on its way, as with any server; else one version,
 * always, and none that was gone before it asked.
 */
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fetchPath, type Client, type Response } from '../support/http.ts'
import type { Server } from '../support/server.ts'
import { figure, scaled, startServer, variants } from '../support/trial/trial.ts'
import { STATIC } from '../support/variants.ts'

/** Sizes (bytes, about): kept in memory, sent by sendfile in one piece, and in several. */
const SIZES = { small: 3000, medium: 60_000, large: 700_000 }
const CHANGES = scaled(3000, 60)
const READERS = 3
/** Clients that ask once and come again, and how often a file is replaced for them. */
const COMERS = 8
const REPLACED = scaled(3000, 200)
const MARK = 9

type Name = keyof typeof SIZES

const names = Object.keys(SIZES) as Name[]
const mark = (version: number): string => `v${String(version).padStart(MARK - 2, '0')};`
/** No two versions that follow one another have the same length. */
const document = (name: Name, version: number): string => mark(version).repeat(Math.ceil(SIZES[name] / MARK) + version % 7)

/** What is there for all to see. */
interface Truth {
  /** Nothing older than this may be sent in answer to a request that begins now. */
  version: number
  /** Whole content; undefined: there is none. */
  content: string | undefined
  /** It is being changed in its place: readers may see less than all of it. */
  inPlace: boolean
  /** How often its bytes were overwritten or cut off: what is on its way then has some of both, as with any server. */
  overwritten: number
}

/** Each answers what is there from then on. */
type Change = (path: string, name: Name, version: number) => string | undefined

const put = (path: string, text: string): string => {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
  return text
}

const CHANGES_MADE: readonly Change[] = [
  (path, name, version) => put(path, document(name, version)),
  (path, name, version) => (writeFileSync(path, document(name, version)), document(name, version)),
  (path, name, version) => put(path, document(name, version)),
  (path, name, version) => {
    const text = document(name, version)
    writeFileSync(path, text.slice(0, MARK * 100))
    appendFileSync(path, text.slice(MARK * 100))
    return text
  },
  (path, name, version) => {
    writeFileSync(path, document(name, version))
    truncateSync(path, MARK * 50)
    return document(name, version).slice(0, MARK * 50)
  },
  (path) => (rmSync(path), undefined),
  (path, name, version) => put(path, document(name, version)),
  (path, name, version) => {
    rmSync(path)
    writeFileSync(`${path}.target`, document(name, version))
    symlinkSync(`${path}.target`, path)
    return document(name, version)
  },
  (path) => {
    rmSync(path)
    mkdirSync(path)
    return undefined
  },
  (path, name, version) => {
    rmSync(path, { recursive: true })
    return put(path, document(name, version))
  },
]

/** Of CHANGES_MADE those that write into the file that is there. */
const OVERWRITES: readonly number[] = [1, 3, 4]

const versionOf = (text: string): number => Number(/^v(\d+);/.exec(text)?.[1] ?? -1)

/** What is wrong with an answer that was asked for when `least` was the newest version. */
function faultIn(response: Response, least: number, whole: boolean, overwritten = false): string | undefined {
  if ([403, 404, 301].includes(response.status)) return undefined
  if (response.status !== 200) return `status ${response.status}`
  const { text } = response
  if (text === '') return whole ? 'nothing of it' : undefined
  const version = versionOf(text)
  if (version < 0) return `no document: ${text.slice(0, 40)}`
  if (version < least) return `stale: version ${version}, ${least} was there`
  if (overwritten) return undefined
  const cut = text.length % MARK
  if (text !== mark(version).repeat(text.length / MARK) + mark(version).slice(0, cut)) return `mixed: version ${version} and others`
  return undefined
}

/** Reads one file without a pause until `over`. */
async function read(server: Server, name: Name, truth: Truth, over: () => boolean, faults: string[]): Promise<number> {
  let answers = 0
  let client: Client | undefined
  while (!over()) {
    const { version: least, inPlace, overwritten } = truth
    try {
      client ??= await server.connect()
      const response = await client.get(`/${name}`).response()
      const fault = faultIn(response, least, !inPlace && !truth.inPlace, truth.overwritten !== overwritten)
      if (fault !== undefined) faults.push(`${name}: ${fault}`)
      answers++
      if (response.headers['connection'] === 'close') client = undefined
    } catch (error) {
      // A file that became shorter while it was sent: its connection must end.
      if (!inPlace && !truth.inPlace && truth.overwritten === overwritten) faults.push(`${name}: ${String(error)}`)
      client = undefined
    }
  }
  client?.close()
  return answers
}

async function check(t: Test, clients: readonly Client[], name: Name, content: string | undefined): Promise<void> {
  for (const client of clients) {
    const { status, text } = await client.get(`/${name}`).response()
    if (content === undefined) t.ok([301, 403, 404].includes(status), `${name} is gone: ${status}`)
    else if (status !== 200 || text !== content) t.fail(`${name}: ${status}, version ${versionOf(text)} of ${text.length} bytes; expected ${versionOf(content)} of ${content.length}`)
  }
}

for (const variant of variants('event')) {
  t.test(variant, async (t) => {
    const files = Object.fromEntries(names.map((name) => [`htdocs/${name}`, document(name, 0)]))
    const server = await startServer(t, { variant, workers: 3 * READERS + 4, files, conf: 'KeepAliveTimeout 60\nMaxKeepAliveRequests 0\n' })
    const truths = Object.fromEntries(names.map((name) => [name, { version: 0, content: document(name, 0), inPlace: false, overwritten: 0 }])) as Record<Name, Truth>
    const faults: string[] = []
    let over = false
    const readers = names.flatMap((name) => Array.from({ length: READERS }, () => read(server, name, truths[name], () => over, faults)))
    const kept = await server.connect()
    for (let n = 1; n <= CHANGES; n++) {
      const name = names[n % names.length]!
      const truth = truths[name]
      truth.inPlace = true
      const change = Math.floor(n / names.length) % CHANGES_MADE.length
      if (OVERWRITES.includes(change)) truth.overwritten++
      truth.content = CHANGES_MADE[change]!(
        join(server.site.root, 'htdocs', name), name, n)
      const fresh = await server.connect()
      await check(t, [kept, fresh], name, truth.content)
      fresh.close()
      // A reader that asked before the change may still be at it.
      if (truth.content !== undefined) truth.version = n
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      truth.inPlace = false
    }
    over = true
    const answers = (await Promise.all(readers)).reduce((sum, count) => sum + count, 0)
    t.same(faults.slice(0, 5), [], `${faults.length} of ${answers} answers`)
    t.ok(answers > CHANGES)
    figure(t, 'changes', `${variant}: ${CHANGES} changes, ${answers} answers of the load, ${faults.length} faults`)
  })
}

for (const variant of STATIC) {
  t.test(`${variant}: who connects after a change gets what is there, also while others have just been answered`, async (t) => {
    const server = await startServer(t, { variant, workers: COMERS + 2, files: { 'htdocs/small': document('small', 0) } })
    const path = join(server.site.root, 'htdocs/small')
    let newest = 0
    let answers = 0
    const faults: string[] = []
    const come = async (): Promise<void> => {
      const least = newest
      const fault = faultIn(await fetchPath(server, '/small'), least, true)
      if (fault !== undefined) faults.push(fault)
      answers++
    }
    const comers = Array.from({ length: COMERS }, async () => {
      while (newest < REPLACED) await come()
    })
    for (let version = 1; version <= REPLACED; version++) {
      put(path, document('small', version))
      newest = version
      await come()
    }
    await Promise.all(comers)
    t.same(faults.slice(0, 5), [], `${faults.length} of ${answers} answers`)
  })
}
