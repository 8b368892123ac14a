/*
 * mod_asis: files that have their own headers in front, in a script's way, and are sent as they are. The headers `Date`
 * and `Server`, and how long the body is, remain the server's to say.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { DECLINED, fsPath, OK, type Answer, type Module, type Request, type Status } from 'httpd'
import { applyScriptHeaders, readScriptHeaders } from './shared/script/headers.ts'

/** Headers longer than this have no end. */
const MOST_HEAD = 64 * 1024

interface Start {
  readonly bytes: Buffer
  /** Of the whole file. */
  readonly size: number
}

/** The first bytes of a file. @throws Error of the system */
function startOf(path: string): Start {
  const fd = openSync(fsPath(path), 'r')
  try {
    const { size } = fstatSync(fd)
    const bytes = Buffer.allocUnsafe(Math.min(size, MOST_HEAD))
    return { size, bytes: bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0)) }
  } finally {
    closeSync(fd)
  }
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400

export function asisHandler(r: Request): Answer<Status> {
  if (r.method !== 'GET' && r.method !== 'HEAD') return DECLINED
  const { filename = '', finfo } = r
  if (finfo.type === 'none') {
    r.log('info', 'asis', `AH01233: File does not exist: ${filename}`)
    return 404
  }
  try {
    // Opening a pipe would wait for whoever writes to it.
    if (finfo.type === 'file') return send(r, startOf(filename), filename)
    r.log('error', 'asis', `AH01234: file permissions deny server access: ${filename}`)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    r.log('error', 'asis', `AH01234: file permissions deny server access: ${filename}`, error)
  }
  return 403
}

function send(r: Request, { bytes, size }: Start, filename: string): Answer<Status> {
  const headers = readScriptHeaders(bytes, filename)
  applyScriptHeaders(r, headers, 'asis')
  const location = r.headersOut.get('Location')
  if (location?.startsWith('/') && (r.status === 200 || isRedirect(r.status))) {
    r.status = 200
    return r.internalRedirectUri(location)
  }
  if (r.isHead || headers.fault !== undefined) return OK
  // What is in memory is sent from there: the file may have become another one.
  if (size <= MOST_HEAD) void r.write(bytes.subarray(headers.end))
  else r.sendFile(filename, headers.end, size - headers.end)
  return OK
}

export const module = {
  name: 'asis_module',
  file: 'mod_asis.c',
  // Not quick: it reads the file.
  register({ handler }, on) {
    on(handler, asisHandler, { handler: 'send-as-is' })
    on(handler, asisHandler, { handler: 'httpd/send-as-is' })
  },
} satisfies Module
