/*
 * A client that asks for many things at once on a kept connection. The first answers are read with all care; as no
 * answer of the mix changes its length, those after them are known by theirs and by the status of the last.
 */
import type { Client } from '../http.ts'
import type { Ledger } from './ledger.ts'
import { connectTo, type Asked, type Load } from './load.ts'

/** So many rounds of the mix are sent in one go. */
const ROUNDS = 8

interface Batch {
  readonly request: Buffer
  readonly requests: number
  /** Bytes of all answers, the bodies of HEAD and 304 not there. */
  bytes: number
}

function batchOf(asks: readonly Asked[]): Batch {
  const one = asks.map(({ path, method = 'GET', headers = '' }) => `${method} ${path} HTTP/1.1\r\nHost: h\r\n${headers}\r\n`)
  return { request: Buffer.from(one.join('').repeat(ROUNDS), 'latin1'), requests: ROUNDS * asks.length, bytes: 0 }
}

/** Reads a batch answer by answer. @returns what is wrong with it */
async function readWithCare(client: Client, asks: readonly Asked[], batch: Batch): Promise<string | undefined> {
  const from = client.socket.bytesRead
  for (let n = 0; n < batch.requests; n++) {
    const { path, method, status, body } = asks[n % asks.length]!
    const answer = await client.response(method)
    if (answer.status !== status || (Buffer.isBuffer(body) && !answer.body.equals(body)))
      return `${path}: ${answer.status}, ${answer.body.length} bytes`
  }
  batch.bytes = client.socket.bytesRead - from
  return undefined
}

/** Sends a batch and waits for as many bytes as its answers have. @returns what is wrong, if something is */
function exchange({ socket }: Client, { request, bytes }: Batch, last: Buffer): Promise<string | undefined> {
  return new Promise((done) => {
    let came = 0
    const end = (fault?: string): void => {
      socket.off('data', take).off('close', closed).off('end', closed)
      done(fault)
    }
    const take = (piece: Buffer): void => {
      came += piece.length
      if (came < bytes) return
      const tail = piece.subarray(-last.length)
      end(came > bytes ? `${came} bytes instead of ${bytes}`
        : tail.equals(last.subarray(-tail.length)) ? undefined : 'other bytes at the end')
    }
    const closed = (): void => end(`closed after ${came} of ${bytes} bytes`)
    socket.on('data', take).on('close', closed).on('end', closed)
    socket.write(request)
  })
}

/**
 * Sends batches until the ledger has `until` requests or the load is over.
 * @param asks answers of constant length; the last one has a body
 */
export async function pipeline(load: Load, asks: readonly Asked[], until: () => boolean): Promise<void> {
  const batch = batchOf(asks)
  const last = asks.at(-1)!.body as Buffer
  while (!load.over && !until()) {
    const client = await connectTo(load, asks[0]!.path)
    if (client === undefined) continue
    const { ledger } = load
    ledger.sent += batch.requests
    client.send(batch.request)
    let fault = await readWithCare(client, asks, batch).catch((error: unknown) => String(error))
    client.socket.removeAllListeners('data')
    enter(ledger, batch, fault, client)
    while (fault === undefined && !load.over && !until()) {
      ledger.sent += batch.requests
      fault = await exchange(client, batch, last)
      enter(ledger, batch, fault, client)
    }
    client.close()
  }
}

// A batch that is not whole counts as lost altogether.
function enter(ledger: Ledger, { requests }: Batch, fault: string | undefined, { socket }: Client): void {
  if (fault === undefined) ledger.whole += requests
  else {
    const now = performance.now()
    const entry = { outcome: 'cut', path: `${requests} at once`, text: fault, idle: 0, answered: 0, port: socket.localPort ?? 0 } as const
    for (let n = 0; n < requests; n++) ledger.fault({ ...entry, connected: now, sent: now, seen: now })
  }
}
