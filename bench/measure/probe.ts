/*
 * One request as the drivers make it, and its answer, looked at closely. What a server answers is checked before it is
 * measured, and the size of the answer is what each answer of the measurement must have.
 */
import { connect } from 'node:net'
import type { Job } from '../contract.ts'

export interface Answer {
  readonly status: number
  readonly body: string
  /** Bytes, with the head. */
  readonly size: number
  /** The server ended the connection. */
  readonly ended: boolean
}

/** Milliseconds within which an answer must come. */
const PATIENCE = 5000

/** An answer in what was received (a character per byte); undefined while there is more to come. */
export function parseAnswer(text: string, ended: boolean): Answer | undefined {
  const headEnd = text.indexOf('\r\n\r\n') + 4
  if (headEnd < 4) return undefined
  const head = text.slice(0, headEnd)
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1] ?? 0)
  const said = /^content-length: *(\d+)\r$/im.exec(head)?.[1]
  const length = status === 304 ? 0 : said === undefined ? undefined : Number(said)
  const size = headEnd + (length ?? 0)
  if (length === undefined ? !ended : text.length < size) return undefined
  return { status, body: text.slice(headEnd), size: text.length, ended }
}

/** The request that all drivers send, but for their own words about themselves. */
export const requestText = (port: number, { path, headers = [], close = false }: Job): string =>
  [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers, ...(close ? ['Connection: close'] : []), '', '']
    .join('\r\n')

/** Asks once. With `close` it waits for the server to end the connection. @throws Error if no whole answer comes */
export function probe(port: number, job: Job): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const pieces: Buffer[] = []
    let ended = false
    const look = (): void => {
      const answer = parseAnswer(Buffer.concat(pieces).toString('latin1'), ended)
      if (answer !== undefined && (ended || job.close !== true)) {
        socket.destroy()
        resolve(answer)
      } else if (ended) reject(new Error(`${job.path} on port ${port}: the connection ended within the answer`))
    }
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`${job.path} on port ${port}: no answer came`)))
    socket.on('error', reject)
    socket.on('connect', () => socket.write(requestText(port, job)))
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      look()
    })
    socket.on('end', () => {
      ended = true
      look()
    })
  })
}
