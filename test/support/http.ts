/*
 * An HTTP/1.1 client on a bare socket: it sends exactly the bytes that it is given and reads responses the way
 * RFC 9112 section 6 delimits them. Every wait has a limit, and what came until then is in the error.
 */
import { connect, type Socket } from 'node:net'

/** How long (ms) a client waits for bytes before it gives up. */
const PATIENCE = 10_000

export interface Response {
  readonly status: number
  /** `HTTP/1.1 200 OK` */
  readonly statusLine: string
  /** Values by lower-case name; repeated ones joined by ", ". */
  readonly headers: Readonly<Record<string, string>>
  /** Lower-case names in the order they came. */
  readonly names: readonly string[]
  readonly body: Buffer
  readonly text: string
}

/** Where to connect to. */
export interface Address {
  readonly port: number
  readonly host?: string
}

interface Head extends Omit<Response, 'body' | 'text'> {
  /** Bytes of the head. */
  readonly length: number
}

function parseHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]
  if (status === undefined) throw new Error(`Not a response: ${bytes.toString('latin1', 0, 200)}`)
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): (.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`Not a header line: ${line}`)
    const key = name.toLowerCase()
    headers[key] = key in headers ? `${headers[key]!}, ${value}` : value
  }
  return { status: Number(status), statusLine, headers, names: Object.keys(headers), length: end + 4 }
}

/** A chunked body that begins at `from`: its bytes and where it ends; undefined while it is not complete. */
function unchunk(bytes: Buffer, from: number): { body: Buffer; end: number } | undefined {
  const pieces: Buffer[] = []
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const text = bytes.toString('latin1', at, lineEnd)
    if (!/^[0-9a-f]+$/i.test(text)) throw new Error(`Not a chunk size: ${text.slice(0, 80)}`)
    const size = Number.parseInt(text, 16)
    at = lineEnd + 2
    if (bytes.length < at + size + 2) return undefined
    if (bytes.toString('latin1', at + size, at + size + 2) !== '\r\n') throw new Error('A chunk does not end with CRLF')
    if (size === 0) return { body: Buffer.concat(pieces), end: at + 2 }
    pieces.push(bytes.subarray(at, at + size))
    at += size + 2
  }
}

/** One connection. */
export class Client {
  readonly socket: Socket
  #pieces: Buffer[] = []
  #length = 0
  #ended = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece)
      this.#length += piece.length
      this.#wake?.()
    })
    socket.on('error', (error) => (this.#error = error))
    socket.on('end', () => this.#end())
    socket.on('close', () => this.#end())
  }

  /** Connects. @throws Error if nobody listens there */
  static open({ port, host = '127.0.0.1' }: Address): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, noDelay: true, allowHalfOpen: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Client(socket))
      })
    })
  }

  #end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** The server has ended its side of the connection. */
  get ended(): boolean {
    return this.#ended
  }

  /** The connection was reset, if it was. */
  get error(): Error | undefined {
    return this.#error
  }

  /** What has arrived and was not read. */
  get waiting(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0] ?? Buffer.alloc(0)
  }

  send(data: string | Uint8Array): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    return this
  }

  /** A GET on this connection. */
  get(path: string, headers = '', version = '1.1'): this {
    return this.send(`GET ${path} HTTP/${version}\r\nHost: localhost\r\n${headers}\r\n`)
  }

  /**
   * The next response, interim ones included.
   * @param method of the request: the response to HEAD has no body
   * @throws Error if the connection ends or nothing comes for 10 seconds before it is complete
   */
  async response(method = 'GET'): Promise<Response> {
    const head = await this.#until('a response head', () => parseHead(this.waiting))
    const { status, statusLine, headers, names } = head
    const body = await this.#body(head, method)
    return { status, statusLine, headers, names, body, text: body.toString('latin1') }
  }

  /** Several responses, in the order they come. */
  async responses(count: number, method = 'GET'): Promise<Response[]> {
    const all: Response[] = []
    while (all.length < count) all.push(await this.response(method))
    return all
  }

  /** Everything until the server ends the connection. */
  async toEnd(): Promise<Buffer> {
    await this.#until('the end', () => (this.#ended ? true : undefined))
    return this.#take(this.#length)
  }

  /** Nothing more came, and the server ended the connection. */
  async endsEmpty(): Promise<boolean> {
    return (await this.toEnd()).length === 0
  }

  /** Ends our side of the connection; the server may go on. */
  finish(): this {
    this.socket.end()
    return this
  }

  close(): void {
    this.socket.destroy()
  }

  async #body({ length, status, headers }: Head, method: string): Promise<Buffer> {
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
      this.#take(length)
      return Buffer.alloc(0)
    }
    if (headers['transfer-encoding'] === 'chunked') {
      const { body, end } = await this.#until('a chunked body', () => unchunk(this.waiting, length))
      this.#take(end)
      return body
    }
    const stated = headers['content-length']
    if (stated === undefined) return (await this.toEnd()).subarray(length)
    const size = Number(stated)
    await this.#until(`a body of ${size} bytes`, () => (this.#length >= length + size ? true : undefined))
    return this.#take(length + size).subarray(length)
  }

  #take(length: number): Buffer {
    const bytes = this.waiting
    this.#pieces = bytes.length > length ? [bytes.subarray(length)] : []
    this.#length -= length
    return bytes.subarray(0, length)
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.#ended) throw this.#missing(what, this.#error?.message ?? 'the connection ended')
      if (!(await this.#news())) throw this.#missing(what, `nothing came for ${PATIENCE / 1000} s`)
    }
  }

  #missing(what: string, why: string): Error {
    const text = this.waiting.toString('latin1', 0, 300)
    return new Error(`No ${what}: ${why}; ${this.#length} bytes came: ${JSON.stringify(text)}`)
  }

  // False if nothing comes in time.
  #news(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), PATIENCE)
      const done = (came: boolean): void => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(came)
      }
      this.#wake = () => done(true)
    })
  }
}

/** One request on a connection of its own; the connection is closed afterwards. */
export async function ask(address: Address, request: string | Uint8Array, method?: string): Promise<Response> {
  const client = await Client.open(address)
  try {
    const word = method ?? /^\w+/.exec(Buffer.from(request as string).toString('latin1', 0, 20))?.[0] ?? 'GET'
    return await client.send(request).response(word)
  } finally {
    client.close()
  }
}

/** GET (or another method) of a path on a connection of its own. */
export function fetchPath(address: Address, path: string, headers = '', method = 'GET'): Promise<Response> {
  const text = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}Connection: close\r\n\r\n`
  return ask(address, Buffer.from(text, 'latin1'), method)
}
