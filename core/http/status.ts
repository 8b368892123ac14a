// Status codes and their lines.
//
// One rule: a status that is not in this table is never sent; it becomes 500, as in Apache (ap_index_of_response).

/** Reason phrases (IANA HTTP Status Code Registry; wording of Apache 2.4). */
export const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue', 101: 'Switching Protocols', 102: 'Processing',
  200: 'OK', 201: 'Created', 202: 'Accepted', 203: 'Non-Authoritative Information', 204: 'No Content',
  205: 'Reset Content', 206: 'Partial Content', 207: 'Multi-Status', 208: 'Already Reported', 226: 'IM Used',
  300: 'Multiple Choices', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other', 304: 'Not Modified',
  305: 'Use Proxy', 307: 'Temporary Redirect', 308: 'Permanent Redirect',
  400: 'Bad Request', 401: 'Unauthorized', 402: 'Payment Required', 403: 'Forbidden', 404: 'Not Found',
  405: 'Method Not Allowed', 406: 'Not Acceptable', 407: 'Proxy Authentication Required', 408: 'Request Timeout',
  409: 'Conflict', 410: 'Gone', 411: 'Length Required', 412: 'Precondition Failed', 413: 'Request Entity Too Large',
  414: 'Request-URI Too Long', 415: 'Unsupported Media Type', 416: 'Requested Range Not Satisfiable',
  417: 'Expectation Failed', 421: 'Misdirected Request', 422: 'Unprocessable Entity', 423: 'Locked',
  424: 'Failed Dependency', 426: 'Upgrade Required', 428: 'Precondition Required', 429: 'Too Many Requests',
  431: 'Request Header Fields Too Large', 451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable',
  504: 'Gateway Timeout', 505: 'HTTP Version Not Supported', 506: 'Variant Also Negotiates',
  507: 'Insufficient Storage', 508: 'Loop Detected', 510: 'Not Extended', 511: 'Network Authentication Required',
}

const lines: string[] = []
for (const [status, reason] of Object.entries(REASONS)) lines[Number(status)] = `${status} ${reason}`

/** The status that is really sent: itself when it is in the table, else 500. */
export function knownStatus(status: number): number {
  return lines[status] === undefined ? 500 : status
}

/** `404 Not Found`; a status outside the table gives the line of 500. */
export function statusLine(status: number): string {
  return lines[status] ?? lines[500]!
}

/** The phrase alone, for the heading of an error body. */
export function reasonPhrase(status: number): string {
  return REASONS[knownStatus(status)]!
}

/** After these statuses the connection is closed: the request may not have been read to its end (Apache's list). */
export function closesConnection(status: number): boolean {
  switch (status) {
    case 400: case 408: case 411: case 413: case 414: case 500: case 501: case 503: return true
    default: return false
  }
}

/** Whether a response of this status never has a body (RFC 9110 section 6.4.1). */
export function isBodyless(status: number): boolean {
  return (status >= 100 && status < 200) || status === 204 || status === 304
}
