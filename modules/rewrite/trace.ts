/* The trace of rewriting, as Apache writes it: `LogLevel rewrite:trace3`. Ask `mightLog` before a text is made. */
import type { Request } from 'httpd'
import type { TraceLevel } from './scope.ts'

const hex = (number: number): string => number.toString(16)

/** @param directory of the rules; undefined for those of the server */
export function trace(r: Request, level: TraceLevel, directory: string | undefined, text: string): void {
  let redirects = 0
  for (let at = r.prev; at !== undefined; at = at.prev) redirects++
  const { connection, server } = r
  const where = `${r.main === undefined ? 'initial' : 'subreq'}${redirects === 0 ? '' : `/redir#${redirects}`}`
  r.log(`trace${level}`, 'rewrite', `${r.clientIp} - ${r.user === undefined ? '-' : r.user || '""'} ` +
    `[${r.hostname ?? connection.localIp}/sid#${hex(server.all.indexOf(server))}]` +
    `[rid#${hex(connection.id)}.${hex(connection.keepalives)}/${where}] ` +
    `${directory === undefined ? '' : `[perdir ${directory}] `}${text}`)
}
