/* Where workloads are run: one temporary directory, servers that are started when a workload wants them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Contender, Features, Instance, Lab, Place, ServerName } from './contract.ts'
import { probe } from './measure/probe.ts'
import { SERVERS } from './servers/all.ts'
import { end, freePort, killAll, start, until } from './servers/processes.ts'
import { servingUser } from './servers/programs.ts'

export interface Conditions { readonly rounds: number; readonly seconds: number }

export interface WholeLab extends Lab {
  /** Versions of the servers that are installed. */
  readonly versions: Readonly<Partial<Record<ServerName, string>>>
  /** Ends the servers that still run, as a workload that failed leaves them. */
  endServers(): Promise<void>
  /** Notes since they were last taken. */
  takeNotes(): string[]
  /** Ends everything that still runs, at once, and removes the directory. */
  close(): void
}

const TO_START = 30_000

function versionsOfServers(): Partial<Record<ServerName, string>> {
  const all = Object.values(SERVERS).map((server) => [server.name, server.version()] as const)
  return Object.fromEntries(all.filter(([, version]) => version !== undefined))
}

/** Answers once the server answers. @throws Error with what it said if it ends before that */
async function untilServes(words: readonly string[], { directory, port }: Place): Promise<number> {
  const { pid, fault } = start(words, directory)
  await until(`${words[0]} to answer`, () => {
    const wrong = fault()
    if (wrong !== undefined) throw new Error(wrong)
    return probe(port, { path: '/', connections: 1, status: 0 }).then(() => true, () => false)
  }, TO_START)
  return pid
}

export function openLab({ rounds, seconds }: Conditions): WholeLab {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'))
  const documents = join(directory, 'documents')
  // The user that serves is another one if root runs this.
  chmodSync(directory, 0o755)
  mkdirSync(documents)
  const [user, versions] = [servingUser(), versionsOfServers()]
  const servers = new Set<number>()
  let notes: string[] = []
  let count = 0

  const note = (text: string): void => void (notes.includes(text) || notes.push(text))

  async function startServer({ name, server }: Contender, features: Features): Promise<Instance | undefined> {
    const { home, configuration, command } = SERVERS[server]
    if (versions[server] === undefined) {
      note(`${server} is not installed: no figures for it`)
      return undefined
    }
    const own = join(directory, `${++count}-${name.replaceAll(' ', '-')}`)
    mkdirSync(own)
    const place = { directory: own, documents, port: await freePort(), user, home: await home(directory, features) }
    const [file, text] = [join(own, 'server.conf'), configuration(place, features)]
    writeFileSync(file, text)
    const pid = await untilServes(command(place, file), place)
    servers.add(pid)
    return { pid, place, configuration: text, end: () => endServer(pid) }
  }

  function endServer(pid: number): Promise<void> {
    servers.delete(pid)
    return end(pid)
  }

  return {
    rounds, seconds, directory, documents, versions, note, start: startServer,
    endServers: async () => void await Promise.all([...servers].map((pid) => endServer(pid))),
    takeNotes() {
      const taken = notes
      notes = []
      return taken
    },
    close() {
      killAll()
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    },
  }
}
