/* mod_session_cookie: a session is kept by the client itself, in a cookie (RFC 6265; Set-Cookie2 is RFC 2965's). */
import {
  ConfigError, flag, raw, registerSessionStore, Settings,
  type Command, type Module, type Request, type Session, type Where,
} from 'httpd'
import { findCookie } from './session_cookie/cookie.ts'
import { firstOf } from './shared/first.ts'

interface Cookie { readonly name: string; readonly attributes: string }

export const cookies = new Settings('directory', {
  first: undefined as Cookie | undefined,
  second: undefined as Cookie | undefined,
  removes: false,
  saysAge: true,
})

/** By the request that the client has sent, and by the cookie's name. */
const loaded = new WeakMap<Request, Map<string, Session>>()

function load(r: Request): Session | undefined {
  const { first, second, removes } = r.dir(cookies)
  const name = (second ?? first)?.name
  if (name === undefined) return undefined
  const sent = firstOf(r)
  let all = loaded.get(sent)
  if (all === undefined) loaded.set(sent, all = new Map<string, Session>())
  let found = all.get(name)
  if (found !== undefined && !removes) return found
  const value = take(r, name, removes)
  if (found !== undefined) return found
  found = { entries: new Map(), expiry: 0, maxAge: 0, dirty: false, written: false, encoded: value }
  all.set(name, found)
  // What is for one client is not for caches.
  r.headersOut.add('Cache-Control', 'no-cache, private')
  return found
}

/** The value that the client has sent; with SessionCookieRemove nobody else sees it. */
function take(r: Request, name: string, removes: boolean): string | undefined {
  let value: string | undefined
  for (const field of ['Cookie', 'Cookie2']) {
    const header = r.headersIn.get(field)
    if (header?.includes(name) !== true) continue
    const found = findCookie(header, name)
    if (found.isTwice) r.log('error', 'core', `AH00011: ap_cookie: client submitted cookie '${name}' more than once: ${r.uri}`)
    value ??= found.value
    if (!removes || (found.value === undefined && !found.isTwice)) continue
    if (found.rest === undefined) r.editHeadersIn().unset(field)
    else r.editHeadersIn().set(field, found.rest)
  }
  return value
}

const DEFAULT_ATTRIBUTES = 'HttpOnly;Secure;Version=1'

function save(r: Request, { maxAge }: Session, text: string, answer: Request): boolean {
  const { first, second, saysAge } = r.dir(cookies)
  const age = text === '' ? 'Max-Age=0;' : saysAge && maxAge !== 0 ? `Max-Age=${maxAge};` : ''
  const write = (field: string, { name, attributes }: Cookie): void =>
    answer.errHeadersOut.add(field, `${name}=${text};${age}${attributes}`)
  if (first !== undefined) write('Set-Cookie', first)
  if (second !== undefined) write('Set-Cookie2', second)
  return first !== undefined || second !== undefined
}

registerSessionStore('cookie', { load, save })

function cookie(line: string, { name: directive }: Command): Cookie {
  const [, name, attributes] = /^(\S*)\s*([^]*)$/.exec(line)!
  if (name === '' || /[=&]/.test(name!)) throw new ConfigError(`${directive} cannot be empty, or contain '=' or '&'.`)
  return { name: name!, attributes: attributes === '' ? DEFAULT_ATTRIBUTES : attributes! }
}

const WHERE: Where = { rsrc: true, access: true, overrides: ['AuthConfig'] }

export const module = {
  name: 'session_cookie_module',
  file: 'mod_session_cookie.c',
  settings: [cookies],
  directives: [
    cookies.directive('SessionCookieName', [raw], (said, command, line) => {
      said.first = cookie(line, command)
    }, WHERE, 'The name of the RFC2109 cookie carrying the session'),
    cookies.directive('SessionCookieName2', [raw], (said, command, line) => {
      said.second = cookie(line, command)
    }, WHERE, 'The name of the RFC2965 cookie carrying the session'),
    cookies.directive('SessionCookieRemove', [flag], 'removes', WHERE,
      "Set to 'On' to remove the session cookie from the headers and hide the cookie from a backend server or process"),
    cookies.directive('SessionCookieMaxAge', [flag], 'saysAge', WHERE,
      "Set to 'Off' to disable propagating SessionMaxAge to the client"),
  ],
} satisfies Module
