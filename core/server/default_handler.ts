/**
/**
 * The core's own handler: files by sendfile or from memory, with conditions;
 * OPTIONS; and what nobody else wanted (Apache's default_handler).
 */
import { httpDate } from '../base/dates.ts'
import { after, HANDOVER, OK, type Answer, type Status } from '../hook/hook.ts'
import { evaluate } from '../http/conditional.ts'
import { digestETag, variantETag } from '../http/etag.ts'
import { allowHeader, M_GET, M_INVALID, M_OPTIONS, M_POST } from '../http/methods.ts'
import { Errno } from '../port/port.ts'
import { discardBody } from './body_discard.ts'
import { dirCore } from './core_settings.ts'
import type { FileEntry, OpenFile } from './file_cache.ts'
import { chosenParts, etagWith } from './file_etag.ts'
import { digestsOfBytes, fileDigests } from './file_digest.ts'
import { FieldBlock } from './header_table.ts'
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

/** Header fields of a file, kept with what is known of it until it changes. */
class Rendered {
  /** What they depend on besides the file. */
  readonly parts: readonly string[]
  readonly hasMd5: boolean
  readonly acceptRanges: string
  readonly etag: string | undefined
  readonly #lastModified: string
  readonly #size: number
  readonly #md5: string | undefined
  #validators: FieldBlock | undefined
  #whole: FieldBlock | undefined

  constructor(
    of: { readonly parts: readonly string[]; readonly hasMd5: boolean; readonly acceptRanges: string },
    lastModified: string, etag: string | undefined, size: number, md5: string | undefined,
  ) {
    this.parts = of.parts
    this.hasMd5 = of.hasMd5
    this.acceptRanges = of.acceptRanges
    this.etag = etag
    this.#lastModified = lastModified
    this.#size = size
    this.#md5 = md5
  }

  /** For whoever has the file already. */
  get validators(): FieldBlock {
    return (this.#validators ??= new FieldBlock(this.#fields()))
  }

  /** With the body's length and, with ContentDigest, Content-MD5. */
  whole(isHead: boolean): FieldBlock {
    // As Apache: to HEAD 0 may as well mean that the length is not known, so it is not told.
    if (isHead && this.#size === 0)
      return this.#md5 === undefined ? this.validators : new FieldBlock([...this.#fields(), ['Content-MD5', this.#md5]])
    return (this.#whole ??= new FieldBlock([...this.#fields(), ['Content-Length', String(this.#size)], ...optional('Content-MD5', this.#md5)]))
  }

  /** The same for a file that was chosen from a list of variants. */
  asVariant(listTag: string): Rendered {
    return new Rendered(this, this.#lastModified, this.etag && variantETag(this.etag, listTag), this.#size, this.#md5)
  }

  /** The same for a response that is not the file. */
  withoutETag(): Rendered {
    return new Rendered(this, this.#lastModified, undefined, this.#size, this.#md5)
  }

  #fields(): Field[] {
    return [['Last-Modified', this.#lastModified], ...optional('ETag', this.etag), ['Accept-Ranges', this.acceptRanges]]
  }
}

/** What is sent: a small file's content, or the open file. */
type Source = Uint8Array | OpenFile

type Field = readonly [name: string, value: string]

const optional = (name: string, value: string | undefined): Field[] => value === undefined ? [] : [[name, value]]

/** @returns the fields, or the status that stands in the way of them */
function render(r: RequestRec, entry: FileEntry, source: Source): Rendered | Status {
  const { fileEtag: parts, contentDigest, maxRanges } = r.dir(dirCore)
  const acceptRanges = maxRanges === 0 ? 'none' : 'bytes'
  const kept = entry.rendered as Rendered | undefined
  if (kept !== undefined && kept.parts === parts && kept.hasMd5 === contentDigest && kept.acceptRanges === acceptRanges) return kept
  const { digest, ...others } = chosenParts(parts)
  const algorithms = [...(digest ? ['sha1'] : []), ...(contentDigest ? ['md5'] : [])]
  const digests = algorithms.length === 0 ? NO_DIGESTS : digestsOf(r, source, algorithms)
  if (typeof digests === 'number') return digests
  const etag = digest ? digestETag(digests['sha1']!) : etagWith(others, entry, r.requestTime)
  const lastModified = httpDate(Math.min(entry.mtimeMs, r.requestTime))
  const rendered = new Rendered({ parts, hasMd5: contentDigest, acceptRanges }, lastModified, etag, entry.size, digests['md5'])
  if (r.requestTime - entry.mtimeMs > SETTLED) entry.rendered = rendered
  return rendered
}

const NO_DIGESTS: Readonly<Record<string, string>> = {}

// Of what is sent, not of what the name leads to by now.
function digestsOf(r: RequestRec, source: Source, algorithms: readonly string[]): Readonly<Record<string, string>> | Status {
  const { engine } = r.connection
  if (!engine.mayBlock) return HANDOVER
  return source instanceof Uint8Array ? digestsOfBytes(source, algorithms) : fileDigests(engine.port, source.fd, algorithms)
}

function serveFile(r: RequestRec, entry: FileEntry): Answer<Status> {
  // What is wrong with a body counts even where nobody wants it (Apache's ap_discard_request_body); an ErrorDocument
  // does not wait for one.
  if (r.hasBody && r.status < 300) return after(discardBody(r), (status) => (status === OK ? afterBody(r, entry) : status))
  // First of all: what may not be read tells nothing of itself, not even whether it has changed; and the headers are
  // those of what is sent, should another file have come to this place just now.
  const source = r.connection.engine.files.source(entry, r.requestTime)
  if (typeof source === 'number') return cannotOpen(r, -source)
  const rendered = render(r, entry, source)
  if (typeof rendered === 'number') return rendered
  if (r.noETag) return sendFile(r, entry, source, rendered.withoutETag())
  return sendFile(r, entry, source, r.variantListTag === undefined ? rendered : rendered.asVariant(r.variantListTag))
}

// The file may have become another one meanwhile.
function afterBody(r: RequestRec, { path }: FileEntry): Answer<Status> {
  r.finfo = r.connection.engine.files.look(path)
  return defaultHandler(r)
}

function sendFile(r: RequestRec, entry: FileEntry, source: Source, rendered: Rendered): Status {
  const { headersOut } = r
  const verdict = r.main !== undefined || r.noLocalCopy ? 'go' : evaluate({
    methodNumber: r.methodNumber, status: r.status, etag: rendered.etag, mtimeMs: entry.mtimeMs, nowMs: r.requestTime,
  }, r.head)
  if (verdict !== 'go') {
    r.status = verdict
    // As Apache: HEAD learns how long the file is.
    headersOut.share(verdict === 412 && r.isHead ? rendered.whole(true) : rendered.validators)
    return OK
  }
  headersOut.share(rendered.whole(r.isHead))
  if (source instanceof Uint8Array) r.addBytes(source)
  else r.addFile(source, 0, entry.size)
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
