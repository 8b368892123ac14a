import fc from 'fast-check'
import t from 'tap'
import { OK, type Status } from '../../core/api.ts'
import { satisfiesAny } from '../../core/server/authn.ts'
import { checkAccess, inDomain, module as compat } from '../../modules/mod_access_compat.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

const ask = (text: string, more: Wanted = {}) => {
  const request = fakeRequest(configure([compat], text), { filename: '/docs/x', uri: '/x', ...more })
  return { status: checkAccess(request), request }
}

t.test('Order, Allow, Deny', (t) => {
  const is = (text: string, expected: Status, more: Wanted = {}) =>
    t.equal(ask(text, more).status, expected, text.replaceAll('\n', '; '))
  is('Order allow,deny', 403)
  is('Order deny,allow', OK)
  is('Order mutual-failure', 403)
  is('Deny from all', 403)
  is('Allow from all', OK)
  is('Order allow,deny\nAllow from 192.0.2', OK)
  is('Order allow,deny\nAllow from 192.0.2.0/24\nDeny from 192.0.2.7', 403)
  is('Order deny,allow\nAllow from 192.0.2.0/24\nDeny from 192.0.2.7', OK)
  is('Order mutual-failure\nAllow from 192.0.2.0/255.255.255.0\nDeny from 192.0.2.7', 403)
  is('Order allow,deny\nAllow from 10 env=IN', 403)
  is('Order allow,deny\nAllow from 10 ENV=IN', OK, { env: new Map([['IN', '']]) })
  is('Deny from env=!IN', 403)
  is('Order allow,deny\nAllow from 2001:db8::/32', OK, { connection: { clientIp: '2001:db8::1' } })
  is('Order allow,deny\nAllow from 192.0.2', OK, { connection: { clientIp: '::ffff:192.0.2.1' } })
  // Whom mod_remoteip has found, not the proxy.
  is('Order allow,deny\nAllow from 203.0.113', OK, { clientIp: '203.0.113.5' })
  is('Order allow,deny\nAllow from 192.0.2', 403, { clientIp: '203.0.113.5' })
  is('<Limit POST>\nDeny from all\n</Limit>', OK)
  is('<Limit POST>\nDeny from all\n</Limit>', 403, { method: 'POST' })
  is('<LimitExcept GET>\nOrder allow,deny\n</LimitExcept>', OK, { method: 'HEAD' })
  is('<LimitExcept GET>\nOrder allow,deny\n</LimitExcept>', 403, { method: 'FOO' })
  is('Order allow,deny\n<Limit GET>\nOrder deny,allow\n</Limit>', OK)
  is('Order allow,deny\nDeny from all\n<Location /x>\nSatisfy All\n</Location>', OK)
  t.strictSame(ask('Deny from all').request.logged.map(({ message }) => message),
    ['AH01797: client denied by server configuration: /docs/x'])
  t.end()
})

t.test('Satisfy', (t) => {
  const any = (text: string, method = 'GET') => satisfiesAny(fakeRequest(configure([compat], text), { method }))
  t.equal(any(''), false)
  t.equal(any('Satisfy Any'), true)
  t.equal(any('Satisfy Any\nSatisfy all'), false)
  t.equal(any('<Limit POST>\nSatisfy Any\n</Limit>'), false)
  t.equal(any('<Limit POST>\nSatisfy Any\n</Limit>', 'POST'), true)
  t.equal(any('Satisfy Any\n<Location /x>\nDeny from all\n</Location>'), false, 'a section replaces what is around it')
  t.end()
})

t.test('a name is in a domain if it ends with it where a label begins', (t) => {
  t.equal(inDomain('example.org', 'www.Example.org'), true)
  t.equal(inDomain('Example.org', 'example.org'), true)
  t.equal(inDomain('.example.org', 'www.example.org'), true)
  t.equal(inDomain('.example.org', 'example.org'), false)
  t.equal(inDomain('ample.org', 'example.org'), false)
  fc.assert(fc.property(fc.domain(), fc.domain(), (domain, name) => inDomain(domain, `${name}.${domain}`)))
  t.end()
})

t.test('what is refused', (t) => {
  const is = (text: string, message: string | undefined) => t.equal(refusal([compat], text), message, text)
  is('Order bla', 'unknown order')
  is('Order allow, deny', "Order takes one argument, 'allow,deny', 'deny,allow', or 'mutual-failure'")
  is('Allow to all', "allow and deny must be followed by 'from'")
  is('Allow all', "Allow requires at least two arguments, 'from' followed by hostnames or IP-address wildcards")
  is('Allow from all # comment', 'No comments are allowed here')
  is('Satisfy some', "Satisfy either 'any' or 'all'.")
  for (const address of ['10.0.0.999', '10/8', '300.1', '2001:db8']) is(`Deny from ${address}`, 'The specified IP address is invalid.')
  for (const network of ['10.0.0.0/99', '1.2.3.4/', '1.2.3.4/a', '::1/200']) is(`Deny from ${network}`, 'The specified network mask is invalid.')
  is('Deny from foo/8', 'An IP address was expected')
  is('Allow From 10.0.0.0/8 10 10. 10.1.2 1.2.3.4/255.255.0.0 ::1/64 host.example .example', undefined)
  t.end()
})
