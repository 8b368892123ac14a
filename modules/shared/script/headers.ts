/*
 * Headers as a script, or a file in a script's stead, writes them: lines up to an empty one, `Status:` among them
 * (RFC 3875 section 6; Apache's ap_scan_script_header_err_core). Reading is pure; `apply` lets a request have what was read.
 */
import { baseName, httpDate, parseHttpDate, type Request } from 'httpd'

export interface ScriptHeaders {
  /** In the order written; of a line that goes on, the rest is a line of its own. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Bytes up to behind the empty line. */
  readonly end: number
  /** What is wrong with it, in Apache's words; the fields before it count. */
  readonly fault: string | undefined
}

/** A line that is longer is taken for two. */
const LONGEST_LINE = 8190
const LF = 0x0a

/** @param path for messages */
export function readScriptHeaders(bytes: Buffer, path: string): ScriptHeaders {
  const fields: (readonly [string, string])[] = []
  const name = baseName(path)
  const done = (end: number, fault?: string): ScriptHeaders => ({ fields, end, fault })
  for (let at = 0; at < bytes.length;) {
    const lf = bytes.subarray(at, at + LONGEST_LINE).indexOf(LF)
    const end = lf < 0 ? Math.min(at + LONGEST_LINE, bytes.length) : at + lf + 1
    const line = lineOf(bytes.toString('latin1', at, lf < 0 ? end : end - 1))
    at = end
    if (line === '') return done(at)
    const colon = line.indexOf(':')
    if (colon < 0) return done(bytes.length, `malformed header from script '${name}': Bad header: ${line.slice(0, 30)}`)
    fields.push([line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t\n\v\f\r]+/, '')])
  }
  const what = fields.length === 0 ? 'End of script output before headers' : 'Premature end of script headers'
  return done(bytes.length, `${what}: ${name}`)
}

/** Without a CR at its end, and what comes behind a NUL. */
function lineOf(text: string): string {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text
  const nul = line.indexOf('\0')
  return nul < 0 ? line : line.slice(0, nul)
}

/** Fields that say something of the body: they are not kept if an error takes its place. */
const OF_BODY = new Set(['location', 'content-range', 'etag'])

/** @param module whose name the log shows */
export function applyScriptHeaders(r: Request, { fields, fault }: ScriptHeaders, module: string): void {
  const cookies: string[] = []
  const others: (readonly [string, string])[] = []
  for (const field of fields) {
    const [name, value] = field
    const lower = name.toLowerCase()
    if (lower === 'set-cookie') cookies.push(value)
    else if (OF_BODY.has(lower)) r.headersOut.set(name, value)
    else if (!applyOwn(r, lower, value, module)) others.push(field)
  }
  // Of one that cannot be read to its end only this much counts, as in Apache.
  if (fault !== undefined) return r.log('error', module, fault)
  for (const [name, value] of others) r.errHeadersOut.merge(name, value)
  // Each is a line of its own; those that were there stay.
  for (const cookie of cookies) r.errHeadersOut.add('Set-Cookie', cookie)
}

/** Fields that a request has a place of its own for. @returns false: it is none */
function applyOwn(r: Request, lower: string, value: string, module: string): boolean {
  switch (lower) {
    case 'content-type':
      r.contentType = value.trimEnd().replace(/^[^;]*/, (type) => type.toLowerCase())
      return true
    case 'status':
      applyStatus(r, value, module)
      return true
    case 'content-length':
      // Where there is a body the server counts for itself.
      if (r.isHead && /^\d+$/.test(value)) r.headersOut.set('Content-Length', value)
      return true
    case 'last-modified': {
      const time = parseHttpDate(value)
      if (Number.isNaN(time)) r.log('info', module, `AH10247: Ignored invalid header value: Last-Modified: '${value}'`)
      else r.headersOut.set('Last-Modified', httpDate(Math.min(time, r.requestTime)))
      return true
    }
    default:
      return false
  }
}

const CONTROLS = /[\0-\x08\x0a-\x1f\x7f]/

function applyStatus(r: Request, value: string, module: string): void {
  const status = Number.parseInt(value, 10) || 0
  // What is only on the way to an answer is none.
  if (status < 200 || status > 599) {
    r.log('error', module, `Invalid status line from script '${baseName(r.filename ?? '')}': ${value.slice(0, 30)}`)
    r.status = 500
    return
  }
  r.status = status
  const words = /^\d{3} (.*)$/.exec(value)?.[1]
  r.statusText = words === undefined || CONTROLS.test(words) ? undefined : words
}
