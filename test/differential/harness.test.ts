/* The parts of the differential test that need no servers: what they take for equal decides what it can find. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readCases } from './cases.ts'
import { differences, logDifferences, masked } from './compare.ts'
import { takeApart } from './exchange.ts'
import { isCovered, pendingRow, readRules } from './rules.ts'

function write(t: Test, name: string, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'httpd-cases-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, name), text)
  return directory
}

t.test('cases are read', (t) => {
  const text = ['# file', '## one case', '```tree', 'mode 000 a b = "x\\x41"', 'c -> a', 'd/', 'e = 12 bytes', '```',
    '```requests', 'GET /{a|b} HTTP/1.0 - Host + X: <<y*3>>', 'POST /c = 12\\r\\n', '```', '```raw', 'HEAD / HTTP/1.1',
    'Host: h\\', '', '', '```'].join('\n')
  const [file] = readCases(write(t, 'f.md', text))
  const [one] = file!.cases
  t.match(one, { file: 'f', line: 2, title: 'one case', address: '127.77.1.1' })
  t.strictSame(one!.tree, [{ path: 'a b', mode: 0, content: 'xA' }, { path: 'c', link: 'a' },
    { path: 'd/', directory: true }, { path: 'e', content: '00000000 000' }])
  t.strictSame(one!.exchanges.map(({ line, bytes, methods }) => [line, bytes, methods]), [
    [10, 'GET /a HTTP/1.0\r\nX: yyy\r\n\r\n', ['GET']],
    [10, 'GET /b HTTP/1.0\r\nX: yyy\r\n\r\n', ['GET']],
    [11, 'POST /c HTTP/1.1\r\nHost: case.example\r\nContent-Length: 4\r\n\r\n12\r\n', ['POST']],
    [14, 'HEAD / HTTP/1.1\r\nHost: h\r\n\r\n', ['HEAD']],
  ])
  t.throws(() => readCases(write(t, 'f.md', '## x\n```nonsense\n```\n')), /f\.md:2: not a block/)
  t.end()
})

const answers = (text: string, ...methods: string[]) => takeApart(text.replaceAll('\n', '\r\n'), 'ended', methods)

t.test('answers are taken apart', (t) => {
  const all = answers('HTTP/1.1 200 OK\nContent-Length: 5\n\nHTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nTransfer-Encoding: ' +
    'chunked\n\n2\nab\n1\nc\n0\n\nHTTP/1.1 404 Not Found\nContent-Length: 2\n\nxyHTTP/1.1 200 OK\n\nrest', 'HEAD')
  t.strictSame(all.answers.map(({ status, body }) => [status.slice(9, 12), body]),
    [['200', ''], ['100', ''], ['200', 'abc'], ['404', 'xy'], ['200', 'rest']])
  t.match(answers('HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nabc\n0\n\n').answers[0]!.body, /a chunk without end/)
  t.match(answers('HTTP/1.1 200 OK\nContent-Length: 9\n\nabc').answers[0]!.body, /cut off/)
  t.match(answers('garbage').answers[0], { status: '(no head)', body: 'garbage' })
  t.end()
})

t.test('what differs is found, what cannot be the same is not', (t) => {
  const found = (apache: string, ours: string, probed = false) =>
    differences(masked(answers(apache), 4444), masked(answers(ours), 5555), probed).map(({ what }) => what)
  const head = 'HTTP/1.1 200 OK\n'
  t.strictSame(found(`${head}Date: x\nServer: y\nA: 1\n\n:4444`, `${head}Server: z\nA: 1\n\n:5555`), [])
  t.strictSame(found(`${head}Allow: A,B\n\n`, `${head}Allow: B,A\n\n`), [])
  t.strictSame(found(`${head}A: 1\nB: 2\n\n`, `${head}B: 2\nA: 1\n\n`), ['order'])
  t.strictSame(found(`${head}A: 1\nB: 2\n\nx`, `HTTP/1.1 201 OK\nA: 1\nC: 2\n\ny`), ['status', 'header b', 'header c', 'body'])
  t.strictSame(found(`${head}a: 1\n\n`, `${head}A: 1\n\n`), ['header a'])
  const two = `${head}Content-Length: 0\n\n${head}Content-Length: 1\n\n`
  t.strictSame(found(`${two}x`, `${two}y`, true), [], 'of the probe only the status counts')
  t.strictSame(found(`${two}x`, `${head}Content-Length: 0\n\n`, true), ['connection'])
  t.match(logDifferences('access', ['a', 'b', 'c'], ['c', 'a', 'd']), [{ apache: 'b', ours: 'd' }])
  t.end()
})

t.test('a row covers what it names, and says so', (t) => {
  const directory = write(t, 'r.md', `| where | what | reason |\n| --- | --- | --- |
| f: *: GET /a\\|b | status, header x | why |\n| f: one: logs | error \`AH1\` | why |\n${pendingRow('f: two: x', [{ what: 'body', apache: '', ours: '' }])}`)
  const rules = readRules(join(directory, 'r.md'))
  const covered = (place: string, what: string, apache = '') => isCovered(rules, place, { what, apache, ours: '' })
  t.ok(covered('f: any: GET /a|b', 'header x'))
  t.notOk(covered('f: any: GET /a|b', 'header y'))
  t.notOk(covered('g: any: GET /a|b', 'status'))
  t.notOk(covered('f: one: logs', 'error', 'AH2'))
  t.strictSame(rules.map(({ used }) => used), [true, false, false])
  t.ok(covered('f: one: logs', 'error', 'x AH1: y'))
  t.ok(covered('f: two: x', 'body'))
  t.end()
})
