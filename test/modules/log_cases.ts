/*
 * The text cases of test/cases/log: a format, dashes, what a client sends (`....` between what it sends and what it
 * sends when that is answered), dashes, the lines. Requests go through a connection, so that everything counts; where
 * Apache httpd is installed they go to it as well.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { bytesOf } from '../http/case_file.ts'
import { make, root } from '../server/fake_connection.ts'
import { core } from '../../core/server/core_module.ts'
import { http } from '../../core/server/http_module.ts'
import { compileFormat, type Line } from '../../modules/log_config/format.ts'
import { module as alias } from '../../modules/mod_alias.ts'
import { module as logConfig } from '../../modules/mod_log_config.ts'
import { module as logio } from '../../modules/mod_logio.ts'
import type { Module } from '../../core/hook/module.ts'
import { configure } from './harness.ts'

export interface LogCase {
  readonly title: string
  readonly format: string
  /** What is sent, piece by piece, each when the one before is answered. */
  readonly stream: readonly Buffer[]
  readonly expected: readonly string[]
}

export function readLogCases(): LogCase[] {
  const files = readdirSync('test/cases/log').filter((name) => name.endsWith('.md')).sort()
  return files.flatMap((name) => casesOf(readFileSync(`test/cases/log/${name}`, 'utf8'), name))
}

function casesOf(text: string, file: string): LogCase[] {
  return text.split(/^## /m).slice(1).map((section) => {
    const title = `${file}: ${section.slice(0, section.indexOf('\n'))}`
    const block = /^```\n(.*)\n----\n([^]*?)----\n([^]*?)```$/m.exec(section)
    if (block === null) throw new Error(`${title}: has no format, dashes, bytes, dashes and lines`)
    return {
      title, format: block[1]!, stream: block[2]!.split('....\n').map(bytesOf),
      expected: block[3]!.trimEnd().split('\n'),
    }
  })
}

/** What both servers are told, besides what only one of them understands. */
export const CONF = `
ServerName www.example.org:8443
Timeout 2
TraceEnable On
Redirect gone /gone
Redirect /old http://other.example/new
ErrorDocument 410 /large
${[400, 404, 405, 417, 501].map((status) => `ErrorDocument ${status} "it is ${status}"`).join('\n')}
LogIOTrackTTFB On
`

const MODULES: readonly Module[] = [core, http, alias, logConfig, logio]

/** Sends a stream to a connection; answers what each of the formats writes. */
export async function linesOf(formats: readonly string[], stream: readonly Buffer[]): Promise<string[][]> {
  const { conf } = configure(MODULES, CONF)
  const lines = formats.map((): string[] => [])
  const compiled: Line[] = formats.map((format) => compileFormat(format))
  const { engine, socket } = make((list) => {
    for (const module of MODULES) list.add({ module, symbol: module.name, linkage: 'static' })
    list.add({ symbol: 'capture_module', linkage: 'static', module: {
      name: 'capture_module', file: 'mod_capture.c',
      register: (hooks, on) => on(hooks.logTransaction, (r) => {
        compiled.forEach((line, i) => lines[i]!.push(line(r).slice(0, -1).replaceAll(root, 'ROOT')))
        return 0
      }),
    } })
  }, {}, conf)
  const owner = { resume: (c: { advance(): unknown }) => void c.advance(), status: () => undefined }
  const conn = engine.connect(901, { address: '127.0.0.1', port: 4000 }, undefined, owner)
  for (const piece of stream) {
    socket.incoming.push(Buffer.from(piece))
    conn.advance()
    await new Promise(setImmediate)
  }
  socket.ended = true
  conn.advance()
  conn.close()
  return lines
}
