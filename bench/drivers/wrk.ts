/*
 * wrk, with one thread. Its own report rounds; a script of ours prints the sums. It does not look at each answer (that
 * would cost more than many servers do): statuses from 400 are counted by wrk itself.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver, Order, Seen } from '../contract.ts'
import { run } from '../servers/processes.ts'
import { versionOf } from '../servers/programs.ts'
import { treeFiles } from '../workloads/documents.ts'
import { number } from './output.ts'

const SUM = `function done(summary, latency)
  local e = summary.errors
  io.write(string.format("sum us=%d requests=%d bytes=%d connect=%d read=%d write=%d timeout=%d status=%d p50=%d p99=%d\\n",
    summary.duration, summary.requests, summary.bytes, e.connect, e.read, e.write, e.timeout, e.status,
    latency:percentile(50), latency:percentile(99)))
end
`

/** Requests for many files, made beforehand and sent in turn. */
const inTurn = (list: string): string => `local requests, count, at = {}, 0, 0
function init()
  for path in io.lines("${list}") do
    count = count + 1
    requests[count] = wrk.format("GET", path)
  end
end
function request()
  at = at % count + 1
  return requests[at]
end
`

/** Writes the script, and the list of paths that it reads. */
function scriptFor({ directory, files }: Order): string {
  const script = join(directory, `wrk-${files ?? 'one'}.lua`)
  if (existsSync(script)) return script
  const list = join(directory, `paths-${files}`)
  if (files !== undefined) writeFileSync(list, treeFiles(files).map((path) => `/${path}\n`).join(''))
  writeFileSync(script, `${files === undefined ? '' : inTurn(list)}${SUM}`)
  return script
}

export function parseWrk(text: string): Seen {
  const of = (name: string): number => number('wrk', text, new RegExp(`^sum .*\\b${name}=(-?\\d+)`, 'm'))
  const [requests, bad] = [of('requests'), of('status')]
  return {
    requests, seconds: of('us') / 1e6, bytes: of('bytes'), good: requests - bad, bad,
    faults: { connect: of('connect'), read: of('read'), write: of('write'), timeout: of('timeout') }, p50: of('p50'), p99: of('p99'),
  }
}

async function ask(order: Order): Promise<Seen> {
  const { port, path, connections, seconds, headers = [], close = false } = order
  const all = close ? [...headers, 'Connection: close'] : headers
  const words = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', scriptFor(order),
    ...all.flatMap((header) => ['-H', header]), `http://127.0.0.1:${port}${path}`]
  return parseWrk((await run('wrk', words, order.directory)).out)
}

export const wrk: Driver = {
  name: 'wrk',
  version: () => versionOf('wrk', ['-v'], /^wrk (\S+)/m),
  can: () => true,
  run: ask,
}
