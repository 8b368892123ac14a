/* URLs of this very server: made of a path, and taken back to one. */
import { serverCore, type Request } from 'httpd'
import { schemeOf } from './uri.ts'

/** A path as a URL of this server; a URL stays as it is. */
export const constructed = (r: Request, name: string): string =>
  schemeOf(name) === undefined ? r.constructUrl(name.startsWith('/') ? name : `/${name}`) : name

const USUAL: Readonly<Record<string, number>> = { http: 80, https: 443 }

/** The path of a URL of the request's own virtual host; undefined for others. */
export function reducedBy(r: Request, name: string): string | undefined {
  const match = /^(https?):\/\/([^/:]*)(?::(\d*))?(\/.*)?$/is.exec(name)
  if (match === null) return undefined
  const [, scheme, host, port, path = '/'] = match
  const { serverScheme = 'http' } = r.server.get(serverCore)
  if (scheme!.toLowerCase() !== serverScheme) return undefined
  return isOwn(r, host!.toLowerCase(), port === undefined ? USUAL[serverScheme] ?? 80 : Number(port)) ? path : undefined
}

/** Whether the host goes by that name and port (ap_matches_request_vhost). */
function isOwn(r: Request, host: string, port: number): boolean {
  const { serverName, serverPort, serverAliases } = r.server.get(serverCore)
  const named = r.server.conf.addresses.some((address) => {
    const [, name, asked = '*'] = /^(.*?)(?::(\d+|\*))?$/.exec(address.toLowerCase())!
    return name === host && (asked === '*' || Number(asked) === port)
  })
  if (named) return true
  if (port !== serverPort) return false
  return serverName?.toLowerCase() === host || serverAliases.some((alias) => matches(alias.toLowerCase(), host))
}

const matches = (alias: string, host: string): boolean =>
  alias === host || (/[*?]/.test(alias) && wildcard(alias).test(host))

const wildcard = (alias: string): RegExp =>
  new RegExp(`^${alias.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
