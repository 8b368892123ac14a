/*
 * Whether the `uri` that a client has signed is the one that it asks for. A proxy in between may have written it in another
 * way, so that what it stands for counts (RFC 7616 section 3.4.6). Pure.
 */
import { unescapeUrl } from 'httpd'

/** The parts of a URI as they are written; absent ones are undefined. */
export interface Uri {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly path: string | undefined
  readonly query: string | undefined
}

/** RFC 3986 appendix B, with the authority taken apart. */
const URI = /^(?:[a-z][a-z0-9+.-]*:)?(?:\/\/(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)(?::([^/?#]*))?)?([^?#]*)(?:\?([^#]*))?(?:#[^]*)?$/i

/** @returns undefined for what is no URI */
export function readUri(text: string): Uri | undefined {
  const [, host, port, path, query] = URI.exec(text) ?? [undefined, undefined, 'x']
  if (port !== undefined && !/^\d{0,5}$/.test(port)) return undefined
  return {
    host: plain(host), port: port === undefined || port === '' ? undefined : Number(port),
    path: plain(path === '' ? undefined : path), query: plain(query),
  }
}

const plain = (text: string | undefined): string | undefined => text && (unescapeUrl(text) ?? text)

/** What was asked for, and of whom. */
export interface Asked extends Uri {
  readonly host: string
  readonly port: number
}

const DEFAULT_PORT = 80

/** @param usualPort that of the scheme */
export function isSame(said: Uri, asked: Asked, usualPort = DEFAULT_PORT): boolean {
  if (said.host !== undefined && said.host !== '') {
    if (said.host.toLowerCase() !== asked.host.toLowerCase()) return false
    if (said.port === undefined && asked.port !== usualPort) return false
  }
  if (said.port !== undefined && said.port !== asked.port) return false
  return said.path === asked.path && said.query === asked.query
}
