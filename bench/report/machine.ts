/* Where and with what figures were made: without it they say nothing. */
import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import type { ServerName } from '../contract.ts'
import type { Driving } from '../drivers/all.ts'

export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly kernel: string
  readonly memoryMib: number
  readonly node: string
  readonly v8: string
  /** The sources' commit, with `+` if files were changed since. */
  readonly commit: string
  readonly servers: Readonly<Partial<Record<ServerName, string>>>
  readonly drivers: Readonly<Record<string, string>>
}

function git(...words: string[]): string {
  const { error, stdout } = spawnSync('git', words, { encoding: 'utf8' })
  return error === undefined ? stdout.trim() : ''
}

const commitOf = (): string =>
  `${git('rev-parse', '--short=12', 'HEAD') || 'unknown'}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'}`

export function machineOf(servers: Machine['servers'], drivers: readonly Driving[]): Machine {
  const all = cpus()
  return {
    date: new Date().toISOString(), cpu: all[0]?.model ?? 'unknown', cores: all.length, kernel: release(),
    memoryMib: Math.round(totalmem() / 1024 / 1024), node: process.versions.node, v8: process.versions.v8,
    commit: commitOf(), servers, drivers: Object.fromEntries(drivers.map(({ driver, version }) => [driver.name, version])),
  }
}
