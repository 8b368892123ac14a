/*
 * mod_remoteip: whom a request is for, where it comes from a proxy that says so, in a header or by the PROXY protocol.
 * Logs, Require ip and conditions see that client; `%{c}a` and CONN_REMOTE_ADDR are still the proxy.
 */
import { readFileSync } from 'node:fs'
import {
  ConfigError, DECLINED, each, errnoPrefix, flag, fsPath, log, OK, Order, RSRC_CONF, Settings, subnet, word,
  type Command, type Connection, type Module, type ReadPreface, type Request, type Server, type Status, type Subnet,
} from 'httpd'
import { follow, type Proxy } from './remoteip/header.ts'
import { read } from './remoteip/proxy_protocol.ts'

const append = <T>(outer: readonly T[] | undefined, inner: readonly T[] | undefined): readonly T[] => [...(outer ?? []), ...(inner ?? [])]

const remoteip = new Settings('server', {
  header: undefined as string | undefined,
  proxiesHeader: undefined as string | undefined,
  /** Undefined: whoever sends the header is trusted. */
  proxies: undefined as readonly Proxy[] | undefined,
  proxyProtocol: false,
  /** Who speaks without it all the same. */
  exceptions: [] as readonly Subnet[],
}, { proxies: append, exceptions: append })

type Said = { proxies?: readonly Proxy[] | undefined; exceptions?: readonly Subnet[] }

function addProxies(said: Said, directive: string, words: readonly string[], internal: boolean): void {
  const proxies = words.map((text): Proxy => {
    try {
      return { holds: subnet(text), internal }
    } catch {
      throw new ConfigError(`RemoteIP: Error parsing IP ${text} (${/^[\d.:/a-f]+$/i.test(text) ? 'The specified IP address is invalid.' : 'Name or service not known'} error) for ${directive}`)
    }
  })
  said.proxies = append(said.proxies, proxies)
}

/** A file with addresses, one or more in a line; what follows # is a comment. */
function addList(said: Said, { directive: { name }, serverRootRelative }: Command, file: string, internal: boolean): void {
  const path = serverRootRelative(file)
  let text
  try {
    text = readFileSync(fsPath(path), 'latin1')
  } catch (error) {
    throw new ConfigError(`${name}: Could not open file ${path}: ${errnoPrefix(error).replace(/^\(\d+\)|: $/g, '')}`)
  }
  text.split('\n').forEach((line, i) => {
    const words = line.replace(/#.*/, '').split(/\s+/).filter(Boolean)
    addProxies(said, `${name} at line ${i + 1} of ${path}`, words, internal)
  })
}

function addExceptions(said: Said, words: readonly string[]): void {
  said.exceptions = append(said.exceptions, words.map((text) => {
    try {
      return subnet(text)
    } catch {
      throw new ConfigError(`ip address '${text}' appears to be invalid`)
    }
  }))
}

/** post_read_request: whom the header names. */
export function findClient(r: Request): Status {
  // Who spoke before the first request has the last word: a header may have come through from the client.
  if (r.connection.introduced) return OK
  const { header, proxiesHeader, proxies } = r.server.get(remoteip)
  const value = header === undefined ? undefined : r.headersIn.get(header)
  if (value === undefined || header === undefined) return DECLINED
  const found = follow(value, r.connection.clientIp, proxies, header)
  if (found.doubt !== undefined) r.log('debug', 'remoteip', found.doubt)
  if (found.client === r.connection.clientIp && found.rest === value) return OK
  r.clientIp = found.client
  // Which of its ports it uses nobody has said.
  r.clientPort = 0
  const fields = r.editHeadersIn()
  if (found.rest === '') fields.unset(header)
  else fields.set(header, found.rest)
  if (found.proxies.length > 0) {
    const list = found.proxies.join(', ')
    r.notes.set('remoteip-proxy-ip-list', list)
    if (proxiesHeader !== undefined) fields.set(proxiesHeader, list)
  }
  return OK
}

/** read_preface: the PROXY protocol, where it is switched on. */
export function prefaceOf(server: Server): ReadPreface | undefined {
  const { proxyProtocol, exceptions } = server.get(remoteip)
  if (!proxyProtocol) return undefined
  return (bytes, connection) => exceptions.some((holds) => holds(connection.clientIp)) ? { used: undefined } : take(server, bytes, connection)
}

function take(server: Server, bytes: Buffer, connection: Connection): ReturnType<ReadPreface> {
  const told = read(bytes)
  if (told === 'more') return { used: 0 }
  if (typeof told === 'object' && 'used' in told) return told
  const reason = told === 'none' ? 'AH03496: RemoteIPProxyProtocol data is missing, but required! Aborting request.' : told.fault
  log('error', 'remoteip', reason, { server, connection })
  return { used: -1 }
}

export const module = {
  name: 'remoteip_module',
  file: 'mod_remoteip.c',
  settings: [remoteip],
  directives: [
    remoteip.directive('RemoteIPHeader', [word], 'header', RSRC_CONF,
      'The request header that names the client, e.g. X-Forwarded-For'),
    remoteip.directive('RemoteIPProxiesHeader', [word], 'proxiesHeader', RSRC_CONF,
      'The request header that is to name the proxies that were passed'),
    remoteip.directive('RemoteIPTrustedProxy', [each(word)],
      (said, { directive }, words) => addProxies(said, directive.name, words, false), RSRC_CONF,
      'Proxies that are trusted to name clients, but none of private networks'),
    remoteip.directive('RemoteIPInternalProxy', [each(word)],
      (said, { directive }, words) => addProxies(said, directive.name, words, true), RSRC_CONF,
      'Proxies of the own network, which are trusted to name any client'),
    remoteip.directive('RemoteIPTrustedProxyList', [word], (said, command, file) => addList(said, command, file, false),
      RSRC_CONF, 'A file with trusted proxies, see RemoteIPTrustedProxy'),
    remoteip.directive('RemoteIPInternalProxyList', [word], (said, command, file) => addList(said, command, file, true),
      RSRC_CONF, 'A file with internal proxies, see RemoteIPInternalProxy'),
    remoteip.directive('RemoteIPProxyProtocol', [flag], 'proxyProtocol', RSRC_CONF,
      'Whether connections begin with the PROXY protocol'),
    remoteip.directive('RemoteIPProxyProtocolExceptions', [each(word)], (said, _, words) => addExceptions(said, words),
      RSRC_CONF, 'Addresses and networks whose connections do not'),
  ],
  register({ postReadRequest, readPreface }, on) {
    on(postReadRequest, findClient, {
      order: Order.first, quick: true, when: (settings) => settings.server(remoteip).header !== undefined,
    })
    on(readPreface, prefaceOf)
  },
} satisfies Module
