import t from 'tap'
import { findHome } from '../../core/server/accounts.ts'
import { DECLINED, HANDOVER, OK } from '../../core/hook/hook.ts'
import { Distance, distance, fixup } from '../../modules/mod_speling.ts'
import { module as speling } from '../../modules/mod_speling.ts'
import { module as userdir, placeOf, translate as translateUser } from '../../modules/mod_userdir.ts'
import { formatOf, interpolate, module as vhostAlias } from '../../modules/mod_vhost_alias.ts'
import { configure, fakeRequest, fileOf, refusal } from './harness.ts'

t.test('how far names are from each other', (t) => {
  const is = (asked: string, name: string, expected: number | undefined) => t.equal(distance(asked, name), expected, `${asked} ${name}`)
  is('Word', 'wORD', Distance.capitals)
  is('wrod', 'word', Distance.transposed)
  is('wod', 'word', Distance.missing)
  is('woord', 'word', Distance.extra)
  is('wird', 'word', Distance.mistyped)
  is('wdro', 'word', undefined)
  is('', 'a', Distance.missing)
  is('word', 'wordxx', undefined)
  t.end()
})

t.test('whose spelling is looked at', (t) => {
  const configured = configure([speling], 'CheckSpelling On')
  const ask = (more: Parameters<typeof fakeRequest>[1]) => fixup(fakeRequest(configured, { uri: '/a', filename: '/no/such/directory/a', ...more }))
  t.equal(ask({ finfo: fileOf('file') }), DECLINED, 'what is there is right')
  t.equal(ask({ method: 'POST' }), DECLINED)
  t.equal(ask({ mayBlock: false }), HANDOVER)
  t.equal(ask({}), DECLINED, 'no directory')
  t.equal(ask({ uri: '/b' }), DECLINED, 'the URL does not end as the path does')
  t.end()
})

t.test('places of UserDir', (t) => {
  t.match(placeOf('public_html'), { kind: 'home', directory: 'public_html' })
  t.match(placeOf('/home/*/www'), { kind: 'path', before: '/home/', after: '/www' })
  t.match(placeOf('/www'), { kind: 'path', before: '/www/', after: '' })
  t.match(placeOf('http://x/*/y'), { kind: 'url', before: 'http://x/', after: '/y' })
  t.match(placeOf('http://x'), { kind: 'url', before: 'http://x/', after: '' })
  t.equal(refusal([userdir], 'UserDir'), 'UserDir requires an argument.')
  const map = (text: string, uri: string) => {
    const request = fakeRequest(configure([userdir], text), { uri })
    return translateUser(request) === OK ? request.filename : undefined
  }
  t.equal(map('UserDir /home/*/www', '/~bob/x'), '/home/bob/www/x')
  t.equal(map('UserDir /home/*/www\nUserDir disabled bob', '/~BOB/x'), undefined)
  t.equal(map('UserDir /home/*/www\nUserDir disabled\nUserDir enabled bob', '/~bob'), '/home/bob/www')
  for (const uri of ['/~', '/~./x', '/~../x', '/bob']) t.equal(map('UserDir /home', uri), undefined, uri)
  t.equal(findHome('a:x:1:1::/home/a:/bin/sh\nab:x:2:2::/home/ab:\n', 'ab'), '/home/ab')
  t.end()
})

t.test('paths made of names', (t) => {
  const path = (format: string, name = 'www.example.com') => interpolate(formatOf(format, false)!, name, 8080)
  t.equal(path('/v/%0'), '/v/www.example.com')
  t.equal(path('/v/%2/%p/%%/'), '/v/example/8080/%')
  t.equal(path('/%-2/%2+/%-2+'), '/example/example.com/www.example')
  t.equal(path('/%2.1/%2.-1/%2.2+/%2.-2+'), '/e/e/xample/exampl')
  t.equal(path('/%4/%2.9'), '/_/_')
  t.equal(path('/%1', 'WWW'), '/www')
  t.equal(formatOf('None', true), undefined)
  const is = (line: string, text: string) => t.equal(refusal([vhostAlias], line), text, line)
  for (const bad of ['/%q', '/%', '/%-', '/%0.', '/%2.p']) is(`VirtualDocumentRoot ${bad}`, 'syntax error in format string')
  is('VirtualScriptAlias x', "format string must be an absolute path, or 'none'")
  t.end()
})
