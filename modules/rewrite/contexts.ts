/*
 * Where rules are applied: those of a server before its URL paths are mapped to files, those of a directory when the
 * file is known. What comes of them is a redirect, an internal one, a file, or a path for others to map.
 */
import {
  after, DECLINED, HANDOVER, mergeUnder, mightLog, OK, Opt, optionBits, osEscapePath, dirCore, homeOf,
  parseStringExpression, type Answer, type Expression, type Request, type Status,
} from 'httpd'
import { FORCED_HANDLER, FORCED_TYPE, isEnded, Pass, type Found } from './pass.ts'
import { isRedirect } from './rule.ts'
import { perDirectory, perServer, type DirectoryRewrite, type ServerRewrite } from './settings.ts'
import { trace } from './trace.ts'
import { escapeUrl, isRaw, replacePrefix, schemeOf } from './uri.ts'
import type { TraceLevel } from './scope.ts'

export const REDIRECT_HANDLER = 'redirect-handler'
const REDIRECT = 'redirect:'

type Tell = (level: TraceLevel, text: string) => void

/** Traces of one place, or nothing to call where nobody wants them. */
const teller = (r: Request, directory?: string): Tell | undefined =>
  mightLog('trace1') ? (level, text) => trace(r, level, directory, text) : undefined

/** translate_name, with the rules of the server. */
export function translate(r: Request): Answer<Status> {
  const said = r.server.get(perServer).rewrite
  const here = r.dir(perDirectory).rewrite
  if (said === undefined || said.owner !== r.server.conf || here?.engine !== true) return DECLINED
  const tell = teller(r)
  if (isEnded(r)) {
    tell?.(8, 'Declining, no further rewriting due to END flag')
    return DECLINED
  }
  if (!r.uri.startsWith('/') && here.options?.has('allowanyuri') !== true) {
    tell?.(8, `Declining, request-URI '${r.uri}' is not a URL-path. Consult the manual entry for the RewriteOptions ` +
      'directive for options and caveats about matching other strings.')
    return DECLINED
  }
  const asked = r.args
  setScriptUrl(r)
  if (r.filename === undefined) {
    r.filename = r.uri
    tell?.(2, `init rewrite engine with requested uri ${r.uri}`)
  } else tell?.(2, `init rewrite engine with passed filename ${r.filename}. Original uri = ${r.uri}`)
  const pass = new Pass(r, { rules: said.list.rules, maps: said.maps, directory: undefined })
  return after(pass.run(), (found) => (found.outcome === 'none' ? passOn(r, tell) : settle(r, said, found, asked, tell)))
}

function passOn(r: Request, tell: Tell | undefined): Status {
  tell?.(1, `pass through ${r.filename}`)
  r.filename = undefined
  return DECLINED
}

/** The path and the URL that the client has asked for, for scripts: also after an internal redirect. */
function setScriptUrl(r: Request): void {
  const url = r.main === undefined ? r.env.get('REDIRECT_SCRIPT_URL') ?? r.uri : r.main.env.get('SCRIPT_URL') ?? r.uri
  r.env.set('SCRIPT_URL', url)
  r.env.set('SCRIPT_URI', r.constructUrl(url))
}

function settle(r: Request, said: ServerRewrite, found: Found, asked: string | undefined, tell: Tell | undefined): Status {
  if (found.outcome === 'answered') return found.status
  if (found.proxy) return noProxy(r, 'AH00669')
  const scheme = schemeOf(r.filename!)?.length
  if (scheme !== undefined) return redirect(r, found, scheme, asked, 'AH10410', tell)
  if (isUnfit(r, 'AH10410')) return 403
  if (found.passThrough) {
    r.uri = r.filename!
    r.filename = undefined
    return DECLINED
  }
  return toFile(r, said, found, tell)
}

function noProxy(r: Request, number: string): Status {
  r.filename = `proxy:${r.filename}`
  r.log('error', 'rewrite', `${number}: attempt to make remote request from mod_rewrite without proxy enabled: ${r.filename}`)
  return 403
}

function isUnfit(r: Request, number: string): boolean {
  if (r.args === undefined || !isRaw(r.args)) return false
  r.log('error', 'rewrite', `${number}: Rewritten query string contains control characters or spaces`)
  return true
}

/** Sends the client to a URL. @param asked the query that it has asked with: that is escaped as it should be */
function redirect(
  r: Request, { outcome, status }: Found, scheme: number, asked: string | undefined, number: string, tell: Tell | undefined,
): Status {
  let url = r.filename!
  if (outcome !== 'verbatim') {
    tell?.(1, `escaping ${url} for redirect`)
    url = escapeUrl(url, scheme)
  }
  if (r.args !== undefined) {
    const asIs = outcome === 'verbatim' || r.args === asked
    if (asIs && isUnfit(r, number)) return 403
    const args = asIs ? r.args : osEscapePath(r.args)
    tell?.(1, asIs ? `copying ${r.args} to query string for redirect ` : `escaping ${r.args} to query string for redirect ${args}`)
    url += `?${args}`
  }
  const code = isRedirect(status) ? status : 302
  r.filename = url
  r.headersOut.set('Location', url)
  tell?.(1, `redirect to ${url} [REDIRECT/${code}]`)
  return code
}

/** The path is that of a file if its first directory is there and the rule means it; else it is below DocumentRoot. */
function toFile(r: Request, { options }: ServerRewrite, found: Found, tell: Tell | undefined): Status {
  // Whose home is where may take long to learn.
  if (!r.mayBlock && USER.test(r.filename!)) return HANDOVER
  r.filename = home(r.filename!)
  tell?.(2, `local path result: ${r.filename}`)
  if (!r.filename.startsWith('/')) return 400
  const reduced = found.reduced && options?.has('legacyprefixdocroot') !== true
  const unsafe = options?.has('unsafeprefixstat') === true || found.last?.flags.unsafePrefixStat === true
  const root = documentRoot(r)
  if (reduced || !isFilePath(r, found.last?.output?.text, unsafe, root, tell)) {
    const below = r.filename.replace(/^\/+/, '')
    const path = below === '' ? `${root}/` : mergeUnder(root, below)
    if (path === undefined) {
      r.log('error', 'core', `AH00127: Cannot map ${r.requestLine} to file`)
      tell?.(1, `prefixing with document_root of ${r.filename} FAILED`)
      return 403
    }
    r.filename = path
    tell?.(2, `prefixed with document_root to ${path}`)
  }
  tell?.(1, `go-ahead with ${r.filename} [OK]`)
  return OK
}

/** Whether the path leads into the file system by what the rule says, not by what the client has put there. */
function isFilePath(r: Request, output: string | undefined, unsafe: boolean, root: string, tell: Tell | undefined): boolean {
  const path = r.filename!
  const first = /^\/+[^/]*/.exec(path)![0].replace(/^\/+/, '/')
  const top = /^\/\.{0,2}$/.test(first) ? '/' : first
  if (r.stat(top).type === 'none') return false
  if (output === undefined) return true
  tell?.(3, `prefix_stat compare statpath ${top} and lastsub output ${output} STATOK ${unsafe ? 1 : 0} `)
  if (unsafe) return true
  return beginsWith(output, top, tell) || beginsWith(path, root, tell)
}

function beginsWith(text: string, start: string, tell: Tell | undefined): boolean {
  const does = text.startsWith(start)
  tell?.(5, `prefix_stat startsWith(${text}, ${start}) ${does ? 1 : 0}`)
  return does
}

const USER = /^\/~([^/]+)(\/.*)?$/s

/** `/~user/…` with the user's home instead; as it is for a user that nobody knows. */
function home(path: string): string {
  const [, user, rest = ''] = USER.exec(path) ?? []
  const directory = user === undefined ? undefined : homeOf(user)
  return directory === undefined ? path : directory + rest
}

/** fixups, with the rules of the directory. */
export function fixup(r: Request): Answer<Status> {
  const said = r.dir(perDirectory).rewrite
  const directory = said?.directory
  if (said?.engine !== true || directory === undefined) return DECLINED
  // Without the slash at its end the directory is mod_dir's, which adds it.
  if (said.options?.has('allownoslash') !== true && `${r.filename ?? ''}/` === directory) return DECLINED
  const tell = teller(r, directory)
  if (isEnded(r)) {
    tell?.(8, 'Declining, no further rewriting due to END flag')
    return DECLINED
  }
  if ((optionBits(r.dir(dirCore).options) & (Opt.followSymLinks | Opt.symLinksIfOwnerMatch)) === 0) {
    r.log('error', 'rewrite', 'AH00670: Options FollowSymLinks and SymLinksIfOwnerMatch are both off, so the RewriteRule ' +
      `directive is also forbidden due to its similar ability to circumvent directory restrictions : ${r.filename ?? ''}`)
    return 403
  }
  const before = { filename: r.filename, args: r.args }
  const maps = r.server.get(perServer).rewrite
  const pass = new Pass(r, { rules: said.list.rules, maps: maps?.maps ?? new Map(), directory })
  return after(pass.run(), (found) => {
    if (found.outcome !== 'none') return settleInDirectory(r, said, directory, found, before, tell)
    tell?.(1, `pass through ${r.filename}`)
    r.filename = before.filename
    return DECLINED
  })
}

interface Before {
  readonly filename: string | undefined
  readonly args: string | undefined
}

function settleInDirectory(
  r: Request, said: DirectoryRewrite, directory: string, found: Found, before: Before, tell: Tell | undefined,
): Status {
  if (found.outcome === 'answered') return found.status
  if (found.proxy) return noProxy(r, 'AH10160')
  const scheme = schemeOf(r.filename!)?.length
  if (scheme !== undefined) {
    if (said.base !== undefined) r.filename = withBase(r, scheme, directory, said.base, tell)
    return redirect(r, found, scheme, before.args, 'AH10411', tell)
  }
  if (isUnfit(r, 'AH10411')) return 403
  if (!r.filename!.startsWith('/')) return 400
  if (r.filename === before.filename) {
    tell?.(1, `initial URL equal rewritten URL: ${r.filename} [IGNORING REWRITE]`)
    return OK
  }
  const url = urlOf(r, said, directory, tell)
  tell?.(1, `internal redirect with ${url} [INTERNAL REDIRECT]`)
  r.filename = REDIRECT + url
  r.handler = REDIRECT_HANDLER
  return OK
}

/** A URL of this server may have the path of the directory in it, where the rule's text was relative. */
function withBase(r: Request, scheme: number, directory: string, base: string, tell: Tell | undefined): string {
  const url = r.filename!
  const path = url.indexOf('/', scheme)
  if (path < 0 || path === url.length - 1) return url
  tell?.(2, `trying to replace prefix ${directory} with ${base}`)
  return url.slice(0, path + 1) + prefixed(url.slice(path + 1), directory.replace(/^\//, ''), base.slice(1), r)
}

function prefixed(path: string, from: string, to: string, r: Request): string {
  const replaced = replacePrefix(path, from, to)
  const tell = teller(r)
  if (tell !== undefined && replaced !== path) {
    const below = path.slice(from.endsWith('/') ? from.length : from.length + 1)
    tell(5, `strip matching prefix: ${path} -> ${below}`)
    tell(4, `add subst prefix: ${below} -> ${replaced}`)
  }
  return replaced
}

/** The URL path that the file name stands for: by RewriteBase, below DocumentRoot, or by the Alias that the request came by. */
function urlOf(r: Request, said: DirectoryRewrite, directory: string, tell: Tell | undefined): string {
  const name = r.filename!
  const root = documentRoot(r)
  let url = name
  if (said.base !== undefined) {
    tell?.(2, `trying to replace prefix ${directory} with ${said.base}`)
    url = prefixed(name, directory, said.base, r)
  } else if (name.startsWith(`${root.replace(/\/$/, '')}/`)) {
    url = name.slice(root.replace(/\/$/, '').length)
    tell?.(2, `strip document_root prefix: ${name} -> ${url}`)
  }
  if (url !== name || said.options?.has('ignorecontextinfo') === true) return url
  const { path, real } = r.context ?? { path: '', real: root }
  tell?.(2, `trying to replace context docroot ${real} with context prefix ${path}`)
  return prefixed(url, real, path, r)
}

/** What a rule of a directory has left in the file name is asked for anew. */
export function redirectHandler(r: Request): Answer<Status> {
  if (r.filename?.startsWith(REDIRECT) !== true) return DECLINED
  return r.internalRedirectUri(r.filename.slice(REDIRECT.length) + (r.args === undefined ? '' : `?${r.args}`))
}

/** The end of fixups: T and H say the last word. */
export function force(r: Request): Status {
  const { notes } = r
  const tell = teller(r)
  const type = notes.get(FORCED_TYPE)
  if (type !== undefined) {
    tell?.(1, `force filename ${r.filename} to have MIME-type '${type}'`)
    r.contentType = type
  }
  const handler = notes.get(FORCED_HANDLER)
  if (handler !== undefined) {
    tell?.(1, `force filename ${r.filename} to have the Content-handler '${handler}'`)
    r.handler = handler
  }
  return OK
}

let root: Expression<string> | undefined

/** Where the core would look for the file. */
function documentRoot(r: Request): string {
  root ??= parseStringExpression('%{DOCUMENT_ROOT}', { file: 'mod_rewrite', line: 0, htaccess: false }, '')
  return root.evaluate(r) as string
}
