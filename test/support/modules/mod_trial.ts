/*
 * Handlers for the trials of test/long. They are quick: event's listener answers them by itself, so that what they
 * tell of their thread is told of the one that holds the connections.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, threadId } from 'node:worker_threads'
import { OK, type HookFn, type Module, type Request, type Status } from 'httpd'

let collect: (() => void) | undefined

/** Collects this thread's garbage, so that what is counted afterwards is what is held. */
function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}

function answer(r: Request, text: string): Status {
  r.contentType = 'text/plain'
  r.write(text)
  return OK
}

const handlers: Readonly<Record<string, HookFn<Request, Status>>> = {
  /** What this thread holds, after a collection, as JSON: bytes of heap and of memory outside of it. */
  'trial-memory': (r) => {
    collectGarbage()
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    return answer(r, JSON.stringify({ pid: process.pid, heapUsed, external, arrayBuffers }))
  },

  /** Process and thread, as mod_test's test-thread has them. */
  'trial-where': (r) => answer(r, `${process.pid}/${isMainThread ? 0 : threadId}\n`),
}

export const module = {
  name: 'trial_module',
  file: 'mod_trial.c',
  register({ handler }, on) {
    for (const [name, fn] of Object.entries(handlers)) on(handler, fn, { handler: name, quick: true })
  },
} satisfies Module
