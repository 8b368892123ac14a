/*
 * `%{NAME}` of rules and conditions: mod_rewrite's own list, which is not that of expressions. What both have is what
 * expressions say of it. One rule: names are looked up when the configuration is read.
 */
import {
  after, MODULE_MAGIC_MINOR, MODULE_MAGIC_NUMBER, osEscapePath, parseStringExpression,
  type Answer, type Expression, type Lookup, type Request,
} from 'httpd'
import type { Scope } from './scope.ts'
import type { Source } from './template.ts'

export interface Variable {
  /** False: it may block the thread. */
  readonly quick: boolean
  value(request: Request, scope: Scope): Answer<string>
}

const NOTHING: Variable = { quick: true, value: () => '' }

const direct = (value: (r: Request) => string | undefined): Variable => ({ quick: true, value: (r) => value(r) ?? '' })

/** A request header: an answer that asked for it varies by it. */
const header = (name: string): Variable => ({
  quick: true,
  value(r, scope) {
    const value = r.headersIn.get(name)
    if (value === undefined) return ''
    scope.dependsOn(name)
    return value
  },
})

/** Those that are asked for most, and those that expressions have not, or say something else of. */
const OWN: Readonly<Record<string, Variable>> = {
  HTTP_ACCEPT: header('Accept'),
  HTTP_COOKIE: header('Cookie'),
  HTTP_FORWARDED: header('Forwarded'),
  HTTP_HOST: header('Host'),
  HTTP_PROXY_CONNECTION: header('Proxy-Connection'),
  HTTP_REFERER: header('Referer'),
  HTTP_USER_AGENT: header('User-Agent'),
  REQUEST_URI: direct((r) => r.uri),
  REQUEST_FILENAME: direct((r) => r.filename),
  SCRIPT_FILENAME: direct((r) => r.filename),
  QUERY_STRING: direct((r) => r.args),
  REQUEST_METHOD: direct((r) => r.method),
  THE_REQUEST: direct((r) => r.requestLine),
  PATH_INFO: direct((r) => r.pathInfo),
  REMOTE_ADDR: direct((r) => r.clientIp),
  REMOTE_USER: direct((r) => r.user),
  SERVER_ADDR: direct((r) => r.connection.localIp),
  API_VERSION: direct(() => `${MODULE_MAGIC_NUMBER}:${MODULE_MAGIC_MINOR}`),
}

/** Those that are the same as in expressions. */
const SHARED = new Set(('AUTH_TYPE CONN_REMOTE_ADDR CONTEXT_DOCUMENT_ROOT CONTEXT_PREFIX DOCUMENT_ROOT HTTPS IPV6 ' +
  'IS_SUBREQ REMOTE_HOST REMOTE_IDENT REMOTE_PORT REQUEST_SCHEME SCRIPT_GROUP SCRIPT_USER SERVER_ADMIN SERVER_NAME ' +
  'SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE TIME TIME_DAY TIME_HOUR TIME_MIN TIME_MON TIME_SEC TIME_WDAY ' +
  'TIME_YEAR').split(' '))

/** Owners of files that are not there: what Apache says then. */
const UNKNOWN: Readonly<Record<string, string>> = { SCRIPT_USER: '<unknown>', SCRIPT_GROUP: '<unknown>' }

/** A name that is none stands for nothing, as in Apache. */
export function compileVariable(name: string, source: Source): Variable {
  const colon = /^(env|ssl|http|la-u|la-f):(.+)$/is.exec(name)
  if (colon !== null) return withPrefix(colon[1]!.toUpperCase(), colon[2]!, source)
  const upper = name.toUpperCase()
  if (Object.hasOwn(OWN, upper)) return OWN[upper]!
  return SHARED.has(upper) ? shared(`%{${upper}}`, source, UNKNOWN[upper]) : NOTHING
}

function withPrefix(prefix: string, rest: string, source: Source): Variable {
  if (prefix === 'HTTP') return header(rest)
  if (prefix === 'LA-U' || prefix === 'LA-F') return lookAhead(prefix, rest, source)
  // Whoever brings TLS brings the function for it.
  if (prefix === 'SSL') return ifThere('ssl', rest, source)
  return shared(`%{env:${quoted(rest)}}`, source)
}

/** Nothing in a name is more than its characters. */
const quoted = (text: string): string => text.replace(/[\\$%}]/g, '\\$&')

function shared(text: string, source: Source, otherwise = ''): Variable {
  const expression = parseStringExpression(text, source, '')
  return evaluated(expression, otherwise)
}

function evaluated(expression: Expression<string>, otherwise: string): Variable {
  const value = (text: string): string => (text === '' ? otherwise : text)
  return { quick: expression.quick, value: (r) => after(expression.evaluate(r), value) }
}

function ifThere(name: string, rest: string, source: Source): Variable {
  try {
    return shared(`%{${name}:${quoted(rest)}}`, source)
  } catch {
    return NOTHING
  }
}

/** True unless a look-up on behalf of a request would be one for that request again. */
export const mayLookAhead = ({ main, uri }: Request): boolean => main === undefined || main.uri !== uri

/** What a variable would be at the end: for the URL (LA-U), or for the file that it leads to so far (LA-F). */
function lookAhead(prefix: 'LA-U' | 'LA-F', name: string, source: Source): Variable {
  const variable = compileVariable(name, source)
  const of = (found: Lookup, path: string, scope: Scope): Answer<string> =>
    after(found.asRequest === undefined ? '' : variable.value(found.asRequest, scope), (value) => {
      if (scope.traces) scope.trace(5, `lookahead: path=${path} var=${name} -> val=${value}`)
      return value
    })
  return {
    quick: variable.quick,
    value(r, scope) {
      if (!mayLookAhead(r)) return ''
      if (prefix === 'LA-U') return after(r.subLookupUri(osEscapePath(r.uri)), (found) => of(found, r.uri, scope))
      const { filename } = r
      return filename === undefined ? '' : after(r.subLookupFile(filename), (found) => of(found, filename, scope))
    },
  }
}
