/**
 * The core's own handler: files by sendfile or from memory, with conditions;
 * OPTIONS and TRACE; and what nobody else wanted (Apache's default_handler).
 */
import { httpDate } from '../base/dates.ts'
import { OK, DONE, type Status } from '../hook/hook.ts'
import { evaluate } from '../http/conditional.ts'
import { fileETag, type ETagParts } from '../http/etag.ts'
import { allowHeader, M_GET, M_INVALID, M_OPTIONS, M_POST } from '../http/methods.ts'
import { Errno } from '../port/port.ts'
import { dirCore, etagParts } from './core_settings.ts'
import type { FileEntry } from './file_cache.ts'
import { entryOf, type RequestRec } from './request_rec.ts'

const ALLOWED = [M_GET, M_POST, M_OPTIONS]
/** Validators of a file that changed this recently (ms) may still change their form: they are made anew. */
const SETTLED = 2000

export function defaultHandler(r: RequestRec): Status {
  const { methodNumber } = r.head
  if (methodNumber !== M_GET && methodNumber !== M_POST) return otherMethod(r, methodNumber)
  const entry = entryOf(r)
  if (entry === undefined) return missing(r, r.filename ?? r.uri)
  if (entry.type === 'directory') return directory(r)
  if (entry.type !== 'file') {
    r.log('error', 'core', `AH00034: Forbidden: ${r.filename ?? ''} doesn't point to a file or directory`)
    return 403
  }
  if (r.pathInfo !== '' && r.dir(dirCore).acceptPathInfo !== 'on') return missing(r, `${r.filename ?? ''}${r.pathInfo}`)
  return serveFile(r, entry)
}

function otherMethod(r: RequestRec, methodNumber: number): Status {
  const allow = allowHeader(ALLOWED, r.served.settings.traceEnable !== 'off')
  if (methodNumber === M_OPTIONS) {
    if (r.uri !== '*') r.headersOut.set('Allow', allow)
    return OK
  }
  r.errHeadersOut.set('Allow', allow)
  if (methodNumber !== M_INVALID) return 405
  r.log('error', 'core', `AH00135: Invalid method in request ${r.requestLine}`)
  return 501
}

function missing(r: RequestRec, path: string): Status {
  r.log('info', 'core', `AH00128: File does not exist: ${path}`)
  return 404
}

function directory(r: RequestRec): Status {
  // mod_dir notes what it looked for.
  const names = r.notes.get('dir-index-names') ?? 'none'
  r.log('error', 'autoindex', `AH01276: Cannot serve directory ${r.filename ?? ''}: No matching DirectoryIndex (${names}) found, and server-generated directory index forbidden by Options directive`)
  return 403
}

/** Header values of a file, kept with what is known of it until it changes. */
interface Rendered {
  readonly parts: readonly string[]
  readonly lastModified: string
  readonly etag: string | undefined
  readonly length: string
}

function render(r: RequestRec, entry: FileEntry): Rendered {
  const parts = r.dir(dirCore).fileEtag
  const kept = entry.rendered as Rendered | undefined
  if (kept !== undefined && kept.parts === parts) return kept
  const rendered: Rendered = {
    parts,
    lastModified: httpDate(Math.min(entry.mtimeMs, r.requestTime)),
    etag: fileETag(partsOf(parts), entry.ino, entry.size, Math.floor(entry.mtimeMs * 1000), r.requestTime * 1000),
    length: String(entry.size),
  }
  if (r.requestTime - entry.mtimeMs > SETTLED) entry.rendered = rendered
  return rendered
}

const partsOf = (said: readonly string[]): ETagParts => {
  const words = etagParts(said).map((word) => word.toLowerCase())
  const has = (word: string) => words.includes(word) || words.includes('all')
  return { inode: has('inode'), mtime: has('mtime'), size: has('size') }
}

function serveFile(r: RequestRec, entry: FileEntry): Status {
  const { lastModified, etag, length } = render(r, entry)
  const { head, headersOut } = r
  headersOut.add('Last-Modified', lastModified)
  if (etag !== undefined) headersOut.add('ETag', etag)
  headersOut.add('Accept-Ranges', r.dir(dirCore).maxRanges === 0 ? 'none' : 'bytes')
  const verdict = r.main !== undefined ? 'go' : evaluate({
    methodNumber: head.methodNumber, status: r.status, etag, mtimeMs: entry.mtimeMs, nowMs: r.requestTime,
  }, head)
  if (verdict !== 'go') {
    r.status = verdict
    return OK
  }
  headersOut.add('Content-Length', length)
  const { files } = r.connection.engine
  const content = files.content(entry, r.requestTime)
  if (content !== undefined) {
    r.addBytes(content)
    return OK
  }
  const file = files.open(entry)
  if (typeof file === 'number') return cannotOpen(r, -file)
  r.addFile(file, 0, entry.size)
  return OK
}

function cannotOpen(r: RequestRec, errno: number): Status {
  if (errno === Errno.mfile || errno === Errno.nfile) {
    r.log('error', 'core', `AH00132: (${errno}) cannot open ${r.filename ?? ''}: too many open files`)
    return 503
  }
  r.log('error', 'core', `AH00132: file permissions deny server access: ${r.filename ?? ''}`)
  return 403
}

/** TRACE: the request as it was received (RFC 9110 section 9.3.8). */
export function traceHandler(r: RequestRec): Status {
  const { traceEnable } = r.served.settings
  const { head } = r
  if (traceEnable === 'off') {
    r.errHeadersOut.set('Allow', allowHeader(ALLOWED, false))
    return 405
  }
  if (head.hasBody() && (traceEnable !== 'extended' || head.chunked || head.contentLength > 65536)) {
    r.framingInDoubt = true
    r.log('error', 'core', 'AH00572: TRACE with request body is not allowed')
    return 413
  }
  let text = `${r.requestLine}\r\n`
  for (const [name, value] of head.fields()) text += `${name}: ${value}\r\n`
  r.contentType = 'message/http'
  r.addBytes(Buffer.from(`${text}\r\n`, 'latin1'))
  return DONE
}
