/*
 * A built server under test: started from outside as a child process, watched through its logs, its sockets and
 * /proc, and ended by its process id whatever becomes of the test.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ask, Client, fetchPath, type Response } from './http.ts'
import { bare } from './launched.ts'
import { childrenOf, end, signal, until } from './processes.ts'
import { makeSite, type Site, type SiteOptions } from './site.ts'
import { programOf, type Variant } from './variants.ts'

export interface Ended { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** How a run of the program ended, and what it said. */
export interface Said extends Ended { readonly out: string; readonly err: string }

/** Runs the program to its end, for switches that do not serve. It is killed after 20 seconds. */
export function runProgram(variant: Variant, ...words: string[]): Promise<Said> {
  return new Promise((done, reject) => {
    const child = spawn('env', [...bare, programOf(variant), ...words], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
    let [out, err] = ['', '']
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (err += text))
    child.on('error', reject)
    // Not `close`: a server that has detached itself may still hold the pipes.
    child.on('exit', (code, signal) => setTimeout(() => done({ code, signal, out, err }), 20))
  })
}

export class Server {
  readonly site: Site
  readonly pid: number
  readonly #child: ChildProcess
  readonly #ended: Promise<Ended>
  readonly #clients: Client[] = []
  #stderr = ''
  #over: Ended | undefined

  private constructor(site: Site, child: ChildProcess) {
    this.site = site
    this.#child = child
    this.pid = child.pid!
    child.stderr!.on('data', (text) => (this.#stderr += text))
    this.#ended = new Promise((done) => child.on('exit', (code, signal) => {
      this.#over = { code, signal }
      done(this.#over)
    }))
  }

  /** Makes a site and starts a server on it. Answers once it serves. @throws Error with what it said if it does not */
  static async start(test: Test, options: SiteOptions, ...words: string[]): Promise<Server> {
    return Server.startOn(test, await makeSite(test, options), ...words)
  }

  static async startOn(test: Test, site: Site, ...words: string[]): Promise<Server> {
    const args = ['-f', site.confFile, '-D', 'FOREGROUND', ...words]
    const child = spawn('env', [...bare, programOf(site.variant), ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    const server = new Server(site, child)
    test.teardown(() => {
      for (const client of server.#clients) client.close()
      return end(server.pid)
    })
    await until('the server to answer', () => server.#answers(), 20_000).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${server.#stderr}${server.errorLog}`)
    })
    return server
  }

  async #answers(): Promise<boolean> {
    if (this.#over !== undefined)
      throw new Error(`The server ended with ${this.#over.code ?? this.#over.signal}:\n${this.#stderr}${this.errorLog}`)
    try {
      return (await ask(this.site, 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).status === 200
    } catch {
      return false
    }
  }

  get port(): number {
    return this.site.port
  }

  get running(): boolean {
    return this.#over === undefined
  }

  /** What the control process has said on standard error. */
  get stderr(): string {
    return this.#stderr
  }

  get errorLog(): string {
    return this.#log('error_log')
  }

  get accessLog(): string {
    return this.#log('access_log')
  }

  #log(name: string): string {
    const path = join(this.site.root, 'logs', name)
    return existsSync(path) ? readFileSync(path, 'latin1') : ''
  }

  /** Process ids of the children that serve. */
  children(): number[] {
    return childrenOf(this.pid)
  }

  /** A connection; it is closed with the server at the latest. */
  async connect(): Promise<Client> {
    const client = await Client.open(this.site)
    this.#clients.push(client)
    return client
  }

  get(path: string, headers = '', method = 'GET'): Promise<Response> {
    return fetchPath(this.site, path, headers, method)
  }

  ask(request: string | Uint8Array, method?: string): Promise<Response> {
    return ask(this.site, request, method)
  }

  signal(name: NodeJS.Signals): void {
    signal(this.pid, name)
  }

  /** Waits for a line of the error log that was not there `after` characters into it. */
  logged(pattern: RegExp, after = 0): Promise<RegExpExecArray> {
    return until(`a line like ${pattern} in the error log`, () => pattern.exec(this.errorLog.slice(after)) ?? undefined)
      .catch((error: unknown) => {
        throw new Error(`${(error as Error).message}:\n${this.errorLog.slice(after).slice(-2000)}`)
      })
  }

  /** Sends a signal, and waits for the server's end. */
  stop(name: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#child.kill(name)
    return this.#ended
  }
}
