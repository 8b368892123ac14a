// Reads the cases of test/cases/http: a title, why, the port where it is not the usual one, bytes, dashes, bytes.
//
// In the answer: Date, Server and the boundaries of parts are masked; the page that Apache makes for a status stands as
// [page of 404]; each line ends where the file's line does. "(closed)" at the end: the server ends the connection.

import fs from 'node:fs'
import { bytesOf } from './case_file.ts'

export const FOLDER = 'test/cases/http'
/** The ports of site.conf, by the names that cases use. */
export const PORTS = ['PORT', 'UNSAFE', 'TIGHT', 'ERRORS'] as const
export type PortName = (typeof PORTS)[number]

export interface HttpCase {
  readonly file: string
  readonly title: string
  readonly port: PortName
  readonly bytes: Buffer
  readonly expected: string
}

export function allCases(): HttpCase[] {
  return fs.readdirSync(FOLDER).filter((name) => name.endsWith('.md')).sort().flatMap(casesOf)
}

function casesOf(file: string): HttpCase[] {
  const sections = fs.readFileSync(`${FOLDER}/${file}`, 'utf8').split(/^## /m).slice(1)
  return sections.map((section) => {
    const title = section.slice(0, section.indexOf('\n'))
    const block = /^```\n([^]*?)----\n([^]*?)```$/m.exec(section)
    if (block === null) throw new Error(`${file}: case "${title}" has no bytes, dashes and answer`)
    const port = (/^Port: (.*)$/m.exec(section)?.[1] ?? 'PORT') as PortName
    if (!PORTS.includes(port)) throw new Error(`${file}: case "${title}": no port has the name ${port}`)
    return { file, title, port, bytes: bytesOf(block[1]!), expected: block[2]!.trimEnd() }
  })
}

const PAGE = /<!DOCTYPE HTML PUBLIC [^>]*>\n<html><head>\n<title>(\d{3}) [^]*?<\/body><\/html>\n/g

/** An answer as the cases show it. @param ports the numbers of PORTS, which must not show */
export function shown(answer: string, closed: boolean, ports: readonly number[]): string {
  const masked = answer
    .replace(/^Date: .*GMT\r$/gm, 'Date: *\r')
    .replace(/^Server: .*\r$/gm, 'Server: *\r')
    .replace(/boundary=[0-9a-f]{16}/g, 'boundary=*').replace(/\r\n--[0-9a-f]{16}/g, '\r\n--*')
    .replace(new RegExp(`:(${ports.join('|')})\\b`, 'g'), ':*')
    // The signature says which server it is: its page and so its length differ.
    .replace(/Content-Length: \d+(?=\r\nContent-Type: text\/html; charset=iso-8859-1\r\n\r\n<!DOCTYPE[^]*?<address>)/g, 'Content-Length: *')
    .replace(PAGE, (_, status: string) => `[page of ${status}]\n`)
  const lines = masked.replace(/\\/g, '\\\\').replace(/\r/g, '\\r').replace(/\n/g, '\\n\n').replace(/\t/g, '\\t')
    .replace(/[^\x20-\x7e\n]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return closed ? `${lines}\n(closed)`.replace(/^\n|\n(?=\n\(closed\)$)/g, '') : lines.trimEnd()
}

/** What the documents of site.conf hold. All were changed when `test/support/site.ts` says (MODIFIED). */
export const DOCUMENTS: Readonly<Record<string, string>> = {
  'index.html': '<html>index</html>\n', 'hello.txt': 'hello, world\n', 'hundred.txt': '0123456789'.repeat(10),
  'empty.txt': '', 'page.html': '<p>page</p>\n', 'page.odd': 'odd', 'unknown.none': 'none',
  'error.txt': 'the error document\n', 'sub/index.html': 'index of sub\n', 'noindex/x': 'x', 'denied': 'no',
}
