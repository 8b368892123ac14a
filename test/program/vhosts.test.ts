// Virtual hosts: addresses, the choice of a server, and how -S shows them.
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { ServerConf } from '../../core/config/server_conf.ts'
import { serverCore } from '../../core/server/core_settings.ts'
import { vhostsText } from '../../core/server/dumps.ts'
import { localHost, parseHosts } from '../../core/server/hosts_file.ts'
import { buildServers } from '../../core/server/server.ts'
import { addressHash, canonicalAddress, parseVhostAddress, type VhostAddress } from '../../core/server/vhost_address.ts'
import { matchesPattern, VhostTable } from '../../core/server/vhost_table.ts'
import type { Server } from '../../core/hook/types.ts'

const hosts = parseHosts(
  '127.0.0.1 localhost\n::1 six.local # six\n10.0.0.1 box.example.org box\n10.0.0.2 box\n\nnot-an-ip x')

/** The few directives that matter here, one per line, as in httpd.conf. */
function table(text: string, file = 'vh.conf'): VhostTable {
  const main = new ServerConf(false, { file, line: 0 })
  main.vector.said(serverCore).serverName = 'main.example.com'
  const virtual: ServerConf[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const [name = '', ...args] = line.trim().replace(/>$/, '').split(/\s+/)
    const conf = virtual.at(-1)
    if (name === '<VirtualHost') virtual.push(new ServerConf(true, { file, line: index + 1 }, args))
    const said = (conf ?? main).vector.said(serverCore)
    if (name === 'ServerName') said.serverName = args[0]
    if (name === 'ServerAlias') said.serverAliases = [...said.serverAliases ?? [], ...args]
    if (name === 'ServerPath') said.serverPath = args[0]
  }
  const [first, ...rest] = buildServers({ main, virtual }, () => undefined)
  return new VhostTable(first!, rest.map((server) =>
    ({ server, addresses: server.conf.addresses.flatMap(addressesOf) })))
}

function addressesOf(text: string): readonly VhostAddress[] {
  const answer = parseVhostAddress(text, hosts)
  return answer.kind === 'addresses' ? answer.list : []
}

const nameOf = (server: Server) => server.get(serverCore).serverName

const DIR = 'test/cases/program/vhosts'
for (const name of readdirSync(DIR)) {
  t.test(`-S: ${name}`, (t) => {
    const [why = '', config = '', want = ''] = readFileSync(`${DIR}/${name}`, 'utf8').split(/^---\n/m)
    t.equal(vhostsText(table(config)), want, why.trim())
    t.end()
  })
}

const BAD = { kind: 'bad', message: 'The address or port is invalid' }
const MISSING = { kind: 'bad', message: 'Missing address for VirtualHost' }
const one = (address: string, port: number, written: string) =>
  ({ kind: 'addresses', list: [{ address, port, written }] })
const addresses: readonly (readonly [text: string, want: object])[] = [
  ['*', one('*', 0, '*')], ['*:80', one('*', 80, '*')], ['*:*', one('*', 0, '*')],
  ['_default_', one('*', 0, '_default_')], ['_DEFAULT_:443', one('*', 443, '_DEFAULT_')],
  ['1.2.3.4', one('1.2.3.4', 0, '1.2.3.4')], ['1.2.3.4:65535', one('1.2.3.4', 65535, '1.2.3.4')],
  ['1.2.3.4:*', one('1.2.3.4', 0, '1.2.3.4')], ['0.0.0.0:80', one('*', 80, '0.0.0.0')],
  ['[::1]', one('::1', 0, '[::1]')], ['[0:0::1]:80', one('::1', 80, '[0:0::1]')], ['[::]:80', one('*', 80, '[::]')],
  ['[::ffff:10.1.2.3]:80', one('10.1.2.3', 80, '[::ffff:10.1.2.3]')],
  ['[fe80::1%lo]:80', one('fe80::1%lo', 80, '[fe80::1%lo]')],
  ['LocalHost:80', one('127.0.0.1', 80, 'LocalHost')], ['six.local', one('::1', 0, 'six.local')],
  ['box:1', { kind: 'addresses', list: [
    { address: '10.0.0.1', port: 1, written: 'box' }, { address: '10.0.0.2', port: 1, written: 'box' },
  ] }],
  ['foo.invalid:80', { kind: 'unknown', host: 'foo.invalid' }], ['*:foo', { kind: 'unknown', host: '*:foo' }],
  ['80', MISSING], [':80', MISSING],
  ['*:0', BAD], ['*:65536', BAD], ['[::1', BAD], ['[1.2.3.4]:80', BAD], ['[zz]:80', BAD],
]

t.test('addresses of <VirtualHost>', (t) => {
  for (const [text, want] of addresses) t.same(parseVhostAddress(text, hosts), want, text)
  t.end()
})

t.test('one text per address', (t) => {
  const rows = [['::ffff:127.0.0.1', '127.0.0.1'], ['::FFFF:7f00:1', '127.0.0.1'], ['2001:DB8:0:0::A', '2001:db8::a'],
    ['::ffff:0.0.0.0', '*'], ['nonsense:x', 'nonsense:x']] as const
  for (const [text, want] of rows) t.equal(canonicalAddress(text), want)
  t.equal(addressHash('127.0.0.1'), 0x7e)
  t.equal(addressHash('::1'), 1)
  t.equal(addressHash('2001:db8::102:304'), 1 ^ 2 ^ 3 ^ 4)
  t.end()
})

t.test('the table of hosts', (t) => {
  t.same(parseHosts('').addressesOf('localhost'), ['127.0.0.1'])
  t.same(hosts.addressesOf('BOX'), ['10.0.0.1', '10.0.0.2'])
  t.same(localHost('www.example.net', hosts), { name: 'www.example.net', sure: true })
  t.same(localHost('box', hosts), { name: 'box.example.org', sure: true })
  t.same(localHost('elsewhere', hosts), { name: '127.0.0.1', sure: false })
  t.end()
})

t.test('by address', (t) => {
  const found = table(`<VirtualHost 10.0.0.1:80>
ServerName exact
<VirtualHost 10.0.0.1>
ServerName any-port
<VirtualHost *:80>
ServerName port-80
<VirtualHost [::1]:80>
ServerName six
<VirtualHost *>
ServerName anywhere`)
  const at = (ip: string, port: number) => nameOf(found.candidates(ip, port).first)
  t.equal(at('10.0.0.1', 80), 'exact')
  t.equal(at('10.0.0.1', 81), 'any-port')
  t.equal(at('::ffff:10.0.0.1', 80), 'exact', 'IPv4 on a socket for both')
  t.equal(at('10.0.0.2', 80), 'port-80')
  t.equal(at('10.0.0.2', 81), 'anywhere')
  t.equal(at('::1', 80), 'six')
  t.equal(at('0:0:0:0:0:0:0:1', 80), 'six')
  t.equal(nameOf(table('').candidates('10.0.0.1', 80).first), 'main.example.com')
  const narrow = table('<VirtualHost 10.0.0.1:80>')
  t.equal(nameOf(narrow.candidates('10.0.0.1', 81).first), 'main.example.com', 'no wildcard')
  t.end()
})

t.test('by name', (t) => {
  const found = table(`<VirtualHost *:80>
ServerName a.example.com
ServerPath /a
<VirtualHost *:80>
ServerName B.example.com
ServerAlias *.wild.com x?.com
ServerPath /b/
<VirtualHost *:80 box:80>
ServerName c.example.com
ServerAlias www.wild.com b.example.com`)
  const candidates = found.candidates('127.0.0.1', 80)
  const to = (host: string | undefined, uri = '/') => nameOf(found.select(candidates, host, uri))
  t.equal(to('a.example.com'), 'a.example.com')
  t.equal(to('b.example.com'), 'B.example.com', 'the first that has the name')
  t.equal(to('b.example.com.'), 'B.example.com', 'a dot at the end')
  t.equal(to('www.wild.com'), 'B.example.com', 'a pattern before an exact name further down')
  t.equal(to('xy.com'), 'B.example.com')
  t.equal(to('xyz.com'), 'a.example.com', 'nobody: the first of the list, never the main server')
  t.equal(to('main.example.com'), 'a.example.com')
  t.equal(to(undefined), 'a.example.com')
  t.equal(to(undefined, '/b/x'), 'B.example.com', 'ServerPath')
  t.equal(to(undefined, '/ax'), 'a.example.com', 'no whole path component: the default')
  t.equal(to('xyz.com', '/b/x'), 'a.example.com', 'ServerPath is for requests without a host name')
  t.equal(candidates.find('xyz.com'), undefined, 'StrictHostCheck can tell')
  const box = found.candidates('10.0.0.1', 80).find('box')
  t.equal(nameOf(box!), 'c.example.com', 'the host as written in <VirtualHost>')
  t.equal(nameOf(found.main.find('main.example.com')!), 'main.example.com')
  t.end()
})

t.test('patterns agree with regular expressions', (t) => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 })
  fc.assert(fc.property(pattern, text, (glob, host) => {
    const expression = new RegExp(`^${glob.replaceAll('?', '.').replaceAll('*', '.*')}$`)
    return matchesPattern(glob, host) === expression.test(host)
  }), { numRuns: 2000 })
  t.pass()
  t.end()
})

interface Host { readonly at: readonly string[]; readonly name: string; readonly aliases: readonly string[] }

/** The rules as the manual words them, going through the hosts one by one. */
function naive(list: readonly Host[], ip: string, port: number, host: string): string {
  const steps = [`${ip}:${port}`, `${ip}:*`, `*:${port}`, '*:*']
  const step = steps.find((text) => list.some(({ at }) => at.includes(text)))
  if (step === undefined) return 'main.example.com'
  const candidates = list.filter(({ at }) => at.includes(step))
  const hit = candidates.find(({ name, aliases }) => [name, ...aliases].some((alias) => matchesPattern(alias, host)))
  return (hit ?? candidates[0]!).name
}

t.test('agrees with a naive search', (t) => {
  const address = fc.constantFrom('1.1.1.1:80', '1.1.1.1:*', '1.1.1.2:80', '*:80', '*:81', '*:*')
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 2 })
  const alias = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 3 })
  const host: fc.Arbitrary<Host> = fc.record({
    at: fc.uniqueArray(address, { minLength: 1, maxLength: 3 }), name, aliases: fc.array(alias, { maxLength: 3 }),
  })
  const list = fc.array(host, { maxLength: 6 })
  const ip = fc.constantFrom('1.1.1.1', '1.1.1.2', '1.1.1.3')
  fc.assert(fc.property(list, ip, fc.constantFrom(80, 81, 82), name, (all, localIp, port, asked) => {
    const text = all.map(({ at, name: own, aliases }) =>
      `<VirtualHost ${at.join(' ')}>\nServerName ${own}\nServerAlias ${aliases.join(' ')}`).join('\n')
    const found = table(text)
    t.equal(nameOf(found.select(found.candidates(localIp, port), asked, '/')), naive(all, localIp, port, asked))
  }), { numRuns: 500 })
  t.end()
})
