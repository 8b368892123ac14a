// Reads the text cases of test/cases/http-parser: heading, why, optional limits, bytes, dashes, expected result.
//
// Line breaks of the file mean nothing inside the bytes: \r \n \t \0 \xHH and \\ do, and <<text*n>> repeats.

import fs from 'node:fs'
import { DEFAULT_LIMITS } from '../../core/http/limits.ts'
import type { Limits } from '../../core/http/limits.ts'

export interface HeadCase {
  readonly title: string
  readonly limits: Limits
  readonly bytes: Buffer
  readonly expected: string
}

/** All cases of one file. */
export function readCases(file: string): HeadCase[] {
  const sections = fs.readFileSync(file, 'utf8').split(/^## /m).slice(1)
  return sections.map((section) => {
    const title = section.slice(0, section.indexOf('\n'))
    const block = /^```\n([^]*?)----\n([^]*?)\n```$/m.exec(section)
    if (block === null) throw new Error(`${file}: case "${title}" has no bytes, dashes and result`)
    const limits = /^Limits: (.*)$/m.exec(section)?.[1] ?? ''
    return { title, limits: limitsOf(limits), bytes: bytesOf(block[1]!), expected: block[2]! }
  })
}

function limitsOf(text: string): Limits {
  const changes: Record<string, number | boolean> = {}
  for (const pair of text.split(' ').filter((word) => word !== '')) {
    const [name, value] = pair.split('=') as [string, string]
    if (!(name in DEFAULT_LIMITS)) throw new Error(`No limit has the name "${name}"`)
    changes[name] = value === 'true' ? true : value === 'false' ? false : Number(value)
  }
  return { ...DEFAULT_LIMITS, ...changes }
}

/** Turns the escapes of a case into bytes. */
export function bytesOf(text: string): Buffer {
  const repeated = text.replaceAll('\n', '')
    .replace(/<<([^]*?)\*(\d+)>>/g, (_, what: string, n: string) => what.repeat(Number(n)))
  const raw = repeated.replace(/\\(?:x([0-9a-f]{2})|([rnt0\\]))/g, (_, hex: string | undefined, letter: string) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16))
    return { 'r': '\r', 'n': '\n', 't': '\t', '0': '\0', '\\': '\\' }[letter]!
  })
  return Buffer.from(raw, 'latin1')
}
