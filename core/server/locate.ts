/** Which server and which path a request line and a Host header name (Apache's ap_read_request, after the head). */
import { osEscapePath } from '../base/escape.ts'
import type { Atom } from '../http/atoms.ts'
import type { HttpFault } from '../http/fault.ts'
import { HEADER } from '../http/known_headers.ts'
import { M_CONNECT, M_GET } from '../http/methods.ts'
import { hostOfTarget, parseTarget, type Target, type TargetFault } from '../http/target.ts'
import { Located } from './located.ts'
import type { RequestRec } from './request_rec.ts'

const SLASH = 0x2f

/** Sets server, path and configuration of a request. @returns why it is refused, or undefined */
export function locate(r: RequestRec): HttpFault | undefined {
  const { head, connection } = r
  const { engine } = connection
  const atom = head.targetAtom()
  const target = atom.text
  r.unparsedUri = target
  // How the path is read is the named server's to say, so the name comes first.
  const isPath = target.charCodeAt(0) === SLASH && head.methodNumber !== M_CONNECT
  const named = isPath ? undefined : hostOfTarget(target, head.methodNumber)
  r.hostname = named ?? head.hostname()
  if (engine.only === undefined && r.hostname !== undefined)
    r.served = engine.served(engine.vhosts.select(connection.candidates, r.hostname, target))
  const parsed = isPath ? locatedAs(r, atom) : parse(r, target, head.methodNumber)
  if ('fault' in parsed) return refused(r, parsed)
  r.uri = parsed.path
  r.args = parsed.args
  if (named !== undefined && head.has(HEADER.HOST))
    head.replacedHost = parsed.port === undefined ? named : `${named}:${parsed.port}`
  r.askedPort = named === undefined ? head.hostPort : parsed.port ?? -1
  if (engine.only === undefined && r.hostname === undefined)
    r.served = engine.served(engine.vhosts.select(connection.candidates, undefined, r.uri))
  const { resolver, server, settings } = r.served
  r.resolved = resolver.forLocation(r.uri)
  r.chains = engine.chainsOf(server, r.resolved)
  if (head.expectUnknown) return unmet(r)
  return settings.strictHostCheck ? checkHost(r) : undefined
}

/** As `parse` for a path, which means the same to all methods but one: remembered with the target. */
function locatedAs(r: RequestRec, atom: Atom): Located | TargetFault {
  const { served, head } = r
  const before = atom.memo as Located | undefined
  if (before !== undefined && before.served === served) return (r.located = before)
  const parsed = parse(r, atom.text, head.methodNumber)
  if ('fault' in parsed) return parsed
  const located = new Located(served, parsed)
  atom.memo = r.located = located
  return located
}

/** Refused for its path, a request is the named server's; for the form of its target, before its fields are looked at. */
function refused(r: RequestRec, { fault, path }: TargetFault): HttpFault {
  if (path === undefined) {
    r.served = r.connection.served
    r.hostname = undefined
    r.head.forgetFields()
  } else r.uri = path
  r.chains = r.served.chains
  return fault
}

/**
 * What a URI of this server names, as a configuration or a page has written it: path, perhaps a query, and a fragment that
 * counts for nothing. A relative one begins where the request's path does. Nothing more is taken for a path than of a client.
 */
export function targetFor(r: RequestRec, uri: string): Target | TargetFault {
  const whole = uri.startsWith('/') ? uri : (osEscapePath(r.uri.slice(0, r.uri.lastIndexOf('/') + 1)) || '/') + uri
  const fragment = whole.indexOf('#')
  return parse(r, fragment < 0 ? whole : whole.slice(0, fragment), M_GET)
}

function parse(r: RequestRec, target: string, methodNumber: number): Target | TargetFault {
  return parseTarget(target, {
    methodNumber,
    allowEncodedSlashes: r.served.encodedSlashes,
    mergeSlashes: r.served.settings.mergeSlashes,
  })
}

/** StrictHostCheck: the default server of an address answers for its own names only. */
function checkHost({ hostname, served, connection }: RequestRec): HttpFault | undefined {
  const { candidates } = connection
  if (hostname === undefined || served.server !== candidates.first || candidates.find(hostname) !== undefined)
    return undefined
  const { file, line } = served.server.conf.at
  return {
    status: 400, aplogno: 'AH10157', level: 'warn', note: '',
    message: `Requested hostname '${hostname}' did not match any ServerName/ServerAlias in the matching virtual host ` +
      `(default vhost for current connection is ${file}:${line})`,
  }
}

// Whether the body follows is open: a client may wait for the answer, or not.
function unmet(r: RequestRec): HttpFault {
  r.framingInDoubt = true
  return {
    status: 417, aplogno: 'AH00570', level: 'info', note: '',
    message: `client sent an unrecognized expectation value of Expect: ${r.head.value(HEADER.EXPECT) ?? ''}`,
  }
}
