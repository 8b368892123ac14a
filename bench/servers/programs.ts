/* Programs that the benchmark uses if they are there: their versions, and the user that serves. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Place } from '../contract.ts'

/** What a program says of its version; undefined if there is no such program. */
export function versionOf(program: string, words: readonly string[], pattern: RegExp): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' })
  return error === undefined ? (pattern.exec(stdout + stderr)?.[1] ?? 'unknown') : undefined
}

const lineOf = (path: string, which: (fields: readonly string[]) => boolean): readonly string[] | undefined =>
  readFileSync(path, 'utf8').split('\n').map((line) => line.split(':')).find(which)

/** All servers serve as the same user where root starts them. */
export function servingUser(): Place['user'] {
  if (process.getuid?.() !== 0) return undefined
  const entry = lineOf('/etc/passwd', ([name]) => name === 'nobody')
  const group = entry && lineOf('/etc/group', ([, , id]) => id === entry[3])
  if (entry === undefined || group === undefined) throw new Error('Cannot serve as "nobody": /etc/passwd has no such user')
  return { name: entry[0]!, group: group[0]! }
}
