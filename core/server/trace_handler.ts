/** TRACE: the request as it was received (RFC 9110 section 9.3.8), with its body under TraceEnable extended. */
import { after, DONE, OK, type Answer, type Status } from '../hook/hook.ts'
import { mergedFields } from '../http/edited_fields.ts'
import { allowHeader } from '../http/methods.ts'
import type { RequestRec } from './request_rec.ts'

/** Largest body that is echoed. */
const MOST = 65_536

/** @param openBody makes the body readable, or answers why it is refused */
export function traceHandler(r: RequestRec, openBody: (r: RequestRec) => Status): Answer<Status> {
  const { traceEnable } = r.served.settings
  if (traceEnable === 'off') {
    r.errHeadersOut.set('Allow', allowHeader([], false))
    return 405
  }
  if (!r.head.hasBody()) return echo(r, [])
  if (traceEnable !== 'extended') return refuse(r, `AH01595: TRACE with body is not allowed for ${r.uri}`)
  if (r.head.contentLength > MOST) return tooLarge(r)
  const status = openBody(r)
  return status === OK ? after(wholeBody(r), (pieces) => (pieces === undefined ? tooLarge(r) : echo(r, pieces))) : status
}

function refuse(r: RequestRec, message: string): Status {
  r.framingInDoubt = true
  r.log('info', 'http', message)
  return 413
}

const tooLarge = (r: RequestRec): Status =>
  refuse(r, 'AH01587: Extended TRACE request bodies cannot exceed 64k')

/** Undefined: it is too large. */
async function wholeBody(r: RequestRec): Promise<readonly Uint8Array[] | undefined> {
  const pieces: Uint8Array[] = []
  let total = 0
  for (let piece = await r.read(); piece !== null; piece = await r.read()) {
    total += piece.length
    if (total > MOST) return undefined
    pieces.push(piece)
  }
  return pieces
}

// As Apache, without a length.
function echo(r: RequestRec, body: readonly Uint8Array[]): Answer<Status> {
  let text = `${r.requestLine}\r\n`
  for (const [name, value] of mergedFields(r.head.fields())) text += `${name}: ${value}\r\n`
  r.contentType = 'message/http'
  r.addBytes(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), ...body]))
  return after(r.flush(), () => DONE)
}
