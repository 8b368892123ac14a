/*
 * Files over HTTP, asked of built servers with each MPM: what Apache httpd 2.4 answers to GET, HEAD, conditions,
 * ranges, and to what is not there or not allowed.
 */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { VERSION } from '../../core/base/version.ts'
import { Server } from '../support/server.ts'
import { MODIFIED, runsAsNobody, WELCOME, type Site } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

const HUNDRED = Array.from({ length: 100 }, (_, at) => String.fromCharCode(32 + (at % 90))).join('')
const DATE = MODIFIED.toUTCString()
const BEFORE = new Date(MODIFIED.getTime() - 1000).toUTCString()
const AFTER = new Date(MODIFIED.getTime() + 1000).toUTCString()
const ALLOW = 'POST,OPTIONS,HEAD,GET,TRACE'

const conf = ({ root }: Site): string => `
Alias /aka "${root}/other"
<Directory "${root}/other">
Require all granted
</Directory>
Redirect permanent /old http://www.example.com/new
ErrorDocument 410 "it is gone"
Redirect gone /gone
<Location /denied>
Require all denied
</Location>
AddType text/x-odd .odd
`

const files = {
  'htdocs/hundred.txt': HUNDRED, 'htdocs/empty.txt': '', 'htdocs/page.odd': 'odd', 'htdocs/nameless.unknown-type': 'x',
  'htdocs/sub/index.html': 'index of sub', 'htdocs/denied/x.txt': 'no', 'htdocs/secret.txt': 'no',
  'htdocs/a b%c.txt': 'odd name', 'other/file.txt': 'from elsewhere',
  'htdocs/big.bin': Buffer.alloc(300_000, 'abcdefg'),
}

for (const variant of STATIC) {
  t.test(`${variant} serves files`, async (t) => {
    const server = await Server.start(t, { variant, conf, files })
    const { root, port } = server.site
    mkdirSync(join(root, 'htdocs/noindex'))
    chmodSync(join(root, 'htdocs/secret.txt'), 0)

    await t.test('GET and HEAD', async (t) => {
      const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}/`)
      t.equal(statusCode, 200)
      t.equal(await body.text(), WELCOME)
      t.match(headers, {
        'content-type': 'text/html', 'content-length': String(WELCOME.length), 'last-modified': DATE,
        'accept-ranges': 'bytes', etag: /^"[0-9a-f]+-[0-9a-f]+"$/, server: `Switchyard/${VERSION} (Unix)`,
      })
      t.ok(Math.abs(Date.parse(String(headers.date)) - Date.now()) < 5000, 'Date is now')
      const got = await server.get('/')
      t.same(got.names, ['date', 'server', 'last-modified', 'etag', 'accept-ranges', 'content-length', 'connection',
        'content-type'], 'in Apache\'s order')
      t.equal(got.statusLine, 'HTTP/1.1 200 OK')
      const head = await server.get('/', '', 'HEAD')
      t.same({ ...head.headers, date: '' }, { ...got.headers, date: '' }, 'HEAD has the headers of GET')
      t.equal(head.body.length, 0)
    })

    await t.test('types, names, sizes', async (t) => {
      t.equal((await server.get('/hundred.txt')).headers['content-type'], 'text/plain')
      t.equal((await server.get('/page.odd')).headers['content-type'], 'text/x-odd')
      t.equal((await server.get('/nameless.unknown-type')).headers['content-type'], undefined)
      t.equal((await server.get('/a%20b%25c.txt')).text, 'odd name')
      t.match(await server.get('/empty.txt'), { status: 200, text: '', headers: { 'content-length': '0' } })
      const big = await server.get('/big.bin')
      t.ok(big.body.equals(files['htdocs/big.bin']), '300000 bytes as they are')
      t.equal((await server.get('//sub/.././hundred.txt?query')).text, HUNDRED)
    })

    await t.test('directories, aliases, redirects', async (t) => {
      t.equal((await server.get('/sub/')).text, 'index of sub')
      const moved = await server.ask(`GET /sub?a=b HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`)
      t.match(moved, { status: 301, headers: { location: `http://localhost:${port}/sub/?a=b` } })
      t.ok(moved.text.includes(`<p>The document has moved <a href="http://localhost:${port}/sub/?a=b">here</a>.</p>`))
      t.match(await server.get('/noindex/'), { status: 403 })
      await server.logged(new RegExp(' AH01276: Cannot serve directory .*/noindex/: No matching DirectoryIndex ' +
        '\\(index\\.html\\) found, and server-generated directory index forbidden by Options directive'))
      t.equal((await server.get('/aka/file.txt')).text, 'from elsewhere')
      t.match(await server.get('/old/x?y'), { status: 301, headers: { location: 'http://www.example.com/new/x?y' } })
      t.match(await server.get('/gone'), { status: 410, text: 'it is gone' })
    })

    await t.test('conditions', async (t) => {
      const etag = (await server.get('/hundred.txt')).headers['etag']!
      const status = async (...lines: string[]) =>
        (await server.get('/hundred.txt', lines.map((line) => `${line}\r\n`).join(''))).status
      const notModified = await server.get('/hundred.txt', `If-None-Match: ${etag}\r\n`)
      t.match(notModified, { status: 304, headers: { etag, 'last-modified': DATE } })
      t.notOk('content-length' in notModified.headers && notModified.headers['content-length'] !== '100')
      t.notOk('content-type' in notModified.headers)
      t.equal(await status(`If-Modified-Since: ${DATE}`), 304)
      t.equal(await status('If-Modified-Since: Thursday, 02-Jan-25 03:04:05 GMT'), 304, 'RFC 850 date')
      t.equal(await status('If-Modified-Since: Thu Jan  2 03:04:05 2025'), 304, 'asctime date')
      t.equal(await status(`If-Modified-Since: ${BEFORE}`), 200)
      t.equal(await status(`If-Modified-Since: ${new Date(Date.now() + 3600_000).toUTCString()}`), 200, 'in the future')
      t.equal(await status('If-Modified-Since: yesterday'), 200)
      t.equal(await status('If-None-Match: *'), 304)
      t.equal(await status(`If-None-Match: "x", W/${etag}`), 304, 'weak comparison, in a list')
      t.equal(await status('If-None-Match: "x"'), 200)
      t.equal(await status(`If-None-Match: ${etag}`, `If-Modified-Since: ${BEFORE}`), 200, 'both must agree')
      t.equal(await status('If-None-Match: "x"', `If-Modified-Since: ${DATE}`), 200)
      t.equal(await status(`If-Match: ${etag}`), 200)
      t.equal(await status('If-Match: *'), 200)
      t.equal(await status('If-Match: "x"'), 412)
      t.equal(await status(`If-Unmodified-Since: ${DATE}`), 200)
      t.equal(await status(`If-Unmodified-Since: ${BEFORE}`), 412)
      t.equal(await status(`If-Unmodified-Since: ${AFTER}`, 'If-Match: "x"'), 412)
    })

    await t.test('ranges', async (t) => {
      const etag = (await server.get('/hundred.txt')).headers['etag']!
      const range = (value: string, more = '') => server.get('/hundred.txt', `Range: ${value}\r\n${more}`)
      for (const [value, from, to] of [
        ['bytes=0-9', 0, 9], ['bytes=90-', 90, 99], ['bytes=-5', 95, 99], ['bytes=95-1000', 95, 99],
        ['bytes=-500', 0, 99], ['bytes=0-50,40-99', 0, 99], ['bytes=0-', 0, 99], ['BYTES=7-7', 7, 7],
      ] as const) {
        const part = await range(value)
        t.match(part, {
          status: 206, text: HUNDRED.slice(from, to + 1),
          headers: { 'content-range': `bytes ${from}-${to}/100`, 'content-length': String(to - from + 1) },
        }, value)
      }
      for (const value of ['bytes=9-5', 'bytes=abc', 'bytes=-0', 'lines=0-9', 'bytes=0-4, 8-9'])
        t.match(await range(value), { status: 200, text: HUNDRED }, `${value} is ignored`)
      t.match(await range('bytes=100-200'), { status: 416, headers: { 'content-type': /^text\/html/ } })
      t.match(await range('bytes=0-4', `If-Range: ${etag}\r\n`), { status: 206 })
      t.match(await range('bytes=0-4', `If-Range: ${DATE}\r\n`), { status: 206 })
      t.match(await range('bytes=0-4', 'If-Range: "other"\r\n'), { status: 200 })
      const head = await server.get('/hundred.txt', 'Range: bytes=0-9\r\n', 'HEAD')
      t.match(head, { status: 206, headers: { 'content-length': '10' } })

      const several = await range('bytes=0-4,50-54,-5')
      t.equal(several.status, 206)
      const boundary = /^multipart\/byteranges; boundary=([0-9a-f]+)$/.exec(several.headers['content-type']!)?.[1]
      t.equal(several.text, [[0, 4], [50, 54], [95, 99]].map(([from, to]) =>
        `\r\n--${boundary}\r\nContent-type: text/plain\r\nContent-range: bytes ${from}-${to}/100\r\n\r\n` +
        HUNDRED.slice(from, to! + 1)).join('') + `\r\n--${boundary}--\r\n`)
      t.equal(several.headers['content-length'], String(several.text.length))
    })

    await t.test('methods', async (t) => {
      t.match(await server.get('*', '', 'OPTIONS'), { status: 200, text: '' })
      t.notOk('allow' in (await server.get('*', '', 'OPTIONS')).headers)
      t.match(await server.get('/hundred.txt', '', 'OPTIONS'), { status: 200, headers: { allow: ALLOW } })
      t.match(await server.get('/missing', '', 'OPTIONS'), { status: 200, headers: { allow: ALLOW } })
      const traced = 'TRACE /x?y HTTP/1.1\r\nHost: localhost\r\nX-Sent:  by me \r\nConnection: close\r\n\r\n'
      t.match(await server.ask(traced), {
        status: 200, headers: { 'content-type': 'message/http' }, text: traced.replace(':  by me ', ': by me'),
      })
      for (const method of ['PUT', 'DELETE', 'PATCH', 'PROPFIND']) {
        const refused = await server.get('/hundred.txt', '', method)
        t.match(refused, { status: 405, headers: { allow: ALLOW } }, method)
        t.ok(refused.text.includes(`<p>The requested method ${method} is not allowed for this URL.</p>`))
      }
      const unknown = await server.get('/hundred.txt', '', 'FOO')
      t.match(unknown, { status: 501, headers: { allow: ALLOW, connection: 'close' } })
      await server.logged(/ AH00135: Invalid method in request FOO \/hundred\.txt HTTP\/1\.1/)
      t.match(await server.get('/hundred.txt', 'Content-Length: 3\r\n\r\nabc', 'POST'), { status: 200, text: HUNDRED })
    })

    await t.test('errors', async (t) => {
      const missing = await server.get('/missing.html')
      t.match(missing, { status: 404, headers: { 'content-type': 'text/html; charset=iso-8859-1' } })
      t.equal(missing.text, '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n' +
        '<title>404 Not Found</title>\n</head><body>\n<h1>Not Found</h1>\n' +
        '<p>The requested URL was not found on this server.</p>\n</body></html>\n')
      t.equal((await server.get('/missing.html', '', 'HEAD')).headers['content-length'], undefined)
      t.equal((await server.get('/hundred.txt/more')).status, 404)
      const denied = await server.get('/denied/x.txt')
      t.match(denied, { status: 403, text: "<p>You don't have permission to access this resource.</p>" })
      await server.logged(/\[authz_core:error\].* AH01630: client denied by server configuration: .*\/denied\/x\.txt$/m)
      t.equal((await server.get('/secret.txt')).status, runsAsNobody(variant) ? 403 : 200)
      t.match(await server.get('/', 'Expect: the-impossible\r\n'), { status: 417, text: /Expect: the-impossible/ })
    })
  })
}
