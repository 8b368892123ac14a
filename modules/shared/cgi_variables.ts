/*
 * What scripts and documents with elements are told of a request (RFC 3875, and Apache's ap_add_common_vars and
 * ap_add_cgi_vars): variables of its environment. Authorization is not told unless CGIPassAuth says so, and Proxy never.
 */
import {
  dirCore, escapeHtml, osEscapePath, pageSignature, remoteHost, serverCore, serverName, serverPort,
  serverSoftware, documentRoot, tableSet, type Request,
} from 'httpd'

export type Variables = [name: string, value: string | undefined][]

const RENAMED: Readonly<Record<string, string>> = { 'content-type': 'CONTENT_TYPE', 'content-length': 'CONTENT_LENGTH' }

/** The request's fields: `Proxy` never. @param credentials those that bring them as well */
export function headerVariables(r: Request, credentials: boolean): Variables {
  const found: Variables = []
  for (const [name] of r.headersIn.fields()) {
    const lower = name.toLowerCase()
    if (lower === 'proxy' || (!credentials && (lower === 'authorization' || lower === 'proxy-authorization'))) continue
    // What another name could be mistaken for is not told.
    if (!/^[A-Za-z0-9-]+$/.test(name)) continue
    found.push([RENAMED[lower] ?? `HTTP_${name.toUpperCase().replaceAll('-', '_')}`, r.headersIn.get(name)])
  }
  return found
}

function serverVariables(r: Request): Variables {
  const { serverAdmin, serverScheme } = r.server.get(serverCore)
  const root = documentRoot(r)
  return [
    ['PATH', r.env.get('PATH') ?? process.env['PATH'] ?? '/bin:/usr/bin:/usr/local/bin'],
    ['SERVER_SIGNATURE', pageSignature(r)],
    ['SERVER_SOFTWARE', serverSoftware(r)],
    ['SERVER_NAME', escapeHtml(serverName(r))],
    ['SERVER_ADDR', r.connection.localIp],
    ['SERVER_PORT', String(serverPort(r))],
    ['REMOTE_HOST', remoteHost(r)],
    ['REMOTE_ADDR', r.clientIp],
    ['DOCUMENT_ROOT', root],
    ['REQUEST_SCHEME', serverScheme ?? 'http'],
    ['CONTEXT_PREFIX', r.context?.path ?? ''],
    ['CONTEXT_DOCUMENT_ROOT', r.context?.real ?? root],
    ['SERVER_ADMIN', serverAdmin],
  ]
}

function requestVariables(r: Request): Variables {
  return [
    ['SCRIPT_FILENAME', r.filename],
    ['REMOTE_PORT', String(r.clientPort)],
    r.user === undefined ? ['REDIRECT_REMOTE_USER', r.prev?.user] : ['REMOTE_USER', r.user],
    ['AUTH_TYPE', r.authType],
  ]
}

/** The path and query as the client has sent them. */
function originalUri(r: Request): string {
  const target = r.requestLine.split(/[ \t]+/)[1] ?? ''
  return target.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*/, '')
}

/** The path without what follows the file. */
export const scriptName = ({ uri, pathInfo }: Request): string =>
  uri.endsWith(pathInfo) ? uri.slice(0, uri.length - pathInfo.length) : uri

function cgiVariables(r: Request): Variables {
  const { pathInfo } = r
  return [
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_PROTOCOL', r.protocolText],
    ['REQUEST_METHOD', r.method],
    ['QUERY_STRING', r.args ?? ''],
    ['REQUEST_URI', r.dir(dirCore).cgiVars['REQUEST_URI'] === 'current-uri' ? r.uri : originalUri(r)],
    ['SCRIPT_NAME', scriptName(r)],
    ['PATH_INFO', pathInfo === '' ? undefined : pathInfo],
  ]
}

/** Where what follows the script in the path would be a file (PATH_TRANSLATED). */
async function translated(r: Request): Promise<string | undefined> {
  const found = await r.subLookupUri(osEscapePath(r.pathInfo))
  const path = found.filename === undefined ? undefined : found.filename + (found.pathInfo ?? '')
  r.forgetLookup(found)
  return path
}

/** Adds all of them to the request's environment. A promise only where something has to be looked up. */
export function addCgiVariables(r: Request): Promise<void> | undefined {
  for (const [name, value] of [...headerVariables(r, r.dir(dirCore).cgiPassAuth), ...serverVariables(r), ...requestVariables(r), ...cgiVariables(r)])
    if (value !== undefined) tableSet(r.env, name, value)
  if (r.pathInfo === '') return undefined
  return translated(r).then((path) => {
    if (path !== undefined) tableSet(r.env, 'PATH_TRANSLATED', path)
  })
}
