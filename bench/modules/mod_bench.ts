/* Handlers for the benchmark: one to be measured, one that helps to measure. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { OK, type Module, type Request, type Status } from 'httpd'

const BODY = 'x'.repeat(1024)

function answer(r: Request, text: string): Status {
  r.contentType = 'text/plain'
  void r.write(text)
  return OK
}

/** Does nearly nothing and does not promise to be quick: event serves it on a thread of its crew. */
const hello = (r: Request): Status => answer(r, BODY)

/** Quick: event's listener runs it, and so collects its own garbage. */
function collect(r: Request): Status {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  return answer(r, 'collected')
}

export const module = {
  name: 'bench_module',
  file: 'mod_bench.c',
  register({ handler }, on) {
    on(handler, hello, { handler: 'bench-hello' })
    on(handler, collect, { handler: 'bench-collect', quick: true })
  },
} satisfies Module
