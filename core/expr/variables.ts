/** The variables of expressions that a request alone tells; the server's own are core/server's. */
import { MODULE_MAGIC_NUMBER } from '../base/version.ts'
import type { Request } from '../hook/types.ts'
import type { VariableRow } from './lookup.ts'

const two = (number: number): string => String(number).padStart(2, '0')

/** `20101231235959`, local time. @param ms since the epoch */
export function stamp(ms: number): string {
  const d = new Date(ms)
  return String(d.getFullYear()).padStart(4, '0') + two(d.getMonth() + 1) + two(d.getDate()) + two(d.getHours()) +
    two(d.getMinutes()) + two(d.getSeconds())
}

const row = (name: string, help: string, value: (request: Request) => string | undefined): VariableRow =>
  ({ name, help, value })

const header = (name: string): VariableRow => ({
  name: `HTTP_${name.toUpperCase().replaceAll('-', '_')}`,
  help: `The request header ${name}${name === 'Host' ? '' : '; the response gets a Vary header that names it'}`,
  value(request, evaluation) {
    evaluation.dependsOn(name)
    return request.headersIn.get(name)
  },
})

const now = (name: string, help: string, of: (date: Date) => string): VariableRow =>
  ({ name, help, value: () => of(new Date()) })

/** The parts of this server's URL: scheme, name and port, as UseCanonicalName wants them. */
function origin(request: Request): { scheme: string; name: string; port: string } {
  const [, scheme = '', name = '', port] = /^(\w+):\/\/(\[[^\]]*\]|[^:/]*)(?::(\d+))?/.exec(request.constructUrl('/')) ?? []
  return { scheme, name, port: port ?? (scheme === 'https' ? '443' : '80') }
}

const isIpv6 = (address: string): boolean => address.includes(':') && !/^::ffff:\d+\./i.test(address)

export const variables: readonly VariableRow[] = [
  ...['Accept', 'Cookie', 'Forwarded', 'Host', 'Proxy-Connection', 'Referer', 'User-Agent'].map(header),
  row('REQUEST_METHOD', 'The method, for example `GET`', (r) => r.method),
  row('REQUEST_SCHEME', 'The scheme of the URL: `http` or `https`', (r) => origin(r).scheme),
  row('REQUEST_URI', 'The path of the URL, decoded', (r) => r.uri),
  row('DOCUMENT_URI', 'The same as `REQUEST_URI`', (r) => r.env.get('DOCUMENT_URI') ?? r.uri),
  row('REQUEST_FILENAME', 'The file or script that the request leads to, with its whole path', (r) => r.filename),
  row('SCRIPT_FILENAME', 'The same as `REQUEST_FILENAME`', (r) => r.filename),
  row('LAST_MODIFIED', 'When the file was last changed: `20101231235959`, local time',
    (r) => stamp(r.finfo.mtimeMs)),
  row('PATH_INFO', 'What follows the file in the path', (r) => r.pathInfo),
  row('QUERY_STRING', 'The query of the URL', (r) => r.args),
  row('THE_REQUEST', 'The request line, for example `GET / HTTP/1.1`', (r) => r.requestLine),
  row('REQUEST_STATUS', 'The status of the response, as far as it is known', (r) => String(r.status)),
  row('SERVER_PROTOCOL', 'The protocol of the request, for example `HTTP/1.1`', (r) => r.protocolText),
  row('SERVER_NAME', 'The name of the server (UseCanonicalName)', (r) => origin(r).name),
  row('SERVER_PORT', 'The port of the server (UseCanonicalName, UseCanonicalPhysicalPort)', (r) => origin(r).port),
  row('CONTENT_TYPE', 'The media type of the response, as far as it is known', (r) => r.contentType),
  row('HANDLER', 'The name of the handler', (r) => r.handler),
  row('REMOTE_ADDR', "The client's address", (r) => r.clientIp),
  row('REMOTE_PORT', "The client's port", (r) => String(r.clientPort)),
  row('REMOTE_USER', 'The name of the user who has proved to be that', (r) => r.user),
  row('REMOTE_IDENT', 'What an ident server says of the client; there is no mod_ident, so it is empty', () => ''),
  row('CONN_REMOTE_ADDR', 'The address that the connection comes from', (r) => r.connection.peerIp),
  row('IPV6', '`on` if the connection uses IPv6, else `off`', (r) => isIpv6(r.clientIp) ? 'on' : 'off'),
  now('TIME', 'The time: `20101231235959`, local', (d) => stamp(d.getTime())),
  now('TIME_YEAR', 'The year with four digits', (d) => String(d.getFullYear())),
  now('TIME_MON', 'The month, `01` to `12`', (d) => two(d.getMonth() + 1)),
  now('TIME_DAY', 'The day of the month, `01` to `31`', (d) => two(d.getDate())),
  now('TIME_HOUR', 'The hour, `00` to `23`', (d) => two(d.getHours())),
  now('TIME_MIN', 'The minute, `00` to `59`', (d) => two(d.getMinutes())),
  now('TIME_SEC', 'The second, `00` to `59`', (d) => two(d.getSeconds())),
  now('TIME_WDAY', 'The day of the week, `0` (Sunday) to `6`', (d) => String(d.getDay())),
  row('IS_SUBREQ', '`true` for a look-up on behalf of another request, else `false`',
    (r) => r.main === undefined ? 'false' : 'true'),
  row('API_VERSION', 'The number of the module interface', () => String(MODULE_MAGIC_NUMBER)),
]
