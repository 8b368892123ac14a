/*
 * The cases as text files: what a site is made of, and the requests it gets. See README.md beside this file for the
 * notation. All texts are bytes, one character each.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What one client sends on one connection before it ends its side. */
export interface Exchange {
  readonly line: number
  /** As a person reads it. */
  readonly label: string
  readonly bytes: string
  /** Of the requests in it, in order: a response to HEAD has no body. */
  readonly methods: readonly string[]
  /** Ends with a request that is only answered if the connection was kept. */
  readonly probed: boolean
}

export interface TreeEntry {
  readonly path: string
  readonly content?: string
  readonly link?: string
  readonly directory?: true
  readonly mode?: number
}

export interface Case {
  /** Name of the file without its ending. */
  readonly file: string
  readonly line: number
  readonly title: string
  readonly conf: string
  readonly tree: readonly TreeEntry[]
  readonly exchanges: readonly Exchange[]
  /** In 127.77.0.0/16; the same for both servers. */
  readonly address: string
}

export interface CaseFile {
  readonly name: string
  /** Each case has servers of its own, and its lines stand outside of any <VirtualHost>. */
  readonly ownServers: boolean
  readonly cases: readonly Case[]
}

interface Block { readonly line: number; readonly info: string; readonly text: string }

export const HOST = 'case.example'
const NEXT_TARGET = '/next-request'
/** Added to each connection. Its answer tells that the connection was kept, and that what came before was understood. */
export const PROBE = `GET ${NEXT_TARGET} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`

export function readCases(directory: string): CaseFile[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.md')).sort()
  return names.map((name, i) => caseFile(join(directory, name), name.replace(/\.md$/, ''), i + 1))
}

function caseFile(path: string, name: string, number: number): CaseFile {
  const lines = readFileSync(path, 'latin1').split('\n')
  const starts = lines.flatMap((line, i) => (line.startsWith('## ') ? [i] : []))
  const ownServers = lines.slice(0, starts[0]).some((line) => line.startsWith('Servers of their own'))
  const cases = starts.map((start, i) => {
    const blocks = blocksOf(lines, start, starts[i + 1] ?? lines.length, path)
    const text = (info: string): string => blocks.filter((block) => block.info === info).map((block) => block.text).join('')
    return {
      file: name, line: start + 1, title: lines[start]!.slice(3).trim(), conf: text('conf'),
      tree: blocks.flatMap((block) => treeOf(block, path)),
      exchanges: blocks.flatMap((block) => exchangesOf(block)),
      address: `127.77.${number}.${i + 1}`,
    }
  })
  return { name, ownServers, cases }
}

const INFOS = /^(conf|tree|requests|raw|raw unprobed|file \S+)$/

function blocksOf(lines: readonly string[], from: number, to: number, path: string): Block[] {
  const blocks: Block[] = []
  for (let at = from; at < to; at++) {
    const info = /^```(.+)$/.exec(lines[at]!)?.[1]
    if (info === undefined) continue
    const end = lines.indexOf('```', at)
    if (!INFOS.test(info) || end < 0 || end >= to) throw new Error(`${path}:${at + 1}: not a block of a case: ${info}`)
    blocks.push({ line: at + 2, info, text: lines.slice(at + 1, end).map((line) => `${line}\n`).join('') })
    at = end
  }
  return blocks
}

function treeOf({ info, line, text }: Block, path: string): TreeEntry[] {
  if (info.startsWith('file ')) return [{ path: info.slice(5), content: text }]
  if (info !== 'tree') return []
  return text.split('\n').slice(0, -1).map((row, i) => treeEntry(row, `${path}:${line + i}`))
}

/** `PATH = "TEXT"`, `PATH = N bytes`, `PATH -> TARGET`, `PATH/`; before any of them may stand `mode NNN`. */
function treeEntry(row: string, at: string): TreeEntry {
  const [, mode, name, rest = ''] = /^(?:mode (\d{3}) )?(.*?\S)(?:\s+(?=[=-])(.*))?$/.exec(row) ?? []
  if (name === undefined) throw new Error(`${at}: not a file: ${row}`)
  const entry = { path: unescape(name), ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }) }
  const size = /^= (\d+) bytes$/.exec(rest)?.[1]
  if (size !== undefined) return { ...entry, content: pattern(Number(size)) }
  if (rest.startsWith('= "')) return { ...entry, content: unescape(rest.slice(3, -1)) }
  if (rest.startsWith('-> ')) return { ...entry, link: rest.slice(3) }
  if (name.endsWith('/') && rest === '') return { ...entry, directory: true }
  throw new Error(`${at}: not a file: ${row}`)
}

/** Text in which every place looks different: 00000000 00000009 ... */
const pattern = (size: number): string =>
  Array.from({ length: Math.ceil(size / 9) }, (_, i) => `${String(i * 9).padStart(8, '0')} `).join('').slice(0, size)

function exchangesOf({ info, line, text }: Block): Exchange[] {
  if (info === 'raw' || info === 'raw unprobed') return [rawExchange(text, line, info === 'raw')]
  if (info !== 'requests') return []
  return text.split('\n').flatMap((row, i) => row.trim() === '' ? []
    : alternatives(row).map((label) => requestExchange(label, line + i)))
}

/** `a{b|c}d` stands for `abd` and `acd`; several are combined. */
function alternatives(row: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/.exec(row)
  if (match === null) return [row]
  return match[2]!.split('|').flatMap((choice) => alternatives(`${match[1]!}${choice}${match[3]!}`))
}

/** `METHOD TARGET [VERSION] [+ Name: value] [- Name] [= body]` */
function requestExchange(label: string, line: number): Exchange {
  const [, start, rest, body] = /^(.*?)((?: [+-] .*?)*)(?: = (.*))?$/.exec(label.trim())!
  const [, method, target, version = 'HTTP/1.1'] = /^(\S+) (\S+)(?: (HTTP\/\S+))?$/.exec(start!) ??
    [undefined, start!, '']
  const fields = rest!.split(/ (?=[+-] )/).filter((field) => field !== '')
  const said = fields.filter((field) => field.startsWith('+ ') && field.length > 3).map((field) => field.slice(2))
  const noHost = fields.some((field) => /^- Host$/i.test(field)) || said.some((field) => /^host:/i.test(field))
  const all = [...(noHost ? [] : [`Host: ${HOST}`]), ...said]
  const content = body === undefined ? undefined : unescape(body)
  if (content !== undefined && !all.some((field) => /^(content-length|transfer-encoding):/i.test(field)))
    all.push(`Content-Length: ${content.length}`)
  const head = [`${method!} ${target!} ${version}`, ...all].map((field) => `${unescape(field)}\r\n`).join('')
  return { line, label: label.trim(), bytes: `${head}\r\n${content ?? ''}`, methods: [method!], probed: true }
}

function rawExchange(text: string, line: number, probed: boolean): Exchange {
  const bytes = unescape(text.replace(/([^\\]|^)\\\n/g, '$1\0\0').replaceAll('\n', '\r\n').replaceAll('\0\0', ''))
  const methods = text.split('\n').map((row) => /^([A-Za-z]+) \S+ HTTP\/1\.[01]$/.exec(row)?.[1])
  return {
    line, bytes, probed, label: text.trimEnd().replaceAll('\n', ' | '),
    methods: methods.filter((method) => method !== undefined),
  }
}

const LETTERS: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', 0: '\0', '\\': '\\', '"': '"' }

/** `\r \n \t \0 \" \\ \xHH`, and `<<text*N>>` for text N times. */
function unescape(text: string): string {
  return text.replace(/<<([^]*?)\*(\d+)>>/g, (_, what: string, times: string) => what.repeat(Number(times)))
    .replace(/\\(?:x([0-9a-fA-F]{2})|([rnt0"\\]))/g, (_, hex: string | undefined, letter: string) =>
      hex !== undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : LETTERS[letter]!)
}
