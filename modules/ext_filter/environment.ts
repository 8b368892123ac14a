/**
 * What the program of a filter is told of its request, as a script is (RFC 3875, Apache's ap_add_common_vars and
 * ap_add_cgi_vars), beside the variables of the request's own environment. Credentials and `Proxy` are not told.
 */
import { remoteHost, serverCore, serverName, serverPort, type Request } from 'httpd'

const RENAMED: Readonly<Record<string, string>> = { 'content-type': 'CONTENT_TYPE', 'content-length': 'CONTENT_LENGTH' }
const NOT_TOLD: ReadonlySet<string> = new Set(['proxy', 'authorization', 'proxy-authorization'])

export function environmentOf(r: Request): Record<string, string> {
  const all = new Map<string, string | undefined>([...fields(r), ...ofServer(r), ...ofRequest(r), ...r.env])
  const env: Record<string, string> = {}
  // The operating system ends a value at NUL.
  for (const [name, value] of all) if (value !== undefined && !/\0/.test(name + value)) env[name] = Buffer.from(value, 'latin1').toString()
  return env
}

function* fields(r: Request): Iterable<[string, string]> {
  for (const [name] of r.headersIn.fields()) {
    const lower = name.toLowerCase()
    // What another name could be mistaken for is not told.
    if (NOT_TOLD.has(lower) || !/^[a-z0-9-]+$/.test(lower)) continue
    yield [RENAMED[lower] ?? `HTTP_${name.toUpperCase().replaceAll('-', '_')}`, r.headersIn.get(name) ?? '']
  }
}

function ofServer(r: Request): [string, string | undefined][] {
  return [
    ['PATH', process.env['PATH']],
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_NAME', serverName(r)],
    ['SERVER_PORT', String(serverPort(r))],
    ['SERVER_ADDR', r.connection.localIp],
    ['SERVER_ADMIN', r.server.get(serverCore).serverAdmin],
    ['SERVER_PROTOCOL', r.protocolText],
    ['REMOTE_ADDR', r.clientIp],
    ['REMOTE_PORT', String(r.clientPort)],
    ['REMOTE_HOST', remoteHost(r)],
    ['REMOTE_USER', r.user],
    ['AUTH_TYPE', r.authType],
  ]
}

function ofRequest({ method, args = '', unparsedUri, uri, pathInfo, filename }: Request): [string, string | undefined][] {
  return [
    ['REQUEST_METHOD', method],
    ['QUERY_STRING', args],
    ['REQUEST_URI', unparsedUri],
    ['SCRIPT_NAME', uri.endsWith(pathInfo) ? uri.slice(0, uri.length - pathInfo.length) : uri],
    ['SCRIPT_FILENAME', filename],
    ['PATH_INFO', pathInfo === '' ? undefined : pathInfo],
    ['DOCUMENT_URI', uri],
    ['DOCUMENT_PATH_INFO', pathInfo],
    ['QUERY_STRING_UNESCAPED', args],
  ]
}
