// The bodies of errors and redirects, in the words that Apache's users know.
//
// One rule: whatever came from outside (method, URL, notes, header values) is escaped here. Notes that modules make are
// HTML already and say so by their name.

import { escapeHtml } from '../base/escape.ts'
import { knownStatus, reasonPhrase, statusLine } from './status.ts'

export const ERROR_CONTENT_TYPE = 'text/html; charset=iso-8859-1'

export interface ErrorDetails {
  readonly status: number
  /** As sent by the client. */
  readonly method: string
  /** HTML for the bodies that have room for a note (`error-notes`): escaped by whoever made it. */
  readonly noteHtml?: string | undefined
  /** Value of the Location header of a redirect. */
  readonly location?: string | undefined
  /** ServerAdmin. */
  readonly serverAdmin?: string | undefined
  /** ServerSignature's HTML, from signature(); empty when it is off. */
  readonly signatureHtml?: string | undefined
  /** Value of the Expect header. */
  readonly expect?: string | undefined
  /** The status whose ErrorDocument failed on the way. */
  readonly additionally?: number | undefined
}

/** The default body of a status; lines end with LF. */
export function errorBody(details: ErrorDetails): string {
  const status = knownStatus(details.status)
  const extra = details.additionally === undefined
    ? ''
    : `<p>Additionally, a ${statusLine(details.additionally)}\n` +
      'error was encountered while trying to use an ErrorDocument to handle the request.</p>\n'
  return '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n' +
    `<html><head>\n<title>${statusLine(status)}</title>\n</head><body>\n<h1>${reasonPhrase(status)}</h1>\n` +
    `${explanation(status, details)}\n${extra}${details.signatureHtml ?? ''}</body></html>\n`
}

/**
 * What ServerSignature adds: `On`, or `EMail` with the administrator's address as a link.
 * @param banner what the Server header says.
 */
export function signature(
  kind: 'Off' | 'On' | 'EMail', banner: string, name: string, port: number, admin: string,
): string {
  if (kind === 'Off') return ''
  const shown = escapeHtml(name)
  const place = kind === 'EMail' ? `<a href="mailto:${escapeHtml(admin)}">${shown}</a>` : shown
  return `<hr>\n<address>${escapeHtml(banner)} Server at ${place} Port ${port}</address>\n`
}

/** Bodies that depend on nothing but the status. */
const FIXED: Readonly<Record<number, string>> = {
  300: '<p>This resource has several representations.\nChoose one of them.</p>',
  305: '<p>This resource is to be asked for\nthrough a proxy.</p>',
  401: '<p>This server could not verify that you\nare authorized to access the document\n' +
    'requested.  Either you supplied the wrong\ncredentials (e.g., bad password), or your\n' +
    "browser doesn't understand how to supply\nthe credentials required.</p>",
  404: '<p>The requested URL was not found on this server.</p>',
  406: '<p>An appropriate representation of the requested resource could not be found on this server.</p>',
  408: '<p>Server timeout waiting for the HTTP request from the client.</p>',
  410: '<p>The requested resource is no longer available on this server and there is no forwarding address.\n' +
    'Please remove all references to this resource.</p>',
  412: '<p>The precondition on the request for this URL evaluated to false.</p>',
  415: '<p>The supplied request data is not in a format\nacceptable for processing by this resource.</p>',
  416: '<p>None of the range-specifier values in the Range\nrequest-header field overlap the current extent\n' +
    'of the selected resource.</p>',
  421: '<p>The client needs a new connection for this\nrequest as the requested host name does not match\n' +
    'the Server Name Indication (SNI) in use for this\nconnection.</p>',
  422: '<p>The request is well formed, but its content\ncannot be processed for this resource.</p>',
  423: '<p>The requested resource is locked at present.\nUnlock it, or give the token of its lock.</p>',
  424: '<p>The request depended on another one\nthat did not succeed.</p>',
  426: '<p>This resource is served only after a change\nof the connection to another protocol.</p>',
  428: '<p>The request is required to be conditional.</p>',
  429: '<p>The user has sent too many requests\nin a given amount of time.</p>',
  431: '<p>The server refused this request because\nthe request header fields are too large.</p>',
  503: '<p>The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\n' +
    'problems. Please try again later.</p>',
  504: '<p>The gateway did not receive a timely response\nfrom the upstream server or application.</p>',
  506: '<p>The chosen variant of the requested resource\nis itself subject to negotiation.</p>',
  507: '<p>The server has too little free space\nto complete the request.</p>',
  508: '<p>The server found an endless loop\nwhile it processed the request.</p>',
  510: '<p>The request lacks an extension\nthat is mandatory for this resource.</p>',
  511: '<p>The client needs to authenticate to gain\nnetwork access.</p>',
}

/** Where there are several of what was asked for, the note lists them. */
function withVariants(status: number, noteHtml: string | undefined): string | undefined {
  if ((status !== 300 && status !== 406) || noteHtml === undefined || noteHtml === '') return undefined
  const list = noteHtml.replace(/\n$/, '')
  return status === 300 ? list : `${FIXED[406]!}\n${list}`
}

function explanation(status: number, details: ErrorDetails): string {
  const fixed = withVariants(status, details.noteHtml) ?? FIXED[status]
  if (fixed !== undefined) return fixed
  const method = escapeHtml(details.method)
  const note = details.noteHtml ?? ''
  switch (status) {
    case 301: case 302: case 307: case 308:
      return `<p>The document has moved <a href="${escapeHtml(details.location ?? '')}">here</a>.</p>`
    case 303:
      return `<p>The answer to your request is located <a href="${escapeHtml(details.location ?? '')}">here</a>.</p>`
    case 400: return `<p>Your browser sent a request that this server could not understand.<br />\n${note}</p>`
    case 403: return `<p>You don't have permission to access this resource.${note}</p>`
    case 405: return `<p>The requested method ${method} is not allowed for this URL.</p>`
    case 407: return FIXED[401]!
    case 411:
      return `<p>A request of the requested method ${method} requires a valid Content-length.<br />\n${note}</p>`
    case 413:
      return `The requested resource does not allow request data with ${method} requests, or the amount of data ` +
        'provided in\nthe request exceeds the capacity limit.'
    case 414: return `<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n${note}</p>`
    case 417: return expectation(details.expect)
    case 451: return `<p>Access to this URL has been denied for legal reasons.<br />\n${note}</p>`
    case 501: return `<p>${method} not supported for current URL.<br />\n${note}</p>`
    case 502:
      return `<p>The proxy server received an invalid\nresponse from an upstream server.<br />\n${note}</p>`
    default: return internalError(details.serverAdmin, note)
  }
}

function expectation(expect: string | undefined): string {
  const only = '</p><p>Only the 100-continue expectation is supported.</p>'
  if (expect === undefined) {
    return '<p>No expectation was seen, the Expect request-header \nfield was not presented by the client.\n' + only
  }
  return '<p>The expectation given in the Expect request-header\nfield could not be met by this server.\n' +
    `The client sent<pre>\n    Expect: ${escapeHtml(expect)}\n</pre>\n${only}`
}

function internalError(admin: string | undefined, note: string): string {
  const address = escapeHtml(admin ?? '[no address given]')
  const more = note === ''
    ? '<p>More information about this error may be available\nin the server error log.</p>'
    : note
  return '<p>The server encountered an internal error or\nmisconfiguration and was unable to complete\n' +
    `your request.</p>\n<p>Please contact the server administrator at \n ${address} to inform them of the time this ` +
    'error occurred,\n and the actions you performed just before this error.</p>\n' + more
}
