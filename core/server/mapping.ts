/** From URI to file: what the core does where no module has said otherwise. */
import type { HtaccessFault } from '../config/resolve.ts'
import { OK, type Status } from '../hook/hook.ts'
import { Errno, type Stat } from '../port/port.ts'
import { dirCore, Opt, optionBits } from './core_settings.ts'
import { statusOfErrno, type FileEntry } from './file_cache.ts'
import type { RequestRec } from './request_rec.ts'

const S_IFMT = 0o170000, S_IFLNK = 0o120000

/** translate_name: DocumentRoot and the path. */
export function mapUri(r: RequestRec): Status {
  if (r.uri.charCodeAt(0) !== 0x2f) return r.uri === '*' ? OK : 400
  r.filename = r.served.documentRoot + r.uri
  return OK
}

/** map_to_storage: the file, what of the path follows it, and the sections that hold for it. */
export function mapToStorage(r: RequestRec): Status {
  if (r.filename === undefined) return OK
  const { files } = r.connection.engine
  const entry = files.look(r.filename)
  if (entry.result === 0) {
    if (entry.type !== 'file') return settle(r, entry, r.filename)
    return resolve(r, entry)
  }
  if (entry.result === -Errno.noent || entry.result === -Errno.notdir) return splitPath(r)
  const status = statusOfErrno(entry.result)
  const text = entry.result === -Errno.acces ? 'AH00035: access to' : 'AH00036: access to'
  r.log('error', 'core', `(${-entry.result}) ${text} ${r.uri} failed (filesystem path '${r.filename}')`)
  return status
}

function settle(r: RequestRec, entry: FileEntry, filename: string): Status {
  const directory = entry.type === 'directory' && !filename.endsWith('/') ? `${filename}/` : filename
  return resolve(r, entry, directory)
}

function resolve(r: RequestRec, entry: FileEntry, path = r.filename!): Status {
  const { resolver, server } = r.served
  const resolved = resolver.forFile(path, r.uri)
  if ('fault' in resolved) {
    return refused(r, resolved)
  }
  r.finfo = entry
  r.resolved = resolved
  r.chains = r.connection.engine.chainsOf(server, resolved)
  return r.served.checksLinks ? checkLinks(r, path) : OK
}

function refused(r: RequestRec, { fault, first, errno, level = 'alert', status = 500 }: HtaccessFault): Status {
  if (first !== undefined) r.log('error', 'core', first)
  const about = { server: r.server, connection: r.connection, request: r }
  r.connection.engine.log(level, 'core', fault, errno === undefined ? about : { ...about, errno })
  return status
}

// The longest front part of the path that exists; the rest is PATH_INFO (Apache's ap_directory_walk).
function splitPath(r: RequestRec): Status {
  const { files } = r.connection.engine
  const full = r.filename!
  for (let end = full.lastIndexOf('/', full.length - 1); end > 0; end = full.lastIndexOf('/', end - 1)) {
    const front = files.look(full.slice(0, end))
    if (front.result < 0) {
      if (front.result === -Errno.noent || front.result === -Errno.notdir) continue
      return statusOfErrno(front.result)
    }
    if (front.type === 'directory') return missing(r, full, end)
    r.filename = full.slice(0, end)
    r.pathInfo = full.slice(end)
    return resolve(r, front)
  }
  return missing(r, full, 0)
}

// Nothing there: the name ends with the first part that does not exist.
function missing(r: RequestRec, full: string, directoryEnd: number): Status {
  const nameEnd = full.indexOf('/', directoryEnd + 1)
  r.filename = nameEnd < 0 ? full : full.slice(0, nameEnd)
  r.pathInfo = nameEnd < 0 ? '' : full.slice(nameEnd)
  return resolve(r, r.connection.engine.files.look(r.filename))
}

// Options without FollowSymLinks somewhere: each part of the path that such options hold for may not be a link.
function checkLinks(r: RequestRec, path: string): Status {
  const { resolver } = r.served
  const { files } = r.connection.engine
  const link: Stat = { mode: 0, size: 0, mtimeMs: 0, ctimeMs: 0, ino: 0, dev: 0, uid: 0 }
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const part = end < 0 ? path : path.slice(0, end)
    const holds = resolver.forFile(part.slice(0, part.lastIndexOf('/') + 1), r.uri)
    if (!('fault' in holds)) {
      const options = optionBits(holds.vector.holds(dirCore).options)
      if (!(options & Opt.followSymLinks) && files.lookAtLink(part, link) === 0 && (link.mode & S_IFMT) === S_IFLNK &&
          !(options & Opt.symLinksIfOwnerMatch && link.uid === files.look(part).uid)) {
        r.log('error', 'core', `AH00037: Symbolic link not allowed or link target not accessible: ${part}`)
        return 403
      }
    }
    if (end < 0 || end === path.length - 1) return OK
  }
}
