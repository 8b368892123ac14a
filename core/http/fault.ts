// What is wrong with a request: the answer's status, the log's words, and the note of the error body.
//
// One rule: a fault is a value. Parsers return it, the server logs `message` with `aplogno` at `level` and answers
// `status`; nothing here throws.

export interface HttpFault {
  /** The status to answer. */
  readonly status: number
  /** For the error log, raw: the log escapes it. Empty when Apache logs nothing either. */
  readonly message: string
  /** `AH03447`, or empty. */
  readonly aplogno: string
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** For the error body of a 400; the empty string when the body has none. */
  readonly note: string
}

/** Pieces of a request quoted in messages are cut here, as Apache cuts them (in bytes). */
const QUOTE_MAX = 64

/** Bytes [start, end) for a message, at most 64 of them. */
export function quoted(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, Math.min(end, start + QUOTE_MAX))
}

/** A malformed request: 400, logged at debug because anybody can cause it. */
export function badRequest(aplogno: string, message: string): HttpFault {
  return { status: 400, message, aplogno, level: 'debug', note: '' }
}

/** A refusal that an administrator's limit caused: logged at info, with a note for the client. */
export function overLimit(status: number, aplogno: string, message: string, note: string): HttpFault {
  return { status, message, aplogno, level: 'info', note }
}
