/** The name under which a response is kept, and which URLs are kept at all. */
import { osEscapePath, serverCore, serverName, serverPort, type Request } from 'httpd'

/** CacheKeyBaseURL: what stands in the place of the server's own scheme, name and port. */
export interface BaseUrl {
  readonly scheme: string | undefined
  readonly host: string | undefined
  readonly port: string | undefined
}

export interface KeyRules {
  readonly base: BaseUrl | undefined
  readonly ignoreQuery: boolean
  /** Session identifiers that do not count. */
  readonly sessions: readonly string[]
}

/**
 * `http://host:port/path?query`, the path escaped: one that has a question mark in it is another one than one with a query.
 */
export function keyOf(r: Request, { base, ignoreQuery, sessions }: KeyRules): string {
  const { path, query } = withoutSessions({ path: r.uri, query: r.args ?? '' }, sessions)
  const { serverScheme } = r.server.get(serverCore)
  const scheme = base?.scheme ?? serverScheme ?? 'http'
  const port = base === undefined ? String(serverPort(r)) : base.port ?? (scheme === 'https' ? '443' : '80')
  return `${scheme}://${base?.host ?? serverName(r)}:${port}${osEscapePath(path)}?${ignoreQuery ? '' : query}`
}

interface Parts { readonly path: string; readonly query: string }

/** `/a;id=1` and `?x=1&id=1` are what they are without the identifier `id`. */
export function withoutSessions({ path, query }: Parts, names: readonly string[]): Parts {
  for (const name of names) {
    const semicolon = path.lastIndexOf(';')
    const parameter = path.slice(semicolon + 1)
    if (semicolon >= 0 && parameter.startsWith(`${name}=`) && !parameter.includes('/')) path = path.slice(0, semicolon)
    else if (query !== '') query = withoutParameter(query, name)
  }
  return { path, query }
}

function withoutParameter(query: string, name: string): string {
  const parts = query.split('&')
  const at = parts.findIndex((part) => part.startsWith(`${name}=`))
  return at < 0 ? query : parts.toSpliced(at, 1).join('&')
}

/** CacheEnable, CacheDisable: a beginning of paths. One with a scheme or a host is about proxied URLs, of which there are none. */
export interface Prefix { readonly path: string; readonly isLocal: boolean }

export function prefixOf(text: string): Prefix {
  const url = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/[^/]*(.*)$/.exec(text)
  return url === null ? { path: text, isLocal: !text.includes(':') || text.startsWith('/') } : { path: url[1]! || '/', isLocal: false }
}

export const covers = ({ path, isLocal }: Prefix, uri: string): boolean => isLocal && uri.startsWith(path)
