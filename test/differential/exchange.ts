/*
 * One connection: sends all bytes, ends its side, and reads until the server ends its own. Then takes apart what came,
 * without what cannot be the same on two servers.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Answer {
  readonly status: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

export interface Answers {
  readonly answers: readonly Answer[]
  /** How the connection came to its end, and what of the framing was wrong. */
  readonly end: string
}

/** How long (ms) a server may take. */
const PATIENCE = 8000

/** Sends the bytes, with a pause where `<<wait MS>>` stands, and ends this side. */
async function say(socket: Socket, bytes: string): Promise<void> {
  const [first, ...rest] = bytes.split(/<<wait (\d+)>>/)
  let last = first!
  for (let i = 0; i < rest.length; i += 2) {
    socket.write(Buffer.from(last, 'latin1'))
    await sleep(Number(rest[i]))
    last = rest[i + 1]!
  }
  if (!socket.destroyed) socket.end(Buffer.from(last, 'latin1'))
}

/** Everything that a server sends until it ends the connection, and how that ended. */
export function converse(host: string, port: number, bytes: string): Promise<{ came: string; end: string }> {
  return new Promise((done) => {
    const pieces: Buffer[] = []
    const socket = connect({ host, port, allowHalfOpen: true })
    const timer = setTimeout(() => over(`no end after ${PATIENCE / 1000} s`), PATIENCE)
    const over = (end: string): void => {
      clearTimeout(timer)
      socket.destroy()
      done({ came: Buffer.concat(pieces).toString('latin1'), end })
    }
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    socket.on('end', () => over('ended'))
    // A server that has said all need not read the rest of what we send.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      over(pieces.length > 0 ? 'ended' : `failed with ${error.code ?? error.message}`))
    void say(socket, bytes)
  })
}

/** Takes the answers apart. `methods` are those of the requests. */
export function takeApart(came: string, end: string, methods: readonly string[]): Answers {
  const answers: Answer[] = []
  let request = 0
  let at = 0
  while (at < came.length) {
    const headEnd = came.indexOf('\r\n\r\n', at)
    if (headEnd < 0 || !came.startsWith('HTTP/', at)) {
      answers.push({ status: '(no head)', fields: [], body: came.slice(at) })
      break
    }
    const [status = '', ...lines] = came.slice(at, headEnd).split('\r\n')
    const fields = lines.map((line) => /^([^:]*):\s*(.*)$/.exec(line)?.slice(1) as [string, string] | undefined ??
      [line, '(no colon)'] as const)
    const interim = / 1\d\d /.test(status)
    const method = interim ? 'HEAD' : methods[request++] ?? 'GET'
    const body = bodyAt(came, headEnd + 4, status, fields, method)
    answers.push({ status, fields: body.fields, body: body.text })
    at = body.end
  }
  return { answers, end }
}

type Fields = Answer['fields']

function bodyAt(
  came: string, from: number, status: string, fields: Fields, method: string,
): { text: string; end: number; fields: Fields } {
  const value = (name: string): string | undefined => fields.find(([key]) => key.toLowerCase() === name)?.[1]
  if (method === 'HEAD' || / (1\d\d|204|304) /.test(status)) return { text: '', end: from, fields }
  if (value('transfer-encoding') === 'chunked') return { ...unchunk(came, from), fields }
  const length = value('content-length')
  if (length === undefined) return { text: came.slice(from), end: came.length, fields }
  const text = came.slice(from, from + Number(length))
  if (text.length < Number(length)) return { text: `${text}(cut off)`, end: came.length, fields }
  // Right in itself; whether it is the same as another's, the bodies tell.
  const right = fields.map(([name, said]) => [name, /^content-length$/i.test(name) ? '(right)' : said] as const)
  return { text, end: from + text.length, fields: right }
}

/** Where chunks begin and end is the server's own affair; that they are well-formed is not. */
function unchunk(came: string, from: number): { text: string; end: number } {
  let text = ''
  for (let at = from; ;) {
    const lineEnd = came.indexOf('\r\n', at)
    const line = lineEnd < 0 ? '' : came.slice(at, lineEnd)
    if (!/^[0-9a-f]+$/i.test(line)) return { text: `${text}(not a chunk: ${came.slice(at, at + 20)})`, end: came.length }
    const size = Number.parseInt(line, 16)
    at = lineEnd + 2 + size + 2
    text += came.slice(lineEnd + 2, at - 2)
    if (came.slice(at - 2, at) !== '\r\n') return { text: `${text}(a chunk without end)`, end: came.length }
    if (size === 0) return { text, end: at }
  }
}
