// Asks the cases of test/cases/http of a thread's engine with the configuration of site.conf: no socket, no clock.

import { mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { LANGUAGE_LEVEL } from '../../core/base/version.ts'
import { readConfig } from '../../core/config/reader.ts'
import { Resolver } from '../../core/config/resolve.ts'
import { ModuleList } from '../../core/hook/modules.ts'
import { registerMethod } from '../../core/http/methods.ts'
import { core } from '../../core/server/core_module.ts'
import { globalCore } from '../../core/server/core_settings.ts'
import { http } from '../../core/server/http_module.ts'
import { Next, type Conn } from '../../core/server/mpm.ts'
import { settle } from '../../core/server/settle.ts'
import { module as authzCore } from '../../modules/mod_authz_core.ts'
import { module as dir } from '../../modules/mod_dir.ts'
import { module as mime } from '../../modules/mod_mime.ts'
import { make } from '../server/fake_connection.ts'
import { DOCUMENTS, FOLDER, PORTS, shown, type HttpCase } from './cases.ts'

const MODIFIED = new Date('2025-01-02T03:04:05Z')
const FIRST_PORT = 20_001

export interface Runner {
  /** The answer to a case whose bytes come in pieces of this size. */
  ask(one: HttpCase, size: number): Promise<string>
  readonly root: string
}

export async function makeRunner(): Promise<Runner> {
  const root = mkdtempSync(join(tmpdir(), 'http-cases-'))
  for (const [name, content] of Object.entries(DOCUMENTS)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
    utimesSync(join(root, name), MODIFIED, MODIFIED)
  }
  const numbers = PORTS.map((_, i) => FIRST_PORT + i)
  const { socket, engine } = make(undefined, await parts(root, numbers))
  const owner = { resume: (conn: Conn) => void conn.advance(), status: () => undefined }
  return {
    root,
    async ask({ port, bytes }, size) {
      socket.outgoing = ''
      socket.incoming = []
      const local = { address: '127.0.0.1', port: numbers[PORTS.indexOf(port)]! }
      const conn = engine.connect(900, { address: '127.0.0.1', port: 4000 }, local, owner)
      let next: Next = conn.advance()
      for (let at = 0; at < bytes.length && !isOver(next); at += size) {
        socket.incoming.push(bytes.subarray(at, at + size))
        next = await go(conn)
      }
      conn.close()
      return shown(socket.outgoing, isOver(next), numbers)
    },
  }

  async function go(conn: Conn): Promise<Next> {
    for (let turns = 0; ; turns++) {
      engine.beginTurn()
      const next = conn.advance()
      // What waits for a promise goes on when that has had its turn; what it waits for may have come already.
      if (next !== Next.suspend && (next !== Next.read || socket.incoming.length === 0)) return next
      if (turns > 100) throw new Error('It waits and waits')
      await new Promise(setImmediate)
    }
  }
}

const isOver = (next: Next): boolean => next === Next.close || next === Next.linger

async function parts(root: string, numbers: readonly number[]) {
  const modules = new ModuleList()
  for (const module of [core, http, authzCore, dir, mime])
    modules.add({ module, symbol: module.name, linkage: 'static' })
  const note = () => undefined
  const file = join(root, 'httpd.conf')
  const defines = [...PORTS.map((name, i) => `Define ${name} ${numbers[i]!}`), `Define DOCS "${root}"`]
  writeFileSync(file, `${defines.join('\n')}\nServerName main.example\n${readFileSync(join(FOLDER, 'site.conf'), 'utf8')}`)
  const read = readConfig({
    serverRoot: root, file, pre: [], post: [], defines: [], table: modules, env: {}, languageLevel: LANGUAGE_LEVEL,
    loadModule: () => undefined, note,
  })
  const settled = await settle({
    program: 'httpd', tree: read.tree, serverRoot: root, runtimeDir: undefined, defines: read.defines, modules,
    checkDirectories: true, checking: false, testing: false, restart: false, note,
  })
  if (read.faults.length > 0 || settled.kind === 'refused')
    throw new Error([...read.faults.map(({ text }) => text), ...(settled.kind === 'refused' ? settled.texts : [])].join('\n'))
  const { servers, vhosts } = settled
  servers[0]!.get(globalCore).registeredMethods.forEach(registerMethod)
  const settings = modules.settings()
  return {
    hooks: modules.hooks, servers, vhosts, defaultDocumentRoot: root,
    resolverOf: (server: (typeof servers)[number]) => new Resolver({ conf: server.conf, settings }),
  }
}
