/* The text cases of access log formats; each of them, and each format with each request, held against Apache's own. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { apacheLines, APACHE } from './apache_log.ts'
import { linesOf, readLogCases } from './log_cases.ts'

const cases = readLogCases()

for (const { title, format, stream, expected } of cases) {
  t.test(title, async (t) => t.strictSame((await linesOf([format], stream))[0], expected))
}

/** Where this server writes something else than Apache, by what is sent and by format, and why. */
const DIFFERENT: readonly (readonly [sent: RegExp, format: RegExp, why: string])[] = [
  [/^(TRACE|OPTIONS)/, /%f/, 'nothing maps a request without a file to one'],
  [/^GET (\/%zz|http:\/\/us:pw)/, /%V/, 'a target that is refused names no server'],
  [/^GET http:\/\/us:pw/, /%I/, 'Apache stops reading in the middle of the head'],
  [/Expect: x/, /%X|%\{Connection\}o/, 'here the end of the connection is told; Apache ends it without a word'],
  [/PUT |FOO /, /%\{Allow\}o/, 'in Apache the order is that of a hash, another one in each run'],
  [/^GET \/old/, /%b|%\{Content-Length\}o/, 'the bodies of redirects are others'],
]

t.test('Apache httpd writes the same', { skip: existsSync(APACHE) ? false : `${APACHE} is not installed` }, async (t) => {
  const formats = [...new Set(cases.map(({ format }) => format))]
  const streams = [...new Map(cases.map(({ stream }) => [String(stream), stream])).values()]
  const theirs = await apacheLines(t, formats, streams)
  for (const [at, stream] of streams.entries()) {
    const ours = await linesOf(formats, stream)
    const sent = String(stream)
    for (const [i, format] of formats.entries()) {
      if (DIFFERENT.some(([ofStream, ofFormat]) => ofStream.test(sent) && ofFormat.test(format))) continue
      t.strictSame(ours[i], theirs[at]![i], `${format} for ${sent}`)
    }
  }
})
