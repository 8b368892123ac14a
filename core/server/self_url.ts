/**
 * This server's own name, port and URL, as redirects, error pages and logs give them (UseCanonicalName,
 * UseCanonicalPhysicalPort; Apache's ap_get_server_name, ap_get_server_port, ap_construct_url).
 */
import type { Request } from '../hook/types.ts'
import { dirCore } from './core_settings.ts'
import { localHost } from './host_names.ts'
import type { RequestRec } from './request_rec.ts'

/** The host name that the client used, or the configured one, or what DNS says of the local address. */
export function selfName(r: RequestRec): string {
  const { connection, hostname, served } = r
  const configured = served.settings.serverName ?? connection.localIp
  switch (r.dir(dirCore).useCanonicalName) {
    case 'on': return configured
    case 'dns': return localHost(connection) ?? configured
    default: return hostname ?? configured
  }
}

/** The port that goes with it. */
export function selfPort(r: RequestRec): number {
  const { useCanonicalName, useCanonicalPhysicalPort } = r.dir(dirCore)
  const { serverPort, serverScheme } = r.served.settings
  const physical = useCanonicalPhysicalPort ? r.connection.localPort : 0
  const usual = usualPort(serverScheme)
  if (useCanonicalName === 'on') return serverPort || physical || usual
  return r.askedPort > 0 ? r.askedPort : physical || serverPort || usual
}

const usualPort = (scheme: string | undefined): number => (scheme === 'https' ? 443 : 80)

/** The two for modules. */
// Every request of this server is one.
export const serverName = (r: Request): string => selfName(r as RequestRec)
export const serverPort = (r: Request): number => selfPort(r as RequestRec)

/** What the server calls itself (ServerTokens), and where its documents lie. */
export const serverSoftware = (r: Request): string => (r as RequestRec).connection.engine.serverTokens
export const documentRoot = (r: Request): string => (r as RequestRec).served.documentRoot

/** `http://host:port/path`; the port stands there only if it is not the usual one. */
export function selfUrl(r: RequestRec, path: string): string {
  const scheme = r.served.settings.serverScheme ?? 'http'
  const name = selfName(r)
  const host = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name
  const port = selfPort(r)
  return `${scheme}://${host}${port === usualPort(scheme) ? '' : `:${port}`}${path}`
}
