// Connections that come, idle, are lent, given up and closed at random: each client gets the bytes of its own answers, in
// their order, and nothing is written where there is no connection any more.
import fc from 'fast-check'
import t from 'tap'
import { OK, type Answer, type Status } from '../../core/hook/hook.ts'
import type { ModuleList } from '../../core/hook/modules.ts'
import type { Request } from '../../core/hook/types.ts'
import type { Memory, Net, SendRing } from '../../core/port/port.ts'
import { dirCore } from '../../core/server/core_settings.ts'
import { Next, type Conn } from '../../core/server/mpm.ts'
import type { ThreadEngine } from '../../core/server/thread_engine.ts'
import { make, plainConf, type Made } from './fake_connection.ts'

const AGAIN = -11
const BADF = -9
const CLIENTS = 6
const STEPS = 120

interface Client {
  readonly id: number
  readonly fd: number
  readonly incoming: Buffer[]
  got: string
  capacity: number
  open: boolean
  fin: boolean
  /** What it has asked for, and the body that it is to get. */
  readonly asked: string[]
  conn: Conn | undefined
  /** On the listener, while the crew has it. */
  lender: Conn | undefined
  next: Next
}

/** Numbers from a seed (mulberry32). */
function dice(seed: number): (sides: number) => number {
  let a = seed | 0
  return (sides) => {
    a = (a + 0x6d2b79f5) | 0
    let b = Math.imul(a ^ (a >>> 15), 1 | a)
    b = (b + Math.imul(b ^ (b >>> 7), 61 | b)) ^ b
    return ((b ^ (b >>> 14)) >>> 0) % sides
  }
}

class Ring implements SendRing {
  readonly size = 4
  readonly results = new Int32Array(4)
  readonly #net: () => Net
  #waiting: (() => number)[] = []

  constructor(net: () => Net) {
    this.#net = net
  }

  add(...[fd, from, offset, length]: Parameters<SendRing['add']>): void {
    this.#waiting.push(() => this.#net().send(fd, from, offset, length, false))
  }

  submit(): number {
    const waiting = this.#waiting
    this.#waiting = []
    waiting.forEach((send, i) => { this.results[i] = send() })
    return waiting.length
  }

  close(): void {
    this.#waiting = []
  }
}

class World {
  readonly faults: string[] = []
  readonly clients: (Client | undefined)[] = []
  readonly all: Client[] = []
  readonly #roll: (sides: number) => number
  /** Handlers that wait, and requests that are over and go on all the same. */
  #later: (() => void)[] = []
  readonly #kept: Request[] = []
  readonly #listener: ThreadEngine | undefined
  readonly #crew: ThreadEngine

  constructor(roll: (sides: number) => number, mpm: 'event' | 'worker') {
    this.#roll = roll
    const conf = plainConf()
    conf.defaults.said(dirCore).handlerTimeout = 60_000
    const crew = make((modules) => this.#register(modules), {}, conf)
    this.#exchange(crew.socket.port.net as { -readonly [K in keyof Net]: Net[K] })
    this.#crew = crew.engine
    if (mpm === 'worker') return
    const made: Made = make((modules) => this.#register(modules), { mayBlock: false, sends: new Ring(() => made.socket.port.net) }, plainConf())
    this.#exchange(made.socket.port.net as { -readonly [K in keyof Net]: Net[K] })
    this.#listener = made.engine
  }

  #exchange(net: { -readonly [K in keyof Net]: Net[K] }): void {
    net.recv = (fd, into, at, length) => this.#recv(fd, into, at, length)
    net.send = (fd, from, at, length) => this.#take(fd, from.bytes.toString('latin1', at, at + length))
    net.sendfile = () => this.faults.push('sendfile')
    net.shutdown = (fd) => void this.#at(fd, 'shutdown')
    net.close = (fd) => {
      const client = this.#at(fd, 'close')
      if (client !== undefined) client.open = false
      this.clients[fd - 1000] = undefined
    }
  }

  #at(fd: number, what: string): Client | undefined {
    const client = this.clients[fd - 1000]
    if (client?.open !== true) this.faults.push(`${what} at ${fd}, where nobody is`)
    return client
  }

  #recv(fd: number, into: Memory, at: number, length: number): number {
    const client = this.#at(fd, 'recv')
    if (client === undefined) return BADF
    // The rest is on its way.
    if (this.#roll(4) === 0) return AGAIN
    const first = client.incoming.shift()
    if (first === undefined) return client.fin ? 0 : AGAIN
    const taken = Math.min(length, first.length)
    first.copy(into.bytes, at, 0, taken)
    if (taken < first.length) client.incoming.unshift(first.subarray(taken))
    return taken
  }

  #take(fd: number, text: string): number {
    const client = this.#at(fd, 'send')
    if (client === undefined) return BADF
    const taken = Math.min(client.capacity, text.length)
    if (taken === 0) return AGAIN
    client.capacity -= taken
    client.got += text.slice(0, taken)
    return taken
  }

  // What modules do.

  #register({ hooks }: ModuleList): void {
    const quick = (r: Request): Answer<Status> => this.#answer(r)
    hooks.handler.add('x', (r) => /^\/(?:sync|large|wait)/.test(r.uri) ? quick(r) : -1, { quick: true })
    hooks.handler.add('y', (r) => quick(r))
    // A beginning of its own, as with PROXY.
    hooks.readPreface.add('z', () => (bytes) => {
      const end = bytes.indexOf('\n')
      return { used: bytes.toString('latin1', 0, 6) !== 'PROXY ' && bytes.length >= 6 ? undefined : end + 1 }
    })
  }

  #answer(r: Request): Answer<Status> {
    const [, kind, token, size] = r.uri.split('/')
    const body = `[${token}]`.repeat(Number(size))
    this.#kept.push(r)
    if (kind === 'sync' || kind === 'large') return r.write(body), OK
    if (kind === 'echo') return this.#echo(r)
    if (kind === 'never') return new Promise(() => undefined)
    return new Promise((resolve) => {
      const half = body.length >> 1
      this.#later.push(() => {
        r.write(body.slice(0, half))
        this.#later.push(() => (r.write(body.slice(half)), resolve(OK)))
      })
    })
  }

  async #echo(r: Request): Promise<Status> {
    for (let piece; (piece = await r.read()) !== null;) r.write(piece)
    return OK
  }

  // What happens.

  async step(): Promise<void> {
    const roll = this.#roll
    await new Promise(setImmediate)
    const what = roll(20)
    if (what < 3) this.#come()
    else if (what < 9) this.#ask()
    else if (what < 11) this.#goOn()
    else if (what < 12) this.#late()
    else if (what < 13) for (const client of this.clients) if (client !== undefined && roll(4) === 0) this.#one(client, 'leave')
    this.turn()
  }

  turn(): void {
    const roll = this.#roll
    const engines = [this.#crew, ...(this.#listener === undefined ? [] : [this.#listener])]
    for (const engine of engines) engine.beginTurn()
    for (const client of this.clients) {
      if (client === undefined || roll(3) === 0) continue
      client.capacity = roll(4) === 0 ? roll(900) : Infinity
      this.#one(client, roll(60) === 0 ? 'late' : 'ready')
    }
    for (const engine of engines.reverse()) engine.endTurn()
  }

  #come(): void {
    const free = Array.from({ length: CLIENTS }, (_, i) => i).find((i) => this.clients[i] === undefined)
    if (free === undefined) return
    const client: Client = {
      id: this.all.length, fd: 1000 + free, incoming: [], got: '', capacity: Infinity, open: true, fin: false, asked: [],
      conn: undefined, lender: undefined, next: Next.read,
    }
    this.clients[free] = client
    this.all.push(client)
    if (this.#roll(2) === 0) this.#say(client, `PROXY ${client.id}\n`)
    client.conn = this.#connect(client, this.#listener ?? this.#crew)
    this.#settle(client, client.conn.advance())
  }

  #connect(client: Client, engine: ThreadEngine, resumed?: { keepalives: number; unread: Uint8Array }): Conn {
    const owner = {
      resume: (conn: Conn) => { if (client.conn === conn && client.open) this.#settle(client, conn.advance()) },
      status: () => undefined,
    }
    return engine.connect(client.fd, { address: '10.0.0.1', port: client.id }, undefined, owner, resumed)
  }

  #ask(): void {
    const roll = this.#roll
    const client = this.clients[roll(CLIENTS)]
    if (client === undefined || client.fin) return
    for (let n = roll(4) === 0 ? 3 : 1; n > 0; n--) {
      const kind = ['sync', 'sync', 'wait', 'large', 'echo', 'block', 'never'][roll(roll(5) === 0 ? 7 : 6)]!
      const token = `${client.id}-${client.asked.length}`
      const size = kind === 'large' ? 30_000 : 1 + roll(400)
      client.asked.push(kind === 'never' ? '' : `[${token}]`.repeat(size))
      const chunked = roll(2) === 0
      const body = client.asked.at(-1)!
      const sent = kind !== 'echo' ? '\r\n'
        : chunked ? `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
          : `Content-Length: ${body.length}\r\n\r\n${body}`
      this.#say(client, `${kind === 'echo' ? 'POST' : 'GET'} /${kind}/${token}/${size} HTTP/1.1\r\nHost: a\r\n${sent}`)
    }
  }

  #say(client: Client, text: string): void {
    const bytes = Buffer.from(text, 'latin1')
    const cut = this.#roll(3) === 0 ? 1 + this.#roll(bytes.length) : bytes.length
    client.incoming.push(bytes.subarray(0, cut))
    if (cut < bytes.length) client.incoming.push(bytes.subarray(cut))
  }

  #goOn(): void {
    const later = this.#later
    this.#later = []
    for (const act of later) act()
  }

  // Modules that cannot stop: whatever they do is for nobody.
  #late(): void {
    for (const r of this.#kept) {
      if (!r.connection.aborted && this.#roll(2) === 0) continue
      // Only what is over: what is under way may of course be written to.
      if (!(r as unknown as { logged: boolean }).logged) continue
      r.write('LATE'.repeat(this.#roll(2) === 0 ? 1 : 30_000))
      void r.read().catch(() => undefined)
      r.flush()
    }
  }

  #one(client: Client, what: 'ready' | 'late' | 'leave'): void {
    const { conn } = client
    if (conn === undefined) return
    if (what === 'leave') {
      if (this.#roll(2) === 0) client.fin = true
      else this.#close(client)
    } else if (what === 'late' && client.next !== Next.suspend) this.#settle(client, conn.timedOut())
    else this.#settle(client, conn.advance())
  }

  #close(client: Client): void {
    const { conn, lender } = client
    client.conn = undefined
    lender?.release()
    conn!.close()
  }

  #settle(client: Client, next: Next): void {
    client.next = next
    const { conn, lender } = client
    if (next === Next.close) return this.#close(client)
    if (next === Next.handover) {
      const job = { keepalives: conn!.keepalives, unread: Uint8Array.prototype.slice.call(conn!.unread()) }
      conn!.lend()
      client.lender = conn
      client.conn = this.#connect(client, this.#crew, job)
      return this.#settle(client, client.conn.advance())
    }
    if (next !== Next.idle || lender === undefined) return
    client.conn = lender
    client.lender = undefined
    conn!.release()
    lender.takeBack(conn!.keepalives)
    this.#settle(client, lender.advance())
  }
}

/** What is wrong with what a client has received; undefined: nothing. */
function faultOf({ got, asked, id }: Client): string | undefined {
  let rest = got
  for (const [n, body] of asked.entries()) {
    if (rest === '') return undefined
    const end = rest.indexOf('\r\n\r\n')
    const head = rest.slice(0, end < 0 ? rest.length : end)
    if (!/^HTTP\/1\.1 \d\d\d [^\r]*(?:\r\n[A-Z][\w-]*: [^\r\n]*)*\r?\n?(?:\w[\w-]*:? ?[^\r\n]*\r?)?$/.test(`${head}`) && !'HTTP/1.1 '.startsWith(head.slice(0, 9)))
      return `client ${id}: no head: ${JSON.stringify(head.slice(0, 300))}`
    if (end < 0) return undefined
    if (!head.startsWith('HTTP/1.1 200')) return /^HTTP\/1\.1 408/.test(head) ? undefined : `client ${id}: ${head}`
    rest = rest.slice(end + 4)
    const length = /Content-Length: (\d+)/.exec(head)?.[1]
    let text = rest.slice(0, Number(length ?? 0))
    if (length !== undefined) rest = rest.slice(text.length)
    else [text, rest] = unchunked(rest)
    if (!body.startsWith(text)) return `client ${id}, answer ${n}: ${JSON.stringify(text.slice(0, 300))}`
    if (text.length < body.length && rest !== '') return `client ${id}, answer ${n}: not whole, but ${JSON.stringify(rest.slice(0, 300))}`
  }
  return rest === '' || /^HTTP\/1\.1 408/.test(rest) || 'HTTP/1.1 408'.startsWith(rest) ? undefined : `client ${id}: more: ${JSON.stringify(rest.slice(0, 300))}`
}

function unchunked(rest: string): [string, string] {
  let text = ''
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/.exec(rest)
    if (size === null) return [text, '']
    const length = parseInt(size[1]!, 16)
    rest = rest.slice(size[0].length)
    text += rest.slice(0, length)
    rest = rest.slice(length + 2)
    if (length === 0) return [text, rest]
  }
}

const RUNS = Number(process.env['MIXING_RUNS'] ?? 60)

for (const mpm of ['event', 'worker'] as const) t.test(`nobody gets the bytes of another (${mpm})`, async (t) => {
  let answers = 0
  await fc.assert(fc.asyncProperty(fc.integer(), async (seed) => {
    const world = new World(dice(seed), mpm)
    for (let n = 0; n < STEPS; n++) await world.step()
    const faults = [...world.faults, ...world.all.map(faultOf).filter((fault) => fault !== undefined)]
    if (faults.length > 0) throw new Error(faults.slice(0, 3).join('\n'))
    for (const { got } of world.all) answers += got.split('HTTP/1.1 200').length - 1
  }), { numRuns: RUNS, endOnFailure: true })
  t.ok(answers > 10 * RUNS, `${answers} answers`)
})
