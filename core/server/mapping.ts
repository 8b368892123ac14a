/** From URI to file: what the core does where no module has said otherwise. */
import type { HtaccessFault } from '../config/resolve.ts'
import { mergeUnder, parentDirectory, tidyPath } from '../base/path.ts'
import { OK, type Status } from '../hook/hook.ts'
import { Errno, type Stat } from '../port/port.ts'
import { dirCore, Opt, optionBits } from './core_settings.ts'
import { statusOfErrno, type FileEntry } from './file_cache.ts'
import type { RequestRec } from './request_rec.ts'

const NO_STAT: Stat = { mode: 0, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0, dev: 0, uid: 0 }
const S_IFMT = 0o170000, S_IFLNK = 0o120000

/** A segment `.` or `..`. */
const DOTS = /\/\.\.?(?:\/|$)/
const hasDots = (path: string): boolean => path.includes('/.') && DOTS.test(path)

/** Names at the end of a path that are looked for one by one. */
const NEAR = 8

/** The longest path that Apache puts together (APR_PATH_MAX). */
const MAX_PATH = 4096

/** translate_name: DocumentRoot and the path, without what ServerPath says of it. */
export function mapUri(r: RequestRec): Status {
  if (r.uri.charCodeAt(0) !== 0x2f && r.uri !== '*') return 400
  const { located, served } = r
  const remembers = located !== undefined && located.served === served && located.path === r.uri
  r.filename = remembers ? (located.filename ??= fileOf(r)) : fileOf(r)
  return r.filename === undefined ? cannotMap(r, 403) : OK
}

function cannotMap(r: RequestRec, status: Status): Status {
  r.log('error', 'core', `AH00127: Cannot map ${r.requestLine} to file`)
  return status
}

/** @returns undefined for what leads out of DocumentRoot: a module has put the path together, no client's says that */
function fileOf(r: RequestRec): string | undefined {
  const { documentRoot, settings } = r.served
  const path = settings.serverPath === undefined ? r.uri : behind(settings.serverPath, r.uri)
  if (hasDots(path) && mergeUnder(documentRoot, path.replace(/^\/+/, '')) === undefined)
    return undefined
  return r.uri === '*' ? `${documentRoot}/*` : documentRoot + (settings.mergeSlashes ? path : path.replace(/\/{2,}/g, '/'))
}

/** The path below a ServerPath: that names the host, no directory. */
function behind(serverPath: string, uri: string): string {
  const isBelow = uri.startsWith(serverPath) && (serverPath.endsWith('/') || /^(\/|$)/.test(uri.slice(serverPath.length)))
  return isBelow ? `/${uri.slice(serverPath.length).replace(/^\/+/, '')}` : uri
}

/** map_to_storage: the file, what of the path follows it, and the sections that hold for it. */
export function mapToStorage(r: RequestRec): Status {
  if (r.filename === undefined || r.uri === '*') return OK
  // What a module has put together must not lead around the sections of the directories that it leads through.
  if (hasDots(r.filename)) r.filename = tidyPath(r.filename)
  const entry = entryAt(r, r.filename)
  if (entry.result === 0) return settle(r, entry, r.filename)
  if (entry.result === -Errno.noent || entry.result === -Errno.notdir) return splitPath(r, entry)
  return cannotReach(r, entry.result)
}

function entryAt(r: RequestRec, path: string): FileEntry {
  const { files } = r.connection.engine
  const { located } = r
  if (located === undefined || located.filename !== path) return files.look(path)
  if (located.entry?.isKept === true) return files.lookAgain(located.entry)
  const entry = files.look(path)
  // Anybody can ask for any number of files that are not there.
  if (entry.result === 0) located.entry = entry
  return entry
}

/** Refuses with the first part of the path that cannot be looked at. @param result negative errno of the whole */
function cannotReach(r: RequestRec, result: number): Status {
  const path = r.filename!
  const status = statusOfErrno(result)
  if (result === -Errno.nametoolong && path.length >= MAX_PATH) return cannotMap(r, status)
  const part = firstUnreachable(r, path)
  if (result === -Errno.acces) {
    // As Apache, which comes to the .htaccess of a directory before it comes to what lies in it.
    const resolved = r.served.resolver.forFile(parentDirectory(part), r.uri)
    if ('fault' in resolved) return refused(r, resolved)
  }
  if (isLink(r, part)) return linkRefused(r, part)
  r.filename = part
  const { engine } = r.connection
  const about = { server: r.server, connection: r.connection, request: r, errno: -result }
  engine.log('error', 'core', result === -Errno.acces
    ? `AH00035: access to ${r.uri} denied (filesystem path '${part}') because search permissions are missing on a component of the path`
    : `AH00036: access to ${r.uri} failed (filesystem path '${part}')`, about)
  return status
}

function firstUnreachable(r: RequestRec, path: string): string {
  const { files } = r.connection.engine
  for (let end = path.indexOf('/', 1); end >= 0; end = path.indexOf('/', end + 1)) {
    const part = path.slice(0, end)
    if (files.look(part).result < 0) return part
  }
  return path
}

// A directory without its slash is one that a slash may yet be added to, and a name that <Files> may speak of.
function settle(r: RequestRec, entry: FileEntry, filename: string): Status {
  if (entry.type !== 'directory' || filename.endsWith('/')) return resolve(r, entry)
  return resolve(r, entry, `${filename}/`, r.served.resolver.forDirectory(filename, r.uri, entry))
}

function resolve(
  r: RequestRec, entry: FileEntry, path = r.filename!, resolved = r.served.resolver.forFile(path, r.uri, entry),
): Status {
  const { server } = r.served
  if ('fault' in resolved) return refused(r, resolved)
  r.finfo = entry
  r.resolved = resolved
  r.chains = r.connection.engine.chainsOf(server, resolved)
  return r.served.checksLinks ? checkLinks(r, path) : OK
}

function refused(r: RequestRec, { fault, first, errno, directory, level = 'alert', status = 500 }: HtaccessFault): Status {
  if (directory !== undefined) r.filename = directory
  if (status === 403) r.notes.set('error-notes', 'Server unable to read htaccess file, denying access to be safe')
  if (first !== undefined) r.log('error', 'core', first)
  const about = { server: r.server, connection: r.connection, request: r }
  r.connection.engine.log(level, 'core', fault, errno === undefined ? about : { ...about, errno })
  return status
}

// The longest front part of the path that exists; the rest is PATH_INFO (Apache's ap_directory_walk).
function splitPath(r: RequestRec, entry: FileEntry): Status {
  const { files } = r.connection.engine
  const full = r.filename!
  // Mostly a name in a directory that is there.
  const parent = parentOf(r, entry)
  if (parent?.type === 'directory') return absent(r, entry, full, '')
  let steps = 0
  for (let end = full.lastIndexOf('/', full.length - 1); end > 0; end = full.lastIndexOf('/', end - 1)) {
    // Clients choose how many names follow: far behind what is there nothing is looked for.
    if (++steps > NEAR) end = endOfWhatIsThere(r, full, end)
    if (end === 0) break
    const front = files.look(full.slice(0, end))
    if (front.result < 0) {
      if (front.result === -Errno.noent || front.result === -Errno.notdir) continue
      return cannotReach(r, front.result)
    }
    if (front.type === 'directory') return missing(r, full, end)
    r.filename = full.slice(0, end)
    r.pathInfo = full.slice(end)
    return resolve(r, front)
  }
  return missing(r, full, 0)
}

/** From the root on, the end of the last part that is there; 0: there is none. @param end of the longest one to look at */
function endOfWhatIsThere(r: RequestRec, full: string, end: number): number {
  const { files } = r.connection.engine
  let before = 0
  for (let at = full.indexOf('/', 1); at > 0 && at <= end; before = at, at = full.indexOf('/', at + 1)) {
    const front = files.look(full.slice(0, at))
    if (front.type === 'directory') continue
    // What is not there is missing in the directory before.
    return front.result === -Errno.noent ? before : at
  }
  return before
}

// Nothing there: the name ends with the first part that does not exist.
function missing(r: RequestRec, full: string, directoryEnd: number): Status {
  const nameEnd = full.indexOf('/', directoryEnd + 1)
  const name = nameEnd < 0 ? full : full.slice(0, nameEnd)
  return absent(r, r.connection.engine.files.look(name), name, nameEnd < 0 ? '' : full.slice(nameEnd))
}

function absent(r: RequestRec, entry: FileEntry, filename: string, pathInfo: string): Status {
  r.filename = filename
  r.pathInfo = pathInfo
  // No way to tell where the link would have led: that is refused, not missed.
  return r.connection.engine.files.isLink(entry) ? linkRefused(r, filename) : resolve(r, entry)
}

/** The directory of a path that does not end in a slash. */
function parentOf(r: RequestRec, entry: FileEntry): FileEntry | undefined {
  const { files } = r.connection.engine
  if (entry.parent !== undefined) return files.lookAgain(entry.parent)
  const end = entry.path.lastIndexOf('/')
  return end <= 0 || end === entry.path.length - 1 ? undefined : (entry.parent = files.look(entry.path.slice(0, end)))
}

function isLink(r: RequestRec, path: string): boolean {
  const { files } = r.connection.engine
  return files.isLink(files.look(path))
}

function linkRefused(r: RequestRec, path: string): Status {
  r.log('error', 'core', `AH00037: Symbolic link not allowed or link target not accessible: ${path}`)
  r.filename = path
  return 403
}

// Options without FollowSymLinks somewhere: each part of the path that such options hold for may not be a link.
function checkLinks(r: RequestRec, path: string): Status {
  const { resolver } = r.served
  const { files } = r.connection.engine
  const link = { ...NO_STAT }
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const part = end < 0 ? path : path.slice(0, end)
    const holds = resolver.forFile(parentDirectory(part), r.uri)
    if (!('fault' in holds)) {
      const options = optionBits(holds.vector.holds(dirCore).options)
      if (!(options & Opt.followSymLinks) && files.lookAtLink(part, link) === 0 && (link.mode & S_IFMT) === S_IFLNK &&
          !(options & Opt.symLinksIfOwnerMatch && link.uid === files.look(part).uid)) {
        return linkRefused(r, part)
      }
    }
    if (end < 0 || end === path.length - 1) return OK
  }
}
