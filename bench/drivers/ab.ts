/* ab, Apache's own: HTTP/1.0, with Keep-Alive unless each request has its connection. Percentiles are in a file. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver, Order, Seen } from '../contract.ts'
import { run } from '../servers/processes.ts'
import { versionOf } from '../servers/programs.ts'
import { number, numberOrNone } from './output.ts'

/** More than it can ask in the time. */
const ENOUGH = 100_000_000

/** Milliseconds below which a percentage of requests lie, in the file that ab writes. @returns microseconds */
const percentile = (csv: string, percent: number): number =>
  number('ab', csv, new RegExp(`^${percent},([\\d.]+)$`, 'm')) * 1000

export function parseAb(text: string, csv: string): Seen {
  const requests = number('ab', text, /^Complete requests: +(\d+)/m)
  const bad = numberOrNone(text, /^Non-2xx responses: +(\d+)/m)
  return {
    requests, seconds: number('ab', text, /^Time taken for tests: +([\d.]+)/m), bytes: undefined, good: requests - bad, bad,
    faults: {
      failed: number('ab', text, /^Failed requests: +(\d+)/m), write: numberOrNone(text, /^Write errors: +(\d+)/m),
    },
    p50: percentile(csv, 50), p99: percentile(csv, 99),
  }
}

async function ask(order: Order): Promise<Seen> {
  const { port, path, connections, seconds, headers = [], close = false, directory } = order
  const csv = join(directory, 'ab.csv')
  const words = ['-q', '-t', String(seconds), '-n', String(ENOUGH), '-c', String(connections), '-e', csv,
    ...(close ? [] : ['-k']), ...headers.flatMap((header) => ['-H', header]), `http://127.0.0.1:${port}${path}`]
  const { out } = await run('ab', words, directory)
  return parseAb(out, readFileSync(csv, 'latin1'))
}

export const ab: Driver = {
  name: 'ab',
  version: () => versionOf('ab', ['-V'], /Version (\S+)/),
  // It counts 304 among the bad ones, and a server's Keep-Alive to HTTP/1.0 is all it can keep.
  can: ({ files, status }) => files === undefined && status !== 304,
  run: ask,
}
