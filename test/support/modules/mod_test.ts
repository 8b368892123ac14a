/*
 * Handlers for tests, each under its own name, loaded as any third-party module is. None promises to be quick:
 * event serves them on its crew.
 */
import { isMainThread, threadId } from 'node:worker_threads'
import {
  OK, oneOf, RSRC_CONF, running, SeatStatus, Settings, type HookFn, type Module, type Request, type Status,
} from 'httpd'

type Handler = HookFn<Request, Status>

const FIELDS = ['connections', 'waitIo', 'writing', 'keepAlive', 'closing', 'suspended', 'notAccepting'] as const
const LETTERS = Object.values(SeatStatus).map((status) => '.S_RWKLDCGI'[status])

const BLOCK_MS = 1000
const AWAIT_MS = 300
const LATE_MS = 1500
const TRAP_MS = 600
const BUSY_MS = 2500
const STREAM_BYTES = 1024 * 1024
const PIECE_BYTES = 16 * 1024

/** Byte `at` of what test-stream sends: no two pieces are alike. */
const streamByte = (at: number): number => (at ^ (at >> 8) ^ (at >> 16)) & 0xff

function answer(r: Request, text: string): Status {
  r.contentType = 'text/plain'
  r.write(text)
  return OK
}

/** Process and thread that serve, as `PID/THREAD`; thread 0 is the process's main thread. */
const where = (): string => `${process.pid}/${isMainThread ? 0 : threadId}`

const handlers: Readonly<Record<string, Handler>> = {
  'test-block': (r) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCK_MS)
    return answer(r, `blocked ${where()}\n`)
  },

  'test-async': async (r) => {
    await new Promise((resolve) => setTimeout(resolve, AWAIT_MS))
    return answer(r, `awaited ${where()}\n`)
  },

  'test-echo': async (r) => {
    r.contentType = 'application/octet-stream'
    for (let piece = await r.read(); piece !== null; piece = await r.read()) await r.write(piece)
    return OK
  },

  'test-throw': () => {
    throw new Error('thrown by test-throw')
  },

  'test-reject': async () => {
    await Promise.resolve()
    throw new Error('rejected by test-reject')
  },

  'test-crash': () => {
    setTimeout(() => {
      throw new Error('thrown outside of any request by test-crash')
    })
    return new Promise<Status>(() => undefined)
  },

  /** Ends the thread (in prefork the process) in the middle of the request. */
  'test-exit': () => process.exit(1),

  /** The scoreboard's rows of this child: its connections by state, and the letters of its workers. */
  'test-rows': (r) => {
    const { board, slot, population, thread } = running()
    const row = board.process(slot)
    const counts = FIELDS.map((field) => [field, row.get(field)])
    const workers = Array.from({ length: population.threadsPerChild }, (_, n) => LETTERS[board.worker(slot, n).status])
    return answer(r, JSON.stringify({ ...Object.fromEntries(counts), workers: workers.join(''), thread, pid: process.pid }))
  },

  'test-thread': (r) => answer(r, `${where()}\n`),

  // Never comes back.
  'test-spin': () => {
    for (;;) Math.random()
  },

  // Comes back after a part of its answer has left, and not again.
  'test-stall': async (r) => {
    await r.write(Buffer.alloc(PIECE_BYTES * 8, 'x'))
    for (;;) Math.random()
  },

  'test-never': () => new Promise<Status>(() => undefined),

  // Awaits, and then never comes back.
  'test-trap': async () => {
    await new Promise((resolve) => setTimeout(resolve, TRAP_MS))
    for (;;) Math.random()
  },

  // Takes its time without a word to the event loop.
  'test-busy': (r) => {
    const end = performance.now() + BUSY_MS
    while (performance.now() < end) Math.random()
    return answer(r, 'busy\n')
  },

  // Answers when nobody waits for it any more.
  'test-late': async (r) => {
    await new Promise((resolve) => setTimeout(resolve, LATE_MS))
    return answer(r, 'late\n')
  },

  'test-stream': async (r) => {
    r.contentType = 'application/octet-stream'
    for (let at = 0; at < STREAM_BYTES; at += PIECE_BYTES) {
      await r.write(Buffer.from(Array.from({ length: PIECE_BYTES }, (_, i) => streamByte(at + i))))
    }
    return OK
  },
}

const settings = new Settings('server', { childInit: 'ok' as 'ok' | 'throw' | 'fatal' })

export const module = {
  name: 'test_module',
  file: 'mod_test.c',
  settings: [settings],
  directives: [
    settings.directive('TestChildInit', [oneOf(['ok', 'throw', 'fatal'], 'ok, throw or fatal')], 'childInit', RSRC_CONF,
      'What becomes of each child before it serves'),
  ],
  register({ handler, childInit }, on) {
    on(childInit, (server) => {
      const { childInit } = server.get(settings)
      if (childInit === 'throw') throw new Error('thrown by TestChildInit')
      if (childInit === 'fatal') process.exit(15)
    })
    for (const [name, fn] of Object.entries(handlers)) on(handler, fn, { handler: name })
  },
} satisfies Module
