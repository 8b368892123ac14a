/** What a status other than success sends: an ErrorDocument, or the standard body. */
import { osEscapePath } from '../base/escape.ts'
import { after, OK, HANDOVER, type Answer, type Status } from '../hook/hook.ts'
import { ERROR_CONTENT_TYPE, errorBody, signature } from '../http/error_body.ts'
import { HEADER } from '../http/known_headers.ts'
import { closesConnection, isBodyless, knownStatus } from '../http/status.ts'
import { dirCore, type ErrorDocument } from './core_settings.ts'
import { redirectInternally } from './pipeline.ts'
import type { RequestRec } from './request_rec.ts'
import { selfName, selfPort } from './self_url.ts'

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
    if (document?.kind === 'text') return inWords(r, document.value)
    if (!r.refused && (document?.kind === 'path' || document?.kind === 'url')) return elsewhere(r, document, location)
  }
  return standard(r, { noteHtml, location, additionally: failed === undefined ? undefined : status })
}

// The status whose ErrorDocument is being served just now, if this is one.
function failedBefore(r: RequestRec): number | undefined {
  const before = r.prev?.status
  return before !== undefined && before >= 300 ? before : undefined
}

function elsewhere(r: RequestRec, document: ErrorDocument, location: string | undefined): Answer<Status> {
  // Whatever status the answer ends up with.
  if (closesConnection(r.status)) r.framingInDoubt = true
  if (document.kind === 'url') {
    r.status = 302
    r.errHeadersOut.unset('Allow')
    return standard(r, { noteHtml: '', location: document.value, additionally: undefined })
  }
  const status = r.status
  if (location !== undefined) r.errHeadersOut.set('Location', location)
  const answer = redirectInternally(r, document.value, (to) => {
    to.method = 'GET'
    to.status = status
    for (const [name, value] of r.errHeadersOut) to.errHeadersOut.add(name, value)
  })
  const settle = (result: Status): Answer<Status> =>
    result === HANDOVER ? HANDOVER : result >= 100 ? standard(r, { noteHtml: '', location, additionally: result }) : OK
  return after(answer, settle)
}

function inWords(r: RequestRec, text: string): Status {
  r.contentType = ERROR_CONTENT_TYPE
  r.addBytes(Buffer.from(text))
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
  return Buffer.from(errorBody({
    status: r.status, method: r.method, noteHtml, location, additionally, serverAdmin: admin,
    expect: r.head.value(HEADER.EXPECT), upgrade: r.errHeadersOut.get('Upgrade'),
    signatureHtml: serverSignature === 'off' ? '' : signature(serverSignature === 'email' ? 'EMail' : 'On',
      connection.engine.serverTokens, selfName(r), selfPort(r), admin),
  }), 'latin1')
}
