/* Tells what node was started with, and the limits of the thread that answers. */
import { resourceLimits } from 'node:worker_threads'
import { OK, Order, type Module, type Request, type Status } from 'httpd'

function tell(r: Request): Status {
  r.contentType = 'application/json'
  r.write(JSON.stringify({ processArguments: process.execArgv, thread: resourceLimits }))
  return OK
}

export const module = {
  name: 'v8_module',
  file: 'mod_v8.c',
  register: ({ handler }, on) => on(handler, tell, { order: Order.first, handler: 'v8' }),
} satisfies Module
