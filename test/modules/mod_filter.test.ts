// mod_filter: chains, providers with conditions, and what is refused; served by an engine without a socket.
import t from 'tap'
import { FilterType, transform, type OutputFilter } from '../../core/hook/filter.ts'
import type { Module } from '../../core/hook/module.ts'
import { core } from '../../core/server/core_module.ts'
import { module } from '../../modules/mod_filter.ts'
import { filtering } from '../../modules/filter/settings.ts'
import { make, plainConf } from '../server/fake_connection.ts'
import { configure, refusal } from './harness.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const filter = (name: string, type: number, change: (text: string) => string): OutputFilter =>
  ({ name, type, begin: (_, next) => transform(next, (bytes) => Buffer.from(change(text(bytes)), 'latin1')) })

const filters = {
  name: 'some_filters_module', file: 'mod_some_filters.c',
  outputFilters: [
    filter('UPPER', FilterType.resource, (body) => body.toUpperCase()),
    filter('STARS', FilterType.contentSet, (body) => `*${body}*`),
    filter('MARK', FilterType.resource, (body) => `<${body}>`),
  ],
} satisfies Module

const modules = [core, filters, module]

/** The answer to a request for a file of that type. */
async function answered(conf: string, type = 'text/plain', head = ''): Promise<string> {
  const { dir } = configure(modules, conf)
  const own = plainConf()
  Object.assign(own.defaults.said(filtering), dir.holds(filtering))
  const { socket, conn, say } = make((list) => {
    for (const each of modules) list.add({ module: each, symbol: each.name, linkage: 'static' })
    list.hooks.typeChecker.add('types_module', (r) => { r.contentType = type; return 0 }, { quick: true })
  }, {}, own)
  say(`GET /hello HTTP/1.1\r\nHost: a\r\n${head}\r\n`)
  conn.advance()
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  conn.advance()
  return socket.outgoing
}

const body = async (...args: Parameters<typeof answered>): Promise<string> => (await answered(...args)).split('\r\n\r\n')[1]!.trimEnd()

t.test('AddOutputFilterByType looks at the media type without its parameters', async (t) => {
  const conf = 'AddOutputFilterByType UPPER;STARS text/plain text/html'
  t.equal(await body(conf), '*HELLO, WORLD\n*')
  t.equal(await body(conf, 'text/html; charset=utf-8'), '*HELLO, WORLD\n*')
  t.equal(await body(conf, 'text/css'), 'hello, world')
  t.match(await answered(conf, 'text/css'), /Content-Length: 13\r\n/)
})

t.test('the first provider whose condition holds does the work', async (t) => {
  const conf = `FilterDeclare change
    FilterProvider change MARK "%{HTTP:X} == 'mark'"
    FilterProvider change UPPER "%{CONTENT_TYPE} =~ m#^text/#"
    FilterProvider change STARS true
    FilterChain change`
  t.equal(await body(conf), 'HELLO, WORLD')
  t.equal(await body(conf, 'text/plain', 'X: mark\r\n'), '<hello, world\n>')
  t.equal(await body(conf, 'image/png'), '*hello, world\n*')
})

t.test('a condition that has to wait', async (t) => {
  t.equal(await body(`FilterProvider change UPPER "-F '/docs/none' || -U '/hello'"\nFilterChain change`), 'HELLO, WORLD')
})

t.test('chains', async (t) => {
  const providers = ['UPPER', 'STARS', 'MARK'].map((name) => `FilterProvider ${name.toLowerCase()} ${name} true\n`).join('')
  t.equal(await body(`${providers}FilterChain upper mark`), '<HELLO, WORLD\n>')
  t.equal(await body(`${providers}FilterChain mark upper`), '<HELLO, WORLD\n>', 'by the order of their names, of one type')
  t.equal(await body(`${providers}FilterChain stars mark -stars`), '<hello, world\n>')
  t.equal(await body(`${providers}FilterChain stars =mark`), '<hello, world\n>')
  t.equal(await body(`${providers}FilterChain stars !`), 'hello, world')
  t.equal(await body(`${providers}FilterChain stars\n<Location /x>\nFilterChain ! mark\n</Location>`), '<hello, world\n>')
  t.equal(await body(`${providers}FilterChain stars\n<Location /x>\nFilterChain mark\n</Location>`), '*<hello, world\n>*')
  t.equal(await body(`${providers}FilterChain nothing`), 'hello, world')
})

t.test('FilterProtocol', async (t) => {
  const conf = `FilterProvider change UPPER true\nFilterProtocol change "change=yes;cache=no;byteranges=no"\nFilterChain change`
  const answer = await answered(conf, 'text/plain', 'Range: bytes=0-1\r\n')
  t.match(answer, /^HTTP\/1\.1 200 /)
  t.notMatch(answer, /ETag|Last-Modified/)
  t.match(answer, /Accept-Ranges: none\r\n[^]*Cache-Control: no-cache\r\n/)
})

t.test('refusals', (t) => {
  const is = (conf: string, message: string | RegExp) => t.match(refusal(modules, conf), message, conf)
  is('FilterDeclare x SOMEWHERE', /^FilterDeclare type must be one of/)
  is('FilterProvider x NOWHERE true', 'Unknown filter provider NOWHERE')
  is('FilterProvider x UPPER "1 =="', /^Error parsing FilterProvider expression: /)
  is('FilterProtocol x change=yes', 'FilterProtocol: No such filter')
  is('FilterProvider x UPPER true\nFilterProtocol x MARK change=yes', 'FilterProtocol: No such provider for this filter')
  is('FilterProvider x UPPER true\nFilterProtocol x sometimes', /^FilterProtocol cannot be "sometimes"/)
  is('FilterTrace x 1', 'Undeclared smart filter x')
  is('AddOutputFilterByType NOWHERE text/html', 'Unknown filter provider NOWHERE')
  t.end()
})
