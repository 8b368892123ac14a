/** What a status other than success sends: an ErrorDocument, or the standard body. */
import { faultText } from '../base/fault_text.ts'
import { after, OK, HANDOVER, type Answer, type Status } from '../hook/hook.ts'
import { ERROR_CONTENT_TYPE, errorBody } from '../http/error_body.ts'
import { allowHeader } from '../http/methods.ts'
import { HEADER } from '../http/known_headers.ts'
import { closesConnection, isBodyless, knownStatus } from '../http/status.ts'
import { discardBody } from './body_discard.ts'
import { BodyError, BodyFault, limitBody } from './body_reader.ts'
import { dirCore, type ErrorDocument } from './core_settings.ts'
import { FieldBlock } from './header_table.ts'
import { signatureOf } from './page_signature.ts'
import { logFault, redirectAsWritten } from './pipeline.ts'
import type { RequestRec } from './request_rec.ts'

/** @param noteHtml HTML for the bodies that have room for a note. Neither throws nor rejects. */
export function fail(r: RequestRec, status: Status, noteHtml = noteFor(r, status)): Answer<Status> {
  try {
    const answer = mustReadBody(r, status) ? readThenRespond(r, status, noteHtml) : respond(r, status, noteHtml)
    return answer instanceof Promise ? answer.catch((error: unknown) => failAgain(r, error)) : answer
  } catch (error) {
    return failAgain(r, error)
  }
}

const noteFor = (r: RequestRec, status: Status): string =>
  status === 300 || status === 406 ? r.variantList : r.errorNotes

// As Apache: where the connection is to go on, what is wrong with a body counts before what is wrong with its request.
const mustReadBody = (r: RequestRec, status: Status): boolean =>
  r.hasBody && !r.refused && !r.framingInDoubt && !r.begun && r.prev === undefined && r.head.wantsKeepAlive() &&
  !closesConnection(status) && !(r.head.expectContinue && !r.continued)

function readThenRespond(r: RequestRec, status: Status, noteHtml: string): Answer<Status> {
  const go = (instead: Status): Answer<Status> =>
    instead === HANDOVER ? HANDOVER : instead === OK ? respond(r, status, noteHtml) : respond(r, instead, '')
  try {
    const tooLarge = limitBody(r)
    if (tooLarge !== undefined) return go(badBody(r, new BodyFault(tooLarge)))
    const read = discardBody(r)
    return read instanceof Promise ? read.catch((error: unknown) => badBody(r, error)).then(go) : go(read)
  } catch (error) {
    return go(badBody(r, error))
  }
}

// The status of a fault in the body, which ends the connection.
function badBody(r: RequestRec, error: unknown): Status {
  if (!(error instanceof BodyError)) throw error
  r.framingInDoubt = true
  if (error instanceof BodyFault) logFault(r, error.fault, 'http')
  return error.status
}

// A filter or a hook failed on the answer to an error: it leaves without them, or not at all.
function failAgain(r: RequestRec, error: unknown): Answer<Status> {
  r.log('error', 'core', `SY00098: fault in a module while ${r.uri} was answered with an error: ${faultText(error)}`)
  return unanswerable(r)
}

const leads = (status: Status): boolean => status === 201 || (status >= 300 && status < 400)

function respond(r: RequestRec, status: Status, noteHtml: string): Answer<Status> {
  // Of an answer that failed it says nothing of the error's.
  const location = (leads(status) ? r.headersOut.get('Location') : undefined) ?? (r.hasErrHeaders ? r.errHeadersOut.get('Location') : undefined)
  if (!r.reset(!r.refused)) {
    r.cutOff()
    return OK
  }
  const failed = failedBefore(r)
  if (failed !== undefined) return insteadOfDocument(r, failed, status)
  // Of one without a line of its own the client sees 500; the log, and what becomes of the connection, do not.
  r.status = status > 599 ? 500 : status
  if (!isBodyless(status)) {
    const document = r.dir(dirCore).errorDocuments[knownStatus(status)]
    if (document !== undefined && document.kind !== 'default' && !(r.refused && document.kind !== 'text'))
      return custom(r, document, noteHtml, location)
  }
  return standard(r, { noteHtml, location, additionally: undefined })
}

/** @param original the status whose ErrorDocument cannot be had @param fault why not: for the log alone */
function insteadOfDocument(r: RequestRec, original: Status, fault: Status): Answer<Status> {
  if (closesConnection(fault)) r.framingInDoubt = true
  r.status = original
  return after(standard(r, { noteHtml: '', location: undefined, additionally: original }), (sent) => {
    if (sent === OK) r.status = fault
    return sent
  })
}

function custom(
  r: RequestRec, { kind, value }: ErrorDocument, noteHtml: string, location: string | undefined,
): Answer<Status> {
  const instead = (): Answer<Status> => standard(r, { noteHtml, location, additionally: undefined })
  const use = (text: string): Answer<Status> =>
    kind === 'text' ? inWords(r, text, location) : elsewhere(r, kind === 'url', text, location)
  if (typeof value === 'string') return use(value)
  // What cannot begin anew elsewhere gets no text that takes long to make, nor one that has to be waited for.
  const handOver = (): Answer<Status> => r.refused ? instead() : HANDOVER
  if (r.refused && !value.sync) return instead()
  if (!value.quick && !r.connection.engine.mayBlock) return handOver()
  if (kind === 'text') r.contentType = ERROR_CONTENT_TYPE
  // A look-up that it was made with may have been none.
  const go = (text: string): Answer<Status> => r.mustHandOver ? handOver() : use(text)
  return value.resolve(r, 'core', go, (reason) => {
    r.log('error', 'core', `AH02841: core: ErrorDocument: can't evaluate require expression: ${reason}`)
    return instead()
  })
}

// The status whose ErrorDocument is being served just now, if this is one.
function failedBefore(r: RequestRec): number | undefined {
  const before = r.prev?.status
  return before !== undefined && before >= 300 ? before : undefined
}

function elsewhere(r: RequestRec, isUrl: boolean, target: string, location: string | undefined): Answer<Status> {
  // Whatever status the answer ends up with.
  if (closesConnection(r.status)) r.framingInDoubt = true
  if (isUrl) {
    r.status = 302
    r.errHeadersOut.unset('Allow')
    return standard(r, { noteHtml: '', location: target, additionally: undefined })
  }
  const status = r.status
  if (location !== undefined) r.errHeadersOut.set('Location', location)
  r.env.set('REQUEST_METHOD', r.method)
  if (r.errorNotes !== '') r.env.set('ERROR_NOTES', r.errorNotes)
  const answer = redirectAsWritten(r, target, (to) => {
    to.method = 'GET'
    to.status = status
  })
  const settle = (result: Status): Answer<Status> =>
    result === HANDOVER ? HANDOVER : result >= 100 ? standard(r, { noteHtml: '', location, additionally: result }) : OK
  return after(answer, settle)
}

function inWords(r: RequestRec, text: string, location: string | undefined): Answer<Status> {
  tellLocation(r, location)
  return send(r, Buffer.from(text, 'latin1'))
}

// As Apache, HEAD is not told how long the body would be, nor is anybody after a range that cannot be had.
function send(r: RequestRec, body: Uint8Array | undefined): Answer<Status> {
  const { insertErrorFilter } = r.chains
  const hook = r.connection.engine.hooks.insertErrorFilter
  if (body !== undefined) r.contentType = r.hasEnv && r.env.has('suppress-error-charset') ? 'text/html' : ERROR_CONTENT_TYPE
  const go = (): Answer<Status> => {
    if (r.mustHandOver && !r.refused) return HANDOVER
    if (body !== undefined && !r.isHead) r.addBytes(body)
    const inChunks = r.status === 416 && !r.refused && r.head.has(HEADER.RANGE)
    const ended = inChunks ? after(r.flush(), () => r.finish()) : r.finish()
    return ended === OK ? OK : after(ended, (status) => (status < 100 ? status : unanswerable(r)))
  }
  return insertErrorFilter.length === 0 || r.refused ? go() : after(hook.walk(insertErrorFilter, r), go)
}

// What was to be sent must not leave: its headers are gone, and so the plain page of a server error is sent.
function unanswerable(r: RequestRec): Answer<Status> {
  if (!r.reset(false)) {
    r.cutOff()
    return OK
  }
  r.status = 500
  r.contentType = ERROR_CONTENT_TYPE
  r.addBytes(bodyFor(r, { noteHtml: '', location: undefined, additionally: undefined }))
  return r.finish()
}

interface Details {
  readonly noteHtml: string
  readonly location: string | undefined
  readonly additionally: number | undefined
}

function standard(r: RequestRec, { noteHtml, location, additionally }: Details): Answer<Status> {
  const { serverSignature } = r.dir(dirCore)
  const target = tellLocation(r, location)
  if (r.status === 405 || r.status === 501) tellMethods(r)
  if (isBodyless(r.status)) return send(r, undefined)
  const plain = noteHtml === '' && additionally === undefined && serverSignature === 'off' && FIXED.has(r.status)
  if (!plain) return send(r, bodyFor(r, { noteHtml, location: target, additionally }))
  const { body, fields } = fixedPage(r.status)
  r.headersOut.share(fields)
  return send(r, body)
}

function tellMethods({ headersOut, errHeadersOut, served }: RequestRec): void {
  const allow = errHeadersOut.get('Allow') ?? allowHeader([], served.settings.traceEnable !== 'off')
  errHeadersOut.unset('Allow')
  headersOut.set('Allow', allow)
}

/** As it is: whoever made it has made it absolute, or not (RedirectRelative). @returns the value of the header */
function tellLocation(r: RequestRec, location: string | undefined): string | undefined {
  if (location === undefined) return undefined
  r.errHeadersOut.unset('Location')
  r.headersOut.set('Location', location)
  return location
}

/** Statuses whose body says nothing of the request or the server, unless there is a note or a signature. */
const FIXED = new Set([403, 404, 406, 408, 410, 412, 414, 415, 416])

interface FixedPage {
  readonly body: Uint8Array
  /** None: it is there for the head that is kept with it. */
  readonly fields: FieldBlock
}

const fixedPages = new Map<number, FixedPage>()

function fixedPage(status: number): FixedPage {
  let page = fixedPages.get(status)
  if (page === undefined) {
    page = { body: Buffer.from(errorBody({ status, method: '' }), 'latin1'), fields: new FieldBlock([]) }
    fixedPages.set(status, page)
  }
  return page
}

function bodyFor(r: RequestRec, { noteHtml, location, additionally }: Details): Uint8Array {
  return Buffer.from(errorBody({
    status: r.status, method: r.method, noteHtml, location, additionally, serverAdmin: r.served.settings.serverAdmin,
    expect: r.head.value(HEADER.EXPECT),
    signatureHtml: signatureOf(r),
  }), 'latin1')
}
