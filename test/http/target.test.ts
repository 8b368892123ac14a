// Request targets: forms, refusals, and what paths become.

import fc from 'fast-check'
import t from 'tap'
import { M_CONNECT, M_GET, M_OPTIONS } from '../../core/http/methods.ts'
import { normalisePath, parseTarget } from '../../core/http/target.ts'
import type { EncodedSlashes, TargetOptions } from '../../core/http/target.ts'

const GET: TargetOptions = { methodNumber: M_GET, allowEncodedSlashes: 'Off', mergeSlashes: true }
const with_ = (changes: Partial<TargetOptions>): TargetOptions => ({ ...GET, ...changes })

/** The path, or `status aplogno message` of a refusal. */
function found(target: string, options: TargetOptions = GET): string {
  const result = parseTarget(target, options)
  if (!('fault' in result)) return result.path
  return `${result.fault.status} ${result.fault.aplogno} ${result.fault.message}`
}

t.test('parseTarget() decodes and normalises paths', (t) => {
  const cases: Array<[string, string]> = [
    ['/', '/'], ['/index.html', '/index.html'], ['/a/b/', '/a/b/'], ['//f', '/f'], ['/a//b///', '/a/b/'],
    ['/a/../f', '/f'], ['/a/%2e%2e/f', '/f'], ['/./f', '/f'], ['/f/./', '/f/'], ['/f/.', '/f/'], ['/x/..', '/'],
    ['/...', '/...'], ['/..a', '/..a'], ['/.htaccess', '/.htaccess'], ['/a.b/c.d', '/a.b/c.d'],
    ['/%41%20%ff', '/A \xff'], ['/\xff', '/\xff'], ['/%252e', '/%2e'], ['/a;b=c', '/a;b=c'], ['/%3f%23', '/?#'],
    ['/a?b', '/a'], ['?x', '/'], ['/x/..?y', '/'],
  ]
  for (const [target, path] of cases) t.equal(found(target), path, target)
  t.end()
})

t.test('parseTarget() refuses what could be read in two ways', (t) => {
  const line = '400 AH03450 HTTP Request Line; Unable to parse URI: '
  t.equal(found('foo'), `${line}'foo'`)
  t.equal(found('*'), `${line}'*'`)
  t.equal(found('h:80'), `${line}'h:80'`)
  t.equal(found('http:///x'), `${line}'http:///x'`)
  t.equal(found('ftp://h/f'), `${line}'ftp://h/f'`)
  t.equal(found('http://a..b/'), `${line}'http://a..b/'`)
  t.equal(found('/#x'), '400 AH02421 HTTP Request Line; URI must not contain a fragment')
  t.equal(found('/a?b#x'), '400 AH02421 HTTP Request Line; URI must not contain a fragment')
  t.equal(found('http://u:p@h/'), '400 AH02422 HTTP Request Line; URI must not contain a username/password')
  for (const path of ['/%zz', '/a%', '/a%4', '/../x', '/..', '/x/../..', '/%2e%2e/x', '/../%2f', '//..']) {
    t.equal(found(path), `400 AH10244 invalid URI path (${path})`)
  }
  t.equal(found('/x?a%zz'), '/x', 'the query is not decoded')
  t.end()
})

t.test('parseTarget() says what it understood of a path that it refuses', (t) => {
  const understood: Array<[string, string]> = [
    ['/../x', '/x'], ['/a/../../x', '/x'], ['/%2e%2e/x', '/x'], ['/..', '/'], ['http://h/../x?y', '/x'],
    ['/a%2fb', '/a/b'], ['/a%2Fb', '/a/b'], ['/a%00b', '/a'], ['/%00', '/'], ['/%zz', '/%zz'],
  ]
  for (const [target, path] of understood) t.match(parseTarget(target, GET), { fault: {}, path }, target)
  t.notOk('path' in parseTarget('/#x', GET), 'nothing of a target whose form is refused')
  t.equal(found('http://h/../x?y'), '400 AH10244 invalid URI path (http://h/../x?y)')
  t.end()
})

t.test('parseTarget() treats encoded slashes as AllowEncodedSlashes says', (t) => {
  const refused = (path: string): string => `404 AH00026 found %2f (encoded '/') in URI path (${path}), returning 404`
  t.equal(found('/a%2fb'), refused('/a%2fb'))
  t.equal(found('/%00'), refused('/%00'))
  t.equal(found('/a%2Fb', with_({ allowEncodedSlashes: 'On' })), '/a/b')
  t.equal(found('/a%2f..%2fb', with_({ allowEncodedSlashes: 'On' })), '/b', 'dots are looked at again')
  t.match(found('/%2f..%2f..', with_({ allowEncodedSlashes: 'On' })), /^400 AH10244 /)
  t.equal(found('/a%2fb%2Fc', with_({ allowEncodedSlashes: 'NoDecode' })), '/a%2fb%2Fc')
  t.equal(found('/a%00', with_({ allowEncodedSlashes: 'On' })), refused('/a%00'), 'NUL never passes')
  t.equal(found('//a///b', with_({ mergeSlashes: false })), '/a///b', 'one in front')
  t.equal(found('/a//../b', with_({ mergeSlashes: false })), '/a/b')
  t.end()
})

t.test('parseTarget() knows all forms', (t) => {
  t.match(parseTarget('/a?b?c', GET), { path: '/a', args: 'b?c', host: undefined, unparsed: '/a?b?c' })
  t.match(parseTarget('/a?', GET), { args: '' })
  t.match(parseTarget('/a', GET), { args: undefined })
  t.match(parseTarget('HTTP://WWW.Example.COM.:8080/a/../b?c', GET),
    { path: '/b', args: 'c', host: 'www.example.com', port: 8080, scheme: 'http' })
  t.match(parseTarget('http://h', GET), { path: '/', host: 'h', port: undefined })
  t.match(parseTarget('http://h:/x', GET), { path: '/x', host: 'h', port: undefined })
  t.match(parseTarget('http://h?x', GET), { path: '/', args: 'x' })
  t.match(parseTarget('https://[::1]:443/', GET), { host: '[::1]', port: 443, scheme: 'https' })
  t.match(parseTarget('ftp://h/f', with_({ anyScheme: true })), { path: '/f', scheme: 'ftp' })
  t.match(parseTarget('*', with_({ methodNumber: M_OPTIONS })), { path: '*' })
  t.match(parseTarget('http://h', with_({ methodNumber: M_OPTIONS })), { path: '*', host: 'h' })
  t.match(parseTarget('http://h/', with_({ methodNumber: M_OPTIONS })), { path: '/', host: 'h' })
  t.match(parseTarget('h:80', with_({ methodNumber: M_CONNECT })), { path: '/', host: 'h', port: 80 })
  t.match(found('h', with_({ methodNumber: M_CONNECT })), /^400 AH03450 /)
  t.match(found('/', with_({ methodNumber: M_CONNECT })), /^400 AH03450 /)
  t.end()
})

const segments = fc.constantFrom('a', 'b', '.', '..', '', '...', '%2e', '%2E%2e', '.%2e', '%2f', '%2F..', '%25', '%5c')

t.test('no path leaves the root or keeps a dot segment', (t) => {
  t.doesNotThrow(() => fc.assert(fc.property(
    fc.array(fc.oneof(segments, fc.string({ maxLength: 3 })), { maxLength: 8 }),
    fc.constantFrom<EncodedSlashes>('Off', 'On', 'NoDecode'), fc.boolean(),
    (parts, allowEncodedSlashes, mergeSlashes) => {
      const result = parseTarget(`/${parts.join('/')}`, { methodNumber: M_GET, allowEncodedSlashes, mergeSlashes })
      if ('fault' in result) return
      const names = result.path.split('/')
      if (names[0] !== '' || names.includes('..') || names.includes('.')) throw new Error(result.path)
      if (mergeSlashes && result.path.includes('//')) throw new Error(result.path)
      if (normalisePath(result.path, mergeSlashes) !== result.path) throw new Error(`not stable: ${result.path}`)
    },
  ), { numRuns: 5000 }))
  t.end()
})

t.test('plain paths come out as they went in', (t) => {
  const plain = fc.array(fc.stringMatching(/^[A-Za-z0-9_~-][A-Za-z0-9._~!$&'()*+,;=:@-]{0,6}$/), { maxLength: 5 })
  t.doesNotThrow(() => fc.assert(fc.property(plain, (parts) => {
    const path = `/${parts.join('/')}`
    if (found(path) !== path) throw new Error(path)
  })))
  t.end()
})
