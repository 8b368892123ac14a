/**
/**
 * The core's own handler: files by sendfile or from memory, with conditions;
 * OPTIONS; and what nobody else wanted (Apache's default_handler).
 */
import { httpDate } from '../base/dates.ts'
import { after, HANDOVER, OK, type Answer, type Status } from '../hook/hook.ts'
import { evaluate } from '../http/conditional.ts'
import { digestETag, fileETag, variantETag, type ETagParts } from '../http/etag.ts'
import { allowHeader, M_GET, M_INVALID, M_OPTIONS, M_POST } from '../http/methods.ts'
import { Errno } from '../port/port.ts'
import { discardBody } from './body_discard.ts'
import { dirCore, etagParts } from './core_settings.ts'
import type { FileEntry } from './file_cache.ts'
import { fileDigests } from './file_digest.ts'
import { entryOf, type RequestRec } from './request_rec.ts'

const ALLOWED = [M_GET, M_POST, M_OPTIONS]
/** Validators of a file that changed this recently (ms) may still change their form: they are made anew. */
const SETTLED = 2000

export function defaultHandler(r: RequestRec): Answer<Status> {
  const { methodNumber } = r
  if (methodNumber !== M_GET && methodNumber !== M_POST) return otherMethod(r, methodNumber)
  const entry = entryOf(r)
  if (entry === undefined) return missing(r, 'AH00128', `${r.filename ?? r.uri}${r.pathInfo}`)
  if (entry.type === 'directory') return directory(r)
  if (entry.type !== 'file') {
    r.log('error', 'core', `AH00034: Forbidden: ${r.filename ?? ''} doesn't point to a file or directory`)
    return 403
  }
  if (r.pathInfo !== '' && r.dir(dirCore).acceptPathInfo !== 'on') {
    return missing(r, 'AH00130', `${r.filename ?? ''}${r.pathInfo}`)
  }
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

function missing(r: RequestRec, number: string, path: string): Status {
  r.log('info', 'core', `${number}: File does not exist: ${path}`)
  return 404
}

/** The handler of directories that nobody has set another one for. */
const DIRECTORY_TYPE = 'httpd/unix-directory'

// As Apache with a mod_autoindex that may list nothing: that has GET, and directories without a handler of their own.
function directory(r: RequestRec): Status {
  if (r.methodNumber !== M_GET || (r.handler !== undefined && r.handler !== DIRECTORY_TYPE)) {
    r.log('info', 'core', `AH00129: Attempt to serve directory: ${r.filename ?? ''}`)
    return 404
  }
  // mod_dir notes what it looked for.
  const names = r.notes.get('dir-index-names') ?? 'none'
  r.log('error', 'autoindex', `AH01276: Cannot serve directory ${r.filename ?? ''}: No matching DirectoryIndex (${names}) found, and server-generated directory index forbidden by Options directive`)
  return 403
}

/** Header values of a file, kept with what is known of it until it changes. */
interface Rendered {
  readonly parts: readonly string[]
  readonly hasMd5: boolean
  readonly lastModified: string
  readonly etag: string | undefined
  readonly length: string
  /** Content-MD5, with ContentDigest. */
  readonly md5: string | undefined
}

/** @returns the values, or the status that stands in the way of them */
function render(r: RequestRec, entry: FileEntry): Rendered | Status {
  const { fileEtag: parts, contentDigest } = r.dir(dirCore)
  const kept = entry.rendered as Rendered | undefined
  if (kept !== undefined && kept.parts === parts && kept.hasMd5 === contentDigest) return kept
  const { digest, ...others } = partsOf(parts)
  const algorithms = [...(digest ? ['sha1'] : []), ...(contentDigest ? ['md5'] : [])]
  const digests = algorithms.length === 0 ? NO_DIGESTS : digestsOf(r, entry, algorithms)
  if (typeof digests === 'number') return digests
  const nowUs = r.requestTime * 1000
  const rendered: Rendered = {
    parts, hasMd5: contentDigest, md5: digests['md5'],
    lastModified: httpDate(Math.min(entry.mtimeMs, r.requestTime)),
    etag: digest ? digestETag(digests['sha1']!) : fileETag(others, entry.ino, entry.size, Math.floor(entry.mtimeMs * 1000), nowUs),
    length: String(entry.size),
  }
  if (r.requestTime - entry.mtimeMs > SETTLED) entry.rendered = rendered
  return rendered
}

const NO_DIGESTS: Readonly<Record<string, string>> = {}

function digestsOf(r: RequestRec, entry: FileEntry, algorithms: readonly string[]): Readonly<Record<string, string>> | Status {
  const { engine } = r.connection
  if (!engine.mayBlock) return HANDOVER
  const file = engine.files.open(entry)
  return typeof file === 'number' ? cannotOpen(r, -file) : fileDigests(engine.port, file.fd, algorithms)
}

const partsOf = (said: readonly string[]): ETagParts & { digest: boolean } => {
  const words = etagParts(said).map((word) => word.toLowerCase())
  const has = (word: string) => words.includes(word) || words.includes('all')
  return { inode: has('inode'), mtime: has('mtime'), size: has('size'), digest: has('digest') }
}

function serveFile(r: RequestRec, entry: FileEntry): Answer<Status> {
  // What is wrong with a body counts even where nobody wants it (Apache's ap_discard_request_body); an ErrorDocument
  // does not wait for one.
  if (r.hasBody && r.status < 300) return after(discardBody(r), (status) => (status === OK ? afterBody(r, entry) : status))
  const rendered = render(r, entry)
  return typeof rendered === 'number' ? rendered : sendFile(r, entry, rendered)
}

// The file may have become another one meanwhile.
function afterBody(r: RequestRec, { path }: FileEntry): Answer<Status> {
  r.finfo = r.connection.engine.files.look(path)
  return defaultHandler(r)
}

function sendFile(r: RequestRec, entry: FileEntry, { lastModified, etag: tag, length, md5 }: Rendered): Status {
  const { head, headersOut } = r
  const etag = tag !== undefined && r.variantListTag !== undefined ? variantETag(tag, r.variantListTag) : tag
  headersOut.put('Last-Modified', lastModified)
  if (etag !== undefined) headersOut.put('ETag', etag)
  headersOut.put('Accept-Ranges', r.dir(dirCore).maxRanges === 0 ? 'none' : 'bytes')
  const verdict = r.main !== undefined ? 'go' : evaluate({
    methodNumber: r.methodNumber, status: r.status, etag, mtimeMs: entry.mtimeMs, nowMs: r.requestTime,
  }, head)
  const { files } = r.connection.engine
  if (verdict !== 'go') {
    // What may not be read tells nothing of itself, not even whether it has changed.
    const readable = entry.content ?? files.open(entry)
    if (typeof readable === 'number') return cannotOpen(r, -readable)
    r.status = verdict
    // As Apache: HEAD learns how long the file is.
    if (verdict === 412 && r.isHead) addLength(r, length, md5)
    return OK
  }
  const content = files.content(entry, r.requestTime)
  if (content !== undefined) {
    addLength(r, length, md5)
    r.addBytes(content)
    return OK
  }
  const file = files.open(entry)
  if (typeof file === 'number') return cannotOpen(r, -file)
  addLength(r, length, md5)
  r.addFile(file, 0, entry.size)
  return OK
}

function addLength({ isHead, headersOut }: RequestRec, length: string, md5: string | undefined): void {
  // As Apache: to HEAD 0 may as well mean that the length is not known, so it is not told.
  if (!isHead || length !== '0') headersOut.put('Content-Length', length)
  if (md5 !== undefined) headersOut.put('Content-MD5', md5)
}

function cannotOpen(r: RequestRec, errno: number): Status {
  if (errno === Errno.mfile || errno === Errno.nfile) {
    r.log('error', 'core', `AH00132: (${errno}) cannot open ${r.filename ?? ''}: too many open files`)
    return 503
  }
  r.log('error', 'core', `AH00132: file permissions deny server access: ${r.filename ?? ''}`)
  return 403
}
