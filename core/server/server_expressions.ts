/** What the server adds to expressions: what it is configured to be, whose the files are, who may have them. */
import { statSync, type Stats } from 'node:fs'
import { fsPath } from '../config/include.ts'
import type { ExpressionRows, UnaryRow, VariableRow } from '../expr/lookup.ts'
import { after } from '../hook/hook.ts'
import type { Request } from '../hook/types.ts'
import { normalisePath } from '../http/target.ts'
import { lookUpAccount } from './accounts.ts'
import { serverCore } from './core_settings.ts'
import { remoteHost } from './host_names.ts'
import { logId } from './log_format.ts'
import { lookUpFile } from './pipeline.ts'
import type { RequestRec } from './request_rec.ts'

const row = (name: string, help: string, value: (r: RequestRec) => string | undefined): VariableRow =>
  // Every request of this server is one.
  ({ name, help, value: (request: Request) => value(request as RequestRec) })

const documentRoot = (r: RequestRec): string => r.served.documentRoot

const variables: readonly VariableRow[] = [
  row('SERVER_ADMIN', 'The address of the administrator (ServerAdmin)', (r) => r.server.get(serverCore).serverAdmin),
  row('DOCUMENT_ROOT', 'Where the documents of the server lie (DocumentRoot)', documentRoot),
  row('CONTEXT_PREFIX', 'The URL prefix of the Alias that the request came by; empty: there is none',
    (r) => r.context?.path),
  row('CONTEXT_DOCUMENT_ROOT', 'The directory of that Alias, or DocumentRoot', (r) => r.context?.real ?? documentRoot(r)),
  row('SERVER_SOFTWARE', 'The name and version of the server (ServerTokens)', (r) => r.connection.engine.serverTokens),
  row('REMOTE_HOST', "The client's name, or its address where names are not looked up",
    (r) => remoteHost(r) ?? r.clientIp),
  row('AUTH_TYPE', 'How the user proved to be that, for example `Basic`', (r) => r.authType),
  row('REQUEST_LOG_ID', 'The id of the request in the logs', (r) => logId(r)),
  row('CONN_LOG_ID', 'The id of the connection in the logs', (r) => logId(r.connection)),
  row('HTTPS', '`on` if the connection is encrypted, else `off`', () => 'off'),
  row('HTTP2', '`on` if the request came by HTTP/2, else `off`', () => 'off'),
  { ...row('SCRIPT_USER', "The name of the file's owner", (r) => ownerOf(r, 'passwd')), quick: false },
  { ...row('SCRIPT_GROUP', "The name of the file's group", (r) => ownerOf(r, 'group')), quick: false },
]

function ownerOf(r: RequestRec, database: 'passwd' | 'group'): string | undefined {
  if (r.finfo.type === 'none' || r.filename === undefined) return undefined
  const stat = statOf(r.filename)
  return stat && lookUpAccount(database, database === 'passwd' ? stat.uid : stat.gid)?.name
}

/** Undefined for whatever reason it cannot be looked at, even though it could a moment ago. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(fsPath(path), { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Whether the client might have a file: it exists, and what is configured for its directory lets it. */
const isAccessible: UnaryRow = {
  name: 'F', help: 'There is a file of that name, and what is configured for it lets the client have it', async: true,
  test: ({ request }, name) => {
    const r = request as RequestRec
    const whole = name.startsWith('/') ? name : `${/^.*\//s.exec(r.filename ?? '/')?.[0] ?? '/'}${name}`
    // What is configured for a directory must hold however the path leads there.
    const path = whole.includes('\0') ? undefined : normalisePath(whole, true)
    if (path === undefined) return false
    // What asks for itself would go on asking.
    if (r.main?.filename === path || r.main?.filename === r.filename) return false
    return after(lookUpFile(r, path, true), ({ status, finfo }) => status < 300 && finfo.type !== 'none')
  },
}

/** For the core module to register. */
export const serverExpressions: ExpressionRows = { variables, unary: [isAccessible] }
