/**
 * What the program of a filter is told of its request, as a script is (RFC 3875, Apache's ap_add_common_vars and
 * ap_add_cgi_vars), beside the variables of the request's own environment. Credentials and `Proxy` are not told.
 */
import { remoteHost, serverCore, serverName, serverPort, type Request } from 'httpd'
import { headerVariables, scriptName, type Variables } from '../shared/cgi_variables.ts'

export function environmentOf(r: Request): Record<string, string> {
  const all = new Map<string, string | undefined>([...headerVariables(r, false), ...ofServer(r), ...ofRequest(r), ...r.env])
  const env: Record<string, string> = {}
  // The operating system ends a value at NUL.
  for (const [name, value] of all) if (value !== undefined && !/\0/.test(name + value)) env[name] = Buffer.from(value, 'latin1').toString()
  return env
}

function ofServer(r: Request): Variables {
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

function ofRequest(r: Request): Variables {
  const { method, args = '', unparsedUri, uri, pathInfo, filename } = r
  return [
    ['REQUEST_METHOD', method],
    ['QUERY_STRING', args],
    ['REQUEST_URI', unparsedUri],
    ['SCRIPT_NAME', scriptName(r)],
    ['SCRIPT_FILENAME', filename],
    ['PATH_INFO', pathInfo === '' ? undefined : pathInfo],
    ['DOCUMENT_URI', uri],
    ['DOCUMENT_PATH_INFO', pathInfo],
    ['QUERY_STRING_UNESCAPED', args],
  ]
}
