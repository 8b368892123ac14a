// Bodies, status lines and methods: the words that clients and scripts know.

import t from 'tap'
import { errorBody, signature } from '../../core/http/error_body.ts'
import type { ErrorDetails } from '../../core/http/error_body.ts'
import {
  allowHeader, DEFAULT_ALLOW, M_DELETE, M_GET, M_INVALID, M_MERGE, M_OPTIONS, M_POST, M_PUT, M_TRACE, MAX_REGISTERED,
  methodName, methodNumber, methodNumberAt, registerMethod, resetMethods,
} from '../../core/http/methods.ts'
import { closesConnection, isBodyless, knownStatus, REASONS, reasonPhrase, statusLine } from '../../core/http/status.ts'

const body = (status: number, details: Partial<ErrorDetails> = {}): string =>
  errorBody({ status, method: 'GET', ...details })
/** What stands between the heading and the end of the page. */
const inner = (page: string): string => page.slice(page.indexOf('</h1>\n') + 6, page.indexOf('\n</body>'))

t.test('errorBody() of 404, whole', (t) => {
  t.equal(body(404), [
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">', '<html><head>', '<title>404 Not Found</title>',
    '</head><body>', '<h1>Not Found</h1>', '<p>The requested URL was not found on this server.</p>', '</body></html>',
    '',
  ].join('\n'))
  t.end()
})

t.test('errorBody() texts', (t) => {
  const to = { location: 'http://h/?a&"b' }
  t.equal(inner(body(301, to)), '<p>The document has moved <a href="http://h/?a&amp;&quot;b">here</a>.</p>')
  t.equal(inner(body(303, to)),
    '<p>The answer to your request is located <a href="http://h/?a&amp;&quot;b">here</a>.</p>')
  const bad = '<p>Your browser sent a request that this server could not understand.<br />\n'
  t.equal(inner(body(400)), `${bad}</p>`)
  t.equal(inner(body(400, { noteHtml: 'Note.' })), `${bad}Note.</p>`)
  t.equal(inner(body(403)), "<p>You don't have permission to access this resource.</p>")
  t.equal(inner(body(405, { method: '<M>' })), '<p>The requested method &lt;M&gt; is not allowed for this URL.</p>')
  t.equal(inner(body(411)), '<p>A request of the requested method GET requires a valid Content-length.<br />\n</p>')
  t.equal(inner(body(413, { method: 'POST' })),
    'The requested resource does not allow request data with POST requests, or the amount of data ' +
    'provided in\nthe request exceeds the capacity limit.')
  t.equal(inner(body(414)), "<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n</p>")
  t.equal(inner(body(417, { expect: '<x>' })), '<p>The expectation given in the Expect request-header\n' +
    'field could not be met by this server.\nThe client sent<pre>\n    Expect: &lt;x&gt;\n</pre>\n' +
    '</p><p>Only the 100-continue expectation is supported.</p>')
  t.match(inner(body(417)), /^<p>No expectation was seen, the Expect request-header \nfield was not presented/)
  t.equal(inner(body(501)), '<p>GET not supported for current URL.<br />\n</p>')
  t.equal(inner(body(407)), inner(body(401)))
  t.match(inner(body(500)), / \[no address given\] to inform them/)
  t.match(inner(body(500, { serverAdmin: 'me@<h>' })),
    /at \n me@&lt;h&gt; to inform them of the time this error occurred,\n and/)
  t.equal(inner(body(409)), inner(body(500)), 'no text of its own')
  t.match(body(418), /<title>500 Internal Server Error<\/title>/)
  for (const status of Object.keys(REASONS).map(Number)) {
    const page = body(status)
    t.match(page, `<title>${status} ${REASONS[status]!}</title>\n</head><body>\n<h1>${REASONS[status]!}</h1>\n`)
    t.notMatch(page, /undefined/, `${status} without details`)
  }
  t.end()
})

t.test('errorBody() additions', (t) => {
  t.match(body(500, { additionally: 404 }), '<p>Additionally, a 404 Not Found\nerror was encountered while trying to ' +
    'use an ErrorDocument to handle the request.</p>\n</body></html>\n')
  const on = signature('On', 'Apache/2.4.63 (Unix)', 'h', 80, 'me@h')
  t.equal(on, '<hr>\n<address>Apache/2.4.63 (Unix) Server at h Port 80</address>\n')
  t.match(body(404, { signatureHtml: on }), `server.</p>\n${on}</body></html>\n`)
  t.equal(signature('EMail', 'A', '<h>', 8, 'me@h'),
    '<hr>\n<address>A Server at <a href="mailto:me@h">&lt;h&gt;</a> Port 8</address>\n')
  t.equal(signature('Off', 'A', 'h', 8, 'me@h'), '')
  t.end()
})

t.test('status lines', (t) => {
  t.equal(statusLine(200), '200 OK')
  t.equal(statusLine(418), '500 Internal Server Error')
  t.equal(knownStatus(425), 500)
  t.equal(reasonPhrase(416), 'Requested Range Not Satisfiable')
  t.same([400, 404, 408, 411, 413, 414, 500, 501, 502, 503].filter(closesConnection),
    [400, 408, 411, 413, 414, 500, 501, 503])
  t.same([100, 200, 204, 304, 404].filter(isBodyless), [100, 204, 304])
  t.end()
})

t.test('methods', (t) => {
  t.teardown(resetMethods)
  t.equal(methodNumber('GET'), M_GET)
  t.equal(methodNumber('HEAD'), M_GET)
  t.equal(methodNumber('get'), M_INVALID)
  t.equal(methodNumber('MERGE'), M_MERGE)
  t.equal(methodName(M_MERGE), 'MERGE')
  t.equal(methodName(M_INVALID), '')
  for (const name of ['GET', 'HEAD', 'POST', 'PUT', 'BASELINE-CONTROL', 'GEX', 'FOO', 'HEAP']) {
    t.equal(methodNumberAt(Buffer.from(` ${name} `), 1, 1 + name.length), methodNumber(name), name)
  }
  t.equal(allowHeader([M_GET, M_OPTIONS, M_POST], true), DEFAULT_ALLOW)
  t.equal(DEFAULT_ALLOW, 'POST,OPTIONS,HEAD,GET,TRACE')
  t.equal(allowHeader([M_TRACE, M_POST, M_GET, M_OPTIONS], false), 'POST,OPTIONS,HEAD,GET')
  t.equal(allowHeader([M_DELETE, M_PUT, M_GET], false), 'HEAD,GET,PUT,DELETE')
  const first = registerMethod('FOO')
  t.equal(first, M_INVALID + 1)
  t.equal(registerMethod('FOO'), first)
  t.equal(registerMethod('PUT'), M_PUT)
  t.equal(methodNumberAt(Buffer.from('FOO'), 0, 3), first)
  for (let i = 1; i < MAX_REGISTERED; i++) t.not(registerMethod(`M${i}`), M_INVALID)
  t.equal(registerMethod('ONE-TOO-MANY'), M_INVALID)
  resetMethods()
  t.equal(methodNumber('FOO'), M_INVALID)
  t.end()
})
