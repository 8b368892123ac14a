/*
 * Clients that a trial loads a server with. Each does one thing again and again until told to stop, and enters every
 * request into a ledger.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type Address, type Response } from '../http.ts'
import type { Fault, Ledger, Outcome } from './ledger.ts'

/** A request and how to know its answer. */
export interface Asked {
  readonly path: string
  readonly headers?: string
  readonly method?: string
  readonly status: number
  /** The body, or what is true of it. */
  readonly body?: Buffer | ((text: string) => boolean)
}

export interface Manner {
  /** What is asked for, in turn. */
  readonly asks: readonly Asked[]
  /** Pause (ms) between an answer and the next request on its connection. */
  readonly pause?: () => number
  /** Requests on one connection; the last one says Connection: close. */
  readonly each?: number
  /** Told of every answer: the client's port and the body. */
  readonly heard?: (port: number, asked: Asked, text: string) => void
}

export interface Load {
  readonly ledger: Ledger
  readonly address: Address
  over: boolean
}

const isRight = (asked: Asked, { status, body }: Response): boolean => {
  if (status !== asked.status) return false
  if (asked.body === undefined) return true
  return Buffer.isBuffer(asked.body) ? body.equals(asked.body) : asked.body(body.toString('latin1'))
}

/** Connects; a refusal is entered as a request that was refused. */
export async function connectTo({ ledger, address }: Load, path: string): Promise<Client | undefined> {
  const sent = performance.now()
  try {
    const client = await Client.open(address)
    ledger.connections++
    return client
  } catch (error) {
    ledger.sent++
    const seen = performance.now()
    ledger.fault({ outcome: 'refused', path, text: String(error), connected: sent, sent, seen, idle: 0, answered: 0, port: 0 })
    await sleep(50)
    return undefined
  }
}

/** One connection of an accounted client. */
class Ride {
  readonly #load: Load
  readonly #client: Client
  /** When it was asked for: a busy client hears later that it is there. */
  readonly #connected: number
  readonly #port: number
  #answered = 0
  /** When the last request was sent; before the first, when the connection was made. */
  #last: number

  constructor(load: Load, client: Client, connected: number) {
    this.#load = load
    this.#connected = connected
    this.#last = connected
    this.#client = client
    this.#port = client.socket.localPort ?? 0
  }

  /** The server ended the connection, and nothing is under way. */
  get ended(): boolean {
    return this.#client.ended
  }

  /** Sends a request and waits for its answer. False: the connection is of no use any more. */
  async ask(asked: Asked, last: boolean, heard: Manner['heard']): Promise<boolean> {
    const { ledger } = this.#load
    const { path, method = 'GET', headers = '' } = asked
    const sent = performance.now()
    const idle = sent - this.#last
    this.#last = sent
    ledger.sent++
    const fault = (outcome: Outcome, text: string): false => {
      const entry: Fault = {
        outcome, path, text, connected: this.#connected, sent, seen: performance.now(), idle,
        answered: this.#answered, port: this.#port,
      }
      ledger.fault(entry)
      return false
    }
    try {
      const close = last ? 'Connection: close\r\n' : ''
      const answer = await this.#client.send(`${method} ${path} HTTP/1.1\r\nHost: h\r\n${headers}${close}\r\n`)
        .response(method)
      if (!isRight(asked, answer))
        return fault('wrong', `${answer.status}, ${answer.body.length} bytes: ${answer.text.slice(0, 80)}`)
      ledger.whole++
      this.#answered++
      heard?.(this.#port, asked, answer.text)
      return !last && answer.headers['connection'] !== 'close'
    } catch (error) {
      const { ended, waiting } = this.#client
      return fault(waiting.length > 0 ? 'cut' : ended ? 'lost' : 'late', (error as Error).message)
    }
  }

  close(): void {
    this.#client.close()
  }
}

/** A client that asks one thing after the other, on connections that it keeps as long as the server lets it. */
export async function ride(load: Load, manner: Manner): Promise<void> {
  const { asks, pause, each = Infinity, heard } = manner
  for (let n = 0; !load.over;) {
    const begun = performance.now()
    const client = await connectTo(load, asks[n % asks.length]!.path)
    if (client === undefined) continue
    const connection = new Ride(load, client, begun)
    let good = true
    for (let count = 1; good && !load.over; count++) {
      good = await connection.ask(asks[n++ % asks.length]!, count >= each, heard)
      const rest = pause?.() ?? 0
      if (good && rest > 0) await sleep(rest)
      if (good && connection.ended) {
        load.ledger.endedIdle++
        good = false
      }
    }
    connection.close()
  }
}

/** Reads a large file at a steady pace, again and again, and compares every byte. @param rate bytes a second */
export async function readSlowly(load: Load, path: string, content: Buffer, rate: number): Promise<void> {
  while (!load.over) {
    const begun = performance.now()
    const client = await connectTo(load, path)
    if (client !== undefined) await readOnce(load, client, path, content, rate, begun)
  }
}

async function readOnce(
  load: Load, { socket }: Client, path: string, content: Buffer, rate: number, connected: number,
): Promise<void> {
  const { ledger } = load
  const sent = performance.now()
  const port = socket.localPort ?? 0
  ledger.sent++
  let head = Buffer.alloc(0)
  let got = -1
  let same = true
  const take = (bytes: Buffer): void => {
    if (got < 0) {
      head = Buffer.concat([head, bytes])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      got = 0
      bytes = head.subarray(end + 4)
    }
    if (!bytes.equals(content.subarray(got, got + bytes.length))) same = false
    got += bytes.length
    socket.pause()
    // Once the load is over the rest is read at full speed.
    setTimeout(() => socket.resume(), load.over ? 0 : (bytes.length / rate) * 1000)
  }
  await new Promise<void>((done) => {
    socket.removeAllListeners('data').on('data', take).on('close', done).on('end', () => socket.end())
    socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`)
  })
  if (got === content.length && same && head.toString('latin1', 9, 12) === '200') {
    ledger.whole++
    return
  }
  const outcome = head.length === 0 ? 'lost' : same ? 'cut' : 'wrong'
  ledger.fault({
    outcome, path, text: `${got} of ${content.length} bytes: ${head.toString('latin1', 0, 40)}`, connected, sent,
    seen: performance.now(), idle: 0, answered: 0, port,
  })
}

/** Asks for something large and leaves in the middle of the answer, again and again. Its requests are not counted. */
export async function abort(load: Load, path: string, pause: number): Promise<void> {
  while (!load.over) {
    const client = await connectTo(load, path)
    client?.get(path)
    await sleep(pause)
    // A reset, not an orderly end.
    client?.socket.resetAndDestroy()
  }
}
