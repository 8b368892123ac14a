/** What a status other than success sends: an ErrorDocument, or the standard body. */
import { osEscapePath } from '../base/escape.ts'
import { after, OK, HANDOVER, type Answer, type Status } from '../hook/hook.ts'
import { ERROR_CONTENT_TYPE, errorBody, signature } from '../http/error_body.ts'
import { HEADER } from '../http/known_headers.ts'
import { isBodyless, knownStatus } from '../http/status.ts'
import { dirCore, type ErrorDocument } from './core_settings.ts'
import { redirectInternally } from './pipeline.ts'
import type { RequestRec } from './request_rec.ts'

/** @param noteHtml HTML for the bodies that have room for a note */
export function fail(r: RequestRec, status: Status, noteHtml = ''): Answer<Status> {
  const location = r.headersOut.get('Location') ?? r.errHeadersOut.get('Location')
  if (!r.reset()) {
    r.cutOff()
    return OK
  }
  const failed = failedBefore(r)
  r.status = knownStatus(failed ?? status)
  if (failed === undefined && !isBodyless(r.status)) {
    const document = r.dir(dirCore).errorDocuments[r.status]
    if (document !== undefined && document.kind !== 'default' && !(r.refused && document.kind !== 'text'))
      return custom(r, document, noteHtml, location)
  }
  return standard(r, { noteHtml, location, additionally: failed === undefined ? undefined : status })
}

function custom(
  r: RequestRec, { kind, value }: ErrorDocument, noteHtml: string, location: string | undefined,
): Answer<Status> {
  const send = (text: string): Answer<Status> =>
    kind === 'text' ? inWords(r, text) : elsewhere(r, kind === 'url', text, location)
  if (typeof value === 'string') return send(value)
  return value.resolve(r, 'core', send, (reason) => {
    r.log('error', 'core', `AH02841: core: ErrorDocument: can't evaluate require expression: ${reason}`)
    return standard(r, { noteHtml, location, additionally: undefined })
  })
}

// The status whose ErrorDocument is being served just now, if this is one.
function failedBefore(r: RequestRec): number | undefined {
  const before = r.prev?.status
  return before !== undefined && before >= 300 ? before : undefined
}

function elsewhere(r: RequestRec, isUrl: boolean, target: string, location: string | undefined): Answer<Status> {
  if (isUrl) {
    r.status = 302
    return standard(r, { noteHtml: '', location: target, additionally: undefined })
  }
  const status = r.status
  if (location !== undefined) r.errHeadersOut.set('Location', location)
  const answer = redirectInternally(r, target, (to) => {
    to.method = 'GET'
    to.status = status
    to.env.set('REDIRECT_STATUS', String(status)).set('REDIRECT_URL', r.uri)
    if (r.args !== undefined) to.env.set('REDIRECT_QUERY_STRING', r.args)
    for (const [name, value] of r.errHeadersOut) to.errHeadersOut.add(name, value)
  })
  const settle = (result: Status): Answer<Status> =>
    result === HANDOVER ? HANDOVER : result >= 100 ? standard(r, { noteHtml: '', location, additionally: result }) : OK
  return after(answer, settle)
}

function inWords(r: RequestRec, text: string): Status {
  r.contentType = ERROR_CONTENT_TYPE
  r.addBytes(Buffer.from(text, 'latin1'))
  r.finish()
  return OK
}

interface Details {
  readonly noteHtml: string
  readonly location: string | undefined
  readonly additionally: number | undefined
}

function standard(r: RequestRec, { noteHtml, location, additionally }: Details): Status {
  const { serverSignature } = r.dir(dirCore)
  const target = location?.startsWith('/') ? r.constructUrl(osEscapePath(location)) : location
  if (target !== undefined) {
    r.errHeadersOut.unset('Location')
    r.headersOut.set('Location', target)
  }
  if (!isBodyless(r.status)) {
    r.contentType = ERROR_CONTENT_TYPE
    const plain = noteHtml === '' && additionally === undefined && serverSignature === 'off' && FIXED.has(r.status)
    r.addBytes(plain ? fixedBody(r.status) : bodyFor(r, { noteHtml, location: target, additionally }))
  }
  r.finish()
  return OK
}

/** Statuses whose body says nothing of the request or the server, unless there is a note or a signature. */
const FIXED = new Set([403, 404, 406, 408, 410, 412, 414, 415, 416])
const fixedBodies = new Map<number, Uint8Array>()

function fixedBody(status: number): Uint8Array {
  let body = fixedBodies.get(status)
  if (body === undefined) fixedBodies.set(status, body = Buffer.from(errorBody({ status, method: '' }), 'latin1'))
  return body
}

function bodyFor(r: RequestRec, { noteHtml, location, additionally }: Details): Uint8Array {
  const { served, connection } = r
  const { serverSignature } = r.dir(dirCore)
  const admin = served.settings.serverAdmin
  const name = served.settings.serverName ?? r.hostname ?? connection.localIp
  return Buffer.from(errorBody({
    status: r.status, method: r.method, noteHtml, location, additionally, serverAdmin: admin,
    expect: r.head.value(HEADER.EXPECT), upgrade: r.errHeadersOut.get('Upgrade'),
    signatureHtml: serverSignature === 'off' ? '' : signature(serverSignature === 'email' ? 'EMail' : 'On',
      connection.engine.serverTokens, name, connection.localPort, admin),
  }), 'latin1')
}
