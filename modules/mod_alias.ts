/*
 * mod_alias: URL paths that lead elsewhere, to another part of the file system (Alias) or to another URL
 * (Redirect). Of several that match the first counts; redirects go before aliases.
 */
import {
  addTo, DECLINED, OK, Order, RSRC_AND_ACCESS, RSRC_CONF, Settings, allowedBy, checkContext, flag, isUrl, optional,
  osEscapePath, substitute, word,
  type Answer, type Command, type Configured, type Module, type Request, type Status,
} from 'httpd'
import {
  aliasInSection, overlaps, prefixLength, redirectInSection, regex, rule, statusAlone,
  type Alias, type Redirect, type SectionAlias, type SectionRedirect,
} from './alias/rules.ts'

const perServer = new Settings('server', {
  aliases: [] as readonly Alias[],
  redirects: [] as readonly Redirect[],
}, {
  // What a virtual host says goes before what the main server says.
  aliases: (outer, inner) => [...inner, ...outer],
  redirects: (outer, inner) => [...inner, ...outer],
})

const perDirectory = new Settings('directory', {
  redirects: [] as readonly Redirect[],
  /** Redirect without a URL path: everything in there goes to this URL. It goes before the others. */
  redirect: undefined as SectionRedirect | undefined,
  /** Alias without a URL path, in <Location>: everything in there is this file or directory. */
  alias: undefined as SectionAlias | undefined,
  preservePath: false,
  relative: false,
}, {
  redirects: (outer, inner) => [...inner, ...outer],
})

/** translate_name: redirects first, then where the path lies in the file system. */
export function translate(r: Request): Answer<Status> {
  if (r.uri !== '' && r.uri.charCodeAt(0) !== 0x2f) return DECLINED
  const { aliases, redirects } = r.server.get(perServer)
  const { alias, redirect: whole } = r.dir(perDirectory)
  // Without a path it holds for all of a <Location>, whatever may lie there.
  if (whole !== undefined) return redirectWhole(r, whole, 'AH00674')
  const redirected = redirect(r, redirects, 'AH00674')
  if (redirected !== DECLINED) return redirected
  if (alias === undefined) return byPath(r, aliases)
  // What cannot be evaluated, or is empty, is as if it was not said.
  return alias.target.resolve(r, 'alias', (path) => (path === '' ? byPath(r, aliases) : toTarget(r, alias, path)),
    (reason) => {
      r.log('error', 'alias', `AH02825: Can't evaluate alias expression: ${reason}`)
      return byPath(r, aliases)
    })
}

function toTarget(r: Request, alias: SectionAlias, path: string): Status {
  const real = alias.absolute(path)
  const length = r.dir(perDirectory).preservePath ? prefixLength(r.uri, alias.path) : -1
  if (length < 0) return mapTo(r, alias, real)
  r.context = { path: alias.path, real }
  return mapTo(r, alias, joined(real, r.uri.slice(length)))
}

function byPath(r: Request, aliases: readonly Alias[]): Status {
  for (const candidate of aliases) {
    const found = realPath(r.uri, candidate)
    if (found === undefined) continue
    if (candidate.regex === undefined) r.context = candidate
    return mapTo(r, candidate, found)
  }
  return DECLINED
}

const joined = (real: string, below: string): string =>
  real.endsWith('/') && below.startsWith('/') ? real + below.slice(1) : real + below

function realPath(uri: string, alias: Alias): string | undefined {
  if (alias.regex !== undefined) {
    const match = alias.regex.exec(uri)
    return match === null ? undefined : substitute(alias.real, match)
  }
  const length = prefixLength(uri, alias.path)
  return length < 0 ? undefined : joined(alias.real, uri.slice(length))
}

function mapTo(r: Request, alias: { readonly script: boolean }, filename: string): Status {
  r.filename = filename
  if (alias.script) {
    r.handler = 'cgi-script'
    r.notes.set('alias-forced-type', 'cgi-script')
  }
  return OK
}

/** Redirects said in a section or in .htaccess. */
export function fixup(r: Request): Answer<Status> {
  const { redirect: whole, redirects } = r.dir(perDirectory)
  return whole === undefined ? redirect(r, redirects, 'AH00676') : redirectWhole(r, whole, 'AH00676')
}

function redirectWhole(r: Request, { status, target }: SectionRedirect, number: string): Answer<Status> {
  if (target === undefined) return status
  return target.resolve(r, 'alias', (url) => answer(r, status, escapedUrl(url), number), (reason) => {
    r.log('error', 'alias', `AH02826: Can't evaluate redirect expression: ${reason}`)
    return 500
  })
}

/** @param number of the message for a target that leads nowhere: Apache's differ by hook */
function redirect(r: Request, redirects: readonly Redirect[], number: string): Status {
  for (const candidate of redirects) {
    const target = targetOf(r.uri, candidate)
    if (target !== undefined) return answer(r, candidate.status, target, number)
  }
  return DECLINED
}

/** Where a redirect leads; an empty text for one that only has a status. */
function targetOf(uri: string, { path, regex, url }: Redirect): string | undefined {
  if (regex !== undefined) {
    const match = regex.exec(uri)
    if (match === null) return undefined
    return url === undefined ? '' : escapedUrl(substitute(url, match))
  }
  if (path === undefined) return url ?? ''
  const length = prefixLength(uri, path)
  if (length < 0) return undefined
  return url === undefined ? '' : url + osEscapePath(uri.slice(length))
}

/** What came out of the request is escaped; a query or fragment of the target stays as it was written. */
function escapedUrl(url: string): string {
  const [, path, rest] = /^([^?#]*)(.*)$/s.exec(url)!
  return osEscapePath(path!) + rest
}

function answer(r: Request, status: number, target: string, number: string): Status {
  if (status < 300 || status > 399) return status
  const { relative } = r.dir(perDirectory)
  const url = target.startsWith('/') && !relative ? r.constructUrl(target) : target
  if (!isUrl(url) && !(relative && url.startsWith('/'))) {
    r.log('error', 'alias', `${number}: cannot redirect '${r.uri}' to '${url}'; ` +
      'target is not a valid absoluteURI or abs_path')
    return 500
  }
  r.headersOut.set('Location', r.args !== undefined && !url.includes('?') ? `${url}?${r.args}` : url)
  return status
}

type SaidServer = { aliases?: readonly Alias[]; redirects?: readonly Redirect[] }

/** Alias and ScriptAlias: `/path target`, or in <Location> the target alone. */
function aliasSetter(script: boolean) {
  return (said: SaidServer, command: Command, first: string, second: string | undefined): void => {
    if (second === undefined) {
      checkContext(command, { directory: true, files: true })
      command.vector('directory').said(perDirectory).alias =
        aliasInSection(first, script, command, (path) => realOf(command, path))
      return
    }
    checkContext(command, { sections: true })
    addAlias(said, command, { path: first, real: realOf(command, second), script, at: command })
  }
}

function aliasMatchSetter(script: boolean) {
  return (said: SaidServer, command: Command, pattern: string, real: string): void =>
    addAlias(said, command, { path: pattern, regex: regex(pattern), real: realOf(command, real), script, at: command })
}

/** Absolute, with the slash at its end that decides how the rest of the URL path is joined. */
function realOf(command: Command, path: string): string {
  const real = command.serverRootRelative(path)
  return path.endsWith('/') && !real.endsWith('/') ? `${real}/` : real
}

function addAlias(said: SaidServer, command: Command, alias: Alias): void {
  const before = said.aliases ?? []
  if (before.some((other) => overlaps(alias, other))) {
    command.note('warn', `AH00671: The ${command.name} directive in ${command.file} at line ${command.line} ` +
      'will probably never match because it overlaps an earlier one.')
  }
  said.aliases = addTo(said.aliases, alias)
}

/** Redirect and its relatives. In a section they are per directory, else per server. */
function redirectSetter(defaultStatus: number, match = false) {
  return (_: unknown, command: Command, ...words: readonly (string | undefined)[]): void => {
    const said: SaidServer = command.path === undefined && !command.htaccess
      ? command.vector('server').said(perServer)
      : command.vector('directory').said(perDirectory)
    const given = words.filter((text) => text !== undefined)
    const alone = match ? undefined : statusAlone(given, defaultStatus, command)
    if (alone !== undefined) {
      command.vector('directory').said(perDirectory).redirect = redirectInSection(alone.status, alone.url, command)
      return
    }
    const one = rule(given, defaultStatus, match)
    said.redirects = addTo(said.redirects, one)
  }
}

const FILEINFO = allowedBy('FileInfo')
const REDIRECT = [word, optional(word), optional(word)] as const
const ALIAS_HELP = 'A URL path and where it lies in the file system; in <Location> only the latter'
const REDIRECT_HELP = 'A status if it is not 302, a URL path and the URL to go to; in <Location> no path'

export const module = {
  name: 'alias_module',
  file: 'mod_alias.c',
  settings: [perServer, perDirectory],
  directives: [
    perServer.directive('Alias', [word, optional(word)], aliasSetter(false), RSRC_AND_ACCESS, ALIAS_HELP),
    perServer.directive('ScriptAlias', [word, optional(word)], aliasSetter(true), RSRC_AND_ACCESS, ALIAS_HELP),
    perServer.directive('AliasMatch', [word, word], aliasMatchSetter(false), RSRC_CONF,
      'A regular expression for URL paths and where these lie in the file system'),
    perServer.directive('ScriptAliasMatch', [word, word], aliasMatchSetter(true), RSRC_CONF,
      'A regular expression for URL paths and where these programs lie in the file system'),
    perDirectory.directive('Redirect', REDIRECT, redirectSetter(302), FILEINFO, REDIRECT_HELP),
    perDirectory.directive('RedirectTemp', [word, optional(word)], redirectSetter(302), FILEINFO,
      'A URL path and the URL to go to for the time being'),
    perDirectory.directive('RedirectPermanent', [word, optional(word)], redirectSetter(301), FILEINFO,
      'A URL path and the URL to go to from now on'),
    perDirectory.directive('RedirectMatch', [word, word, optional(word)], redirectSetter(302, true), FILEINFO,
      'A status if it is not 302, a regular expression for URL paths and the URL to go to'),
    perDirectory.directive('AliasPreservePath', [flag], 'preservePath', FILEINFO,
      'Whether the path after that of the <Location> is added to the target of its Alias'),
    perDirectory.directive('RedirectRelative', [flag], 'relative', FILEINFO,
      'Whether the target of a redirect may be sent as a path'),
  ],
  register({ translateName, fixups }, on) {
    const slowAlias = (settings: Configured) => settings.dir(perDirectory).alias?.target.quick === false
    const slowRedirect = (settings: Configured) => settings.dir(perDirectory).redirect?.target?.quick === false
    const slowMapping = (settings: Configured) => slowAlias(settings) || slowRedirect(settings)
    on(translateName, translate, {
      quick: true,
      when: (settings) => {
        const { aliases, redirects } = settings.server(perServer)
        const { alias, redirect } = settings.dir(perDirectory)
        return !slowMapping(settings) &&
          (aliases.length > 0 || redirects.length > 0 || alias !== undefined || redirect !== undefined)
      },
    })
    on(translateName, translate, { when: slowMapping })
    on(fixups, fixup, {
      order: Order.first,
      quick: true,
      when: (settings) => {
        const { redirects, redirect } = settings.dir(perDirectory)
        return !slowRedirect(settings) && (redirects.length > 0 || redirect !== undefined)
      },
    })
    on(fixups, fixup, { order: Order.first, when: slowRedirect })
  },
} satisfies Module
