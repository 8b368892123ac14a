// mod_remoteip: whom a header or the PROXY protocol names, and what is refused.
import fc from 'fast-check'
import t from 'tap'
import { follow } from '../../modules/remoteip/header.ts'
import { read } from '../../modules/remoteip/proxy_protocol.ts'
import { findClient, module } from '../../modules/mod_remoteip.ts'
import { answers, make } from '../server/fake_connection.ts'
import { configure, fakeRequest, refusal } from './harness.ts'

const REQUEST = 'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n'
const V4 = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x05\xc0\0\x02\x01\x12\x67\0\x50'
const V6 = `\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x27\x20\x01\x0d\xb8${'\0'.repeat(11)}\x05${'\0'.repeat(16)}\x12\x67\0\x50TLV`
const LOCAL = '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

t.test('the PROXY protocol', (t) => {
  const is = (text: string, client: unknown) => t.strictSame(read(bytes(text + REQUEST)), { used: text.length, client }, JSON.stringify(text))
  is('PROXY TCP4 203.0.113.5 192.0.2.1 4711 80\r\n', { address: '203.0.113.5', port: 4711 })
  is('PROXY TCP6 2001:db8::5 2001:db8::1 4711 80\r\n', { address: '2001:db8::5', port: 4711 })
  is('PROXY UNKNOWN whatever\r\n', undefined)
  is(V4, { address: '203.0.113.5', port: 4711 })
  is(V6, { address: '2001:db8::5', port: 4711 })
  is(LOCAL, undefined)
  const bad = (text: string, message: RegExp) => t.match(read(bytes(text)), { fault: message }, JSON.stringify(text))
  bad('PROXY TCP4 203.0.113.999 192.0.2.1 4711 80\r\n', /^AH03500: .*invalid client-address '203\.0\.113\.999'/)
  bad('PROXY TCP6 203.0.113.9 192.0.2.1 4711 80\r\n', /^AH03500/)
  bad('PROXY TCP6 fe80::1%lo 2001:db8::1 4711 80\r\n', /^AH03500/)
  bad('PROXY TCP5 203.0.113.9 192.0.2.1 4711 80\r\n', /^AH03499: .*unknown family 'TCP5'/)
  bad('PROXY \r\n', /no family found/)
  bad('PROXY TCP4 203.0.113.9 192.0.2.1\r\n', /no client-port found/)
  bad('PROXY TCP4 203.0.113.9 192.0.2.1 65536 80\r\n', /^AH03501/)
  bad(`PROXY ${'x'.repeat(200)}`, /^AH10185/)
  bad(V4.replace('\x21\x11', '\x22\x11'), /^AH03507/)
  bad(V4.replace('\x21\x11', '\x21\x31'), /^AH10183: .*unsupported protocol 31/)
  bad(V4.replace('\x11\0\x0c', '\x11\0\x04'), /^AH10597/)
  bad(V4.replace('\0\x0c', '\xff\xff'), /^AH10186/)
  t.equal(read(bytes(REQUEST)), 'none')
  t.equal(read(bytes('PRO')), 'more')
  t.equal(read(bytes('PRX')), 'none')
  t.end()
})

t.test('any bytes are read without a fault of our own, and no more than there are', (t) => {
  fc.assert(fc.property(fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', V4.slice(0, 12)), fc.uint8Array({ maxLength: 200 }), (start, rest) => {
    const all = Buffer.concat([bytes(start), rest])
    const told = read(all)
    return typeof told === 'string' || 'fault' in told || told.used <= all.length
  }))
  t.end()
})

for (const [name, preface] of [['1', 'PROXY TCP4 203.0.113.5 192.0.2.1 4711 80\r\n'], ['2', V4]] as const) {
  t.test(`a connection begins with version ${name}, in pieces of any size`, (t) => {
    for (const size of [1, 7, 1000]) {
      const { conf } = configure([module], 'RemoteIPProxyProtocol On')
      const seen: string[] = []
      const { socket, conn, say } = make((list) => {
        list.add({ module, symbol: module.name, linkage: 'static' })
        list.hooks.fixups.add('test', (r) => (seen.push(`${r.clientIp}:${r.clientPort}`), 0), { quick: true })
      }, {}, conf)
      const text = preface + REQUEST + REQUEST
      for (let at = 0; at < text.length; at += size) {
        say(text.slice(at, at + size))
        conn.advance()
      }
      t.strictSame(answers(socket.outgoing), ['200', '200'])
      t.strictSame(seen, ['203.0.113.5:4711', '203.0.113.5:4711'])
    }
    t.end()
  })
}

t.test('a connection without it is closed, but from an exception', (t) => {
  const went = (conf: string) => {
    const { socket, conn, say } = make((list) => list.add({ module, symbol: module.name, linkage: 'static' }), {}, configure([module], conf).conf)
    say(REQUEST)
    conn.advance()
    return answers(socket.outgoing)
  }
  t.strictSame(went('RemoteIPProxyProtocol On'), [])
  t.strictSame(went('RemoteIPProxyProtocol On\nRemoteIPProxyProtocolExceptions 10.0.0.0/8'), ['200'])
  t.strictSame(went(''), ['200'])
  t.end()
})

t.test('a header', (t) => {
  const r = fakeRequest(configure([module], 'RemoteIPHeader X-F\nRemoteIPProxiesHeader X-B\nRemoteIPTrustedProxy 192.0.2.0/24'),
    { headers: { 'X-F': '10.9.9.9, 203.0.113.5, 192.0.2.8' } })
  t.equal(findClient(r), 0)
  t.match(r, { clientIp: '203.0.113.5', clientPort: 0 })
  t.equal(r.notes.get('remoteip-proxy-ip-list'), '192.0.2.7, 192.0.2.8')
  t.equal(r.editHeadersIn().get('X-F'), '10.9.9.9')
  const plain = fakeRequest(configure([module], 'RemoteIPHeader X-F'))
  t.equal(findClient(plain), -1)
  t.end()
})

t.test('a header counts for nothing where the PROXY protocol has spoken', (t) => {
  const seen = (preface: string, conf: string): string | undefined => {
    let client: string | undefined
    const { conn, say } = make((list) => {
      list.add({ module, symbol: module.name, linkage: 'static' })
      list.hooks.fixups.add('test', (r) => ((client = r.clientIp), 0), { quick: true })
    }, {}, configure([module], conf).conf)
    say(`${preface}${REQUEST.replace('\r\n\r\n', '\r\nX-F: 198.51.100.9\r\n\r\n')}`)
    conn.advance()
    return client
  }
  const on = 'RemoteIPHeader X-F\nRemoteIPProxyProtocol On'
  t.equal(seen('PROXY TCP4 203.0.113.5 192.0.2.1 4711 80\r\n', on), '203.0.113.5')
  t.equal(seen(V4, on), '203.0.113.5')
  const peer = seen('PROXY UNKNOWN\r\n', on)
  t.match(peer, /^10\./)
  t.equal(seen(LOCAL, on), peer)
  t.equal(seen('', `${on}\nRemoteIPProxyProtocolExceptions 10.0.0.0/8`), '198.51.100.9')
  t.end()
})

t.test('an address of IPv4 is one however it is written', (t) => {
  const proxies = [{ holds: () => true, internal: true }]
  for (const text of ['::ffff:a00:1', '::ffff:10.0.0.1', '0:0:0:0:0:FFFF:0a00:1', '10.0.0.1'])
    t.equal(follow(text, '127.0.0.1', proxies, 'X').client, '10.0.0.1', text)
  t.equal(follow('2001:0DB8:0:0::1', '127.0.0.1', proxies, 'X').client, '2001:db8::1')
  t.match(follow('fe80::1%lo', '127.0.0.1', proxies, 'X'), { client: '127.0.0.1', doubt: /^AH01568/ })
  t.end()
})

t.test('a header of any length takes time in proportion', (t) => {
  const value = '203.0.113.5,'.repeat(5000) + '203.0.113.6'
  t.match(follow(value, '127.0.0.1', undefined, 'X'), { client: '203.0.113.5', rest: '' })
  t.end()
})

t.test('refusals', (t) => {
  const is = (conf: string, message: string | RegExp) => t.match(refusal([module], conf), message, conf)
  is('RemoteIPTrustedProxy 1.2.3.999', 'RemoteIP: Error parsing IP 1.2.3.999 (The specified IP address is invalid. error) for RemoteIPTrustedProxy')
  is('RemoteIPInternalProxy nosuch.invalid', 'RemoteIP: Error parsing IP nosuch.invalid (Name or service not known error) for RemoteIPInternalProxy')
  is('RemoteIPTrustedProxyList /no/such', /^RemoteIPTrustedProxyList: Could not open file \/no\/such: /)
  is('RemoteIPProxyProtocolExceptions x', "ip address 'x' appears to be invalid")
  is('RemoteIPProxyProtocol maybe', /^RemoteIPProxyProtocol must be On or Off/)
  t.end()
})
