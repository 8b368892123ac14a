/* A handler that does nearly nothing and does not promise to be quick: event serves it on a thread of its crew. */
import { OK, type Module, type Request, type Status } from 'httpd'

const BODY = 'x'.repeat(1024)

function hello(r: Request): Status {
  r.contentType = 'text/plain'
  void r.write(BODY)
  return OK
}

export const module = {
  name: 'bench_module',
  file: 'mod_bench.c',
  register({ handler }, on) {
    on(handler, hello, { handler: 'bench' })
  },
} satisfies Module
