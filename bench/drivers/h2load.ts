/* h2load, speaking HTTP/1.1. It tells every answer in a file, from which latencies are taken. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver, Order, Seen } from '../contract.ts'
import { run } from '../servers/processes.ts'
import { versionOf } from '../servers/programs.ts'
import { treeFiles } from '../workloads/documents.ts'
import { number } from './output.ts'

/** Latencies (us) of its log: lines of time, status, duration. */
export const latenciesOf = (log: string): number[] =>
  log.split('\n').filter((line) => line !== '').map((line) => Number(line.split('\t')[2])).sort((a, b) => a - b)

export function parseH2load(text: string, log: string, seconds: number): Seen {
  const of = (pattern: RegExp): number => number('h2load', text, pattern)
  const sorted = latenciesOf(log)
  const share = (part: number): number | undefined => sorted[Math.floor(sorted.length * part)]
  return {
    requests: of(/(\d+) done,/), seconds, bytes: of(/^traffic: .*?\((\d+)\) total/m),
    good: of(/ (\d+) 2xx/) + of(/ (\d+) 3xx/), bad: of(/ (\d+) 4xx/) + of(/ (\d+) 5xx/),
    faults: { errored: of(/ (\d+) errored/), timeout: of(/ (\d+) timeout/) }, p50: share(0.5), p99: share(0.99),
  }
}

async function ask(order: Order): Promise<Seen> {
  const { port, path, files, connections, seconds, headers = [], directory } = order
  const base = `http://127.0.0.1:${port}`
  const [log, list] = [join(directory, 'h2load.log'), join(directory, 'h2load.list')]
  rmSync(log, { force: true })
  const paths = files === undefined ? [path.slice(1)] : treeFiles(files)
  writeFileSync(list, paths.map((one) => `${base}/${one}\n`).join(''))
  const words = ['--h1', '-t1', `-c${connections}`, '-D', String(seconds), `--log-file=${log}`, '-i', list,
    ...headers.flatMap((header) => ['-H', header])]
  const { out } = await run('h2load', words, directory)
  return parseH2load(out, readFileSync(log, 'latin1'), seconds)
}

export const h2load: Driver = {
  name: 'h2load',
  version: () => versionOf('h2load', ['--version'], /nghttp2\/(\S+)/),
  can: ({ close = false }) => !close,
  run: ask,
}
