/*
 * mod_info: what this server is made of, as a page (server-info): its modules with their directives, the configuration
 * as it was carried out with file and line, hooks and providers. With -D DUMP_CONFIG the configuration is printed.
 */
import { writeSync } from 'node:fs'
import {
  DECLINED, OK, Order, RSRC_CONF, Settings, word,
  type Module, type Request, type Startup, type Status,
} from 'httpd'
import { dumpText } from './info/lines.ts'
import { pageHtml } from './info/page.ts'

interface MoreInfo {
  /** Source file of a module: `mod_mime.c`. */
  readonly file: string
  readonly html: string
}

const info = new Settings('server', { more: [] as readonly MoreInfo[] }, {
  // The first of a module counts: what a virtual host says goes before what the main server says.
  more: (outer, inner) => [...inner, ...outer],
})

const HTML = 'text/html; charset=ISO-8859-1'
const STDOUT = 1

/** What this thread's server was made of; undefined before post_config. */
let start: Startup | undefined

function remember(startup: Startup): Status {
  start = startup
  return OK
}

/** check_config: prints the configuration if -D DUMP_CONFIG asks for it, once. */
function dump({ defines, inChild, restart, tree }: Startup): Status {
  if (defines.has('DUMP_CONFIG') && !inChild && !restart) writeSync(STDOUT, dumpText(tree), null, 'latin1')
  return DECLINED
}

export function infoHandler(r: Request): Status {
  if (start === undefined || (r.method !== 'GET' && r.method !== 'HEAD')) return DECLINED
  r.contentType = HTML
  if (r.isHead) return OK
  const { more } = r.server.get(info)
  const asked = r.args === undefined || r.args === '' ? undefined : r.args
  const page = pageHtml(r, { start, moreInfo: (file) => more.find((each) => each.file === file)?.html }, asked)
  void r.write(Buffer.from(page, 'latin1'))
  return OK
}

export const module = {
  name: 'info_module',
  file: 'mod_info.c',
  settings: [info],
  directives: [
    info.directive('AddModuleInfo', [word, word], (said, _command, file, html) => {
      said.more = [...(said.more ?? []), { file, html }]
    }, RSRC_CONF, 'The file of a module (mod_mime.c) and HTML that server-info shows with it'),
  ],
  register({ checkConfig, postConfig, handler }, on) {
    on(checkConfig, dump, { order: Order.first })
    on(postConfig, remember)
    // Not quick: the page tells of all modules.
    on(handler, infoHandler, { handler: 'server-info' })
  },
} satisfies Module
