/*
 * mod_dir: what a request for a directory gets. Without a slash at its end, a redirect to the URL with one;
 * with it, the first index file there is. FallbackResource answers for what does not exist.
 */
import {
  after, ConfigError, DECLINED, OK, Order, Settings, allowedBy, each, flag, osEscapePath, tidyPath,
  unescapeUrl, word,
  type Answer, type Command, type Lookup, type Module, type Request, type Status,
} from 'httpd'

/** Part of a URL, as a configuration names it: with escapes, and maybe with a query. */
interface Name {
  readonly text: string
  /** Decoded. */
  readonly path: string
  readonly args: string | undefined
}

function nameOf(text: string): Name {
  const [, path, args] = /^([^?]*)(?:\?(.*))?$/s.exec(text)!
  return { text, path: unescapeUrl(path!) ?? path!, args }
}

const dir = new Settings('directory', {
  /** Names of index files in order; [] after `disabled`. */
  indexes: [nameOf('index.html')] as readonly Name[],
  slash: true,
  /** True: step aside where something has set a handler for the directory. */
  checkHandler: false,
  /** Status of the redirect to the index file; 0: it is served in place. */
  indexRedirect: 0,
  /** URL path; undefined: none. */
  fallback: undefined as Name | undefined,
})

const DIRECTORY_TYPE = 'httpd/unix-directory'
const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304

/** What has no handler gets its fallback; directories get what they are due. */
export function fixup(r: Request): Answer<Status> {
  if (r.finfo.type === 'directory') return directory(r)
  return r.finfo.type === 'none' && r.handler === undefined ? fallback(r) : DECLINED
}

function directory(r: Request): Answer<Status> {
  const settings = r.dir(dir)
  r.handler ??= DIRECTORY_TYPE
  if (!r.uri.endsWith('/')) return settings.slash ? addSlash(r) : DECLINED
  if (r.handler === 'redirect-handler') return DECLINED
  if (settings.checkHandler && r.handler !== DIRECTORY_TYPE) return DECLINED
  if (r.pathInfo !== '') return DECLINED
  return serveIndex(r, settings.indexes, settings.indexRedirect)
}

function addSlash(r: Request): Status {
  if (r.method !== 'GET' && r.method !== 'HEAD' && r.env.has('redirect-carefully')) return DECLINED
  r.headersOut.set('Location', r.constructUrl(`${osEscapePath(r.uri)}/${query(r)}`))
  return 301
}

const query = (r: Request): string => r.args === undefined ? '' : `?${r.args}`

/** An index must be a plain file: a look-up may well succeed with a directory, or with a path after a file. */
const isServed = (found: Lookup): boolean =>
  found.status === 200 && (found.finfo.type === 'file' || found.handler === 'proxy-server')

function serveIndex(r: Request, names: readonly Name[], redirect: number): Answer<Status> {
  const tryFrom = (i: number, fault: Status): Answer<Status> => {
    if (i === names.length) return notFound(r, names, fault)
    return after(lookUp(r, names[i]!), (found) => {
      if (isServed(found)) return redirect === 0 ? become(r, found) : redirectTo(r, found, redirect)
      const { status } = found
      if (isRedirect(status) || ((status === 401 || status === 406) && names.length === 1)) return passOn(r, found)
      // A fault stands unless another name is there: an index that may not be read is no reason for a listing.
      return tryFrom(i + 1, status !== 200 && status !== 404 ? status : fault)
    })
  }
  return tryFrom(0, DECLINED)
}

function notFound(r: Request, names: readonly Name[], fault: Status): Status {
  // For whoever lists the directory, or says why not.
  if (fault === DECLINED) r.notes.set('dir-index-names', names.map(({ text }) => text).join(','))
  return fault
}

function fallback(r: Request): Answer<Status> {
  const name = r.dir(dir).fallback
  if (name === undefined) return DECLINED
  return after(lookUp(r, name), (found) => {
    if (isServed(found)) return become(r, found)
    return isRedirect(found.status) ? passOn(r, found) : DECLINED
  })
}

/** The request's query follows one of the name's own, as Apache puts it. */
function lookUp(r: Request, { path: name, args }: Name): Answer<Lookup> {
  const path = name.startsWith('/') ? name : r.uri.slice(0, r.uri.lastIndexOf('/') + 1) + name
  // What a <Location> says of the path that it leads to must hold.
  const query = args === undefined ? r.args : r.args === undefined ? args : `${args}?${r.args}`
  return r.subLookup(name.includes('..') ? tidyPath(path) : path, query)
}

function become(r: Request, found: Lookup): Status {
  r.fastRedirect(found)
  return OK
}

function redirectTo(r: Request, found: Lookup, status: Status): Status {
  r.headersOut.set('Location', r.constructUrl(osEscapePath(found.uri)))
  return status
}

function passOn(r: Request, found: Lookup): Status {
  for (const [name, value] of found.headersOut) r.headersOut.set(name, value)
  for (const [name, value] of found.errHeadersOut ?? []) r.errHeadersOut.set(name, value)
  return found.status
}

const REDIRECTS: Readonly<Record<string, number>> = { on: 302, off: 0, temp: 302, permanent: 301, seeother: 303 }

function indexRedirect(text: string): number {
  const named = REDIRECTS[text.toLowerCase()]
  if (named !== undefined) return named
  const status = /^\d{3}$/.test(text) ? Number(text) : 0
  if (!isRedirect(status)) {
    throw new ConfigError(
      "DirectoryIndexRedirect takes on, off, permanent, temp, seeother or a number that is a redirect's status")
  }
  return status
}

type Said = { indexes?: readonly Name[] }

/** Several lines in one place add up; `disabled` alone takes all of them back. */
function directoryIndex(said: Said, _command: Command, names: readonly string[]): void {
  for (const name of names) {
    if (name.toLowerCase() === 'disabled') said.indexes = []
    else said.indexes = [...(said.indexes ?? []), nameOf(name)]
  }
}

const INDEXES = allowedBy('Indexes')

export const module = {
  name: 'dir_module',
  file: 'mod_dir.c',
  settings: [dir],
  directives: [
    dir.directive('DirectoryIndex', [each(word)], directoryIndex, INDEXES, 'Names of index files, or disabled'),
    dir.directive('DirectorySlash', [flag], 'slash', allowedBy('FileInfo'),
      'Whether a directory without a slash at its end is redirected'),
    dir.directive('DirectoryCheckHandler', [flag], 'checkHandler', allowedBy('FileInfo'),
      'Whether a handler that was set for a directory is left alone'),
    dir.directive('DirectoryIndexRedirect', [word], (said, _, text) => {
      said.indexRedirect = indexRedirect(text)
    }, INDEXES, 'Whether to redirect to the index file, and with which status'),
    dir.directive('FallbackResource', [word], (said, _, path) => {
      said.fallback = path.toLowerCase() === 'disabled' ? undefined : nameOf(path)
    }, INDEXES, 'URL path that answers for what does not exist, or disabled'),
  ],
  register({ fixups }, on) {
    on(fixups, fixup, {
      order: Order.last,
      quick: true,
      when: (settings) => {
        const { indexes, slash, fallback } = settings.dir(dir)
        return indexes.length > 0 || slash || fallback !== undefined
      },
    })
  },
} satisfies Module
