// Names of addresses: when they are asked for, and what counts as one.
import t from 'tap'
import { OK } from '../../core/hook/hook.ts'
import type { Connection, Request } from '../../core/hook/types.ts'
import { dirCore, type DirCore } from '../../core/server/core_settings.ts'
import { findNames, localHost, provenHost, remoteHost, wantsNames } from '../../core/server/host_names.ts'

const service = (names: Record<string, string>, addresses: Record<string, string[]> = {}) => {
  const asked: string[] = []
  return {
    asked,
    nameOf: async (address: string) => {
      asked.push(address)
      const name = names[address]
      if (name === undefined) throw new Error('ENOTFOUND')
      return Promise.resolve(name)
    },
    addressesOf: async (name: string) => {
      asked.push(name)
      return Promise.resolve(addresses[name] ?? [])
    },
  }
}

function request(
  settings: Partial<DirCore>, connection = { clientIp: '192.0.2.7', localIp: '192.0.2.1' } as Connection,
  clientIp = connection.clientIp,
): Request {
  return { connection, clientIp, dir: () => ({ ...dirCore.defaults, ...settings }) } as unknown as Request
}

t.test('a configuration that wants no names asks for none', (t) => {
  t.notOk(wantsNames(dirCore.defaults))
  t.ok(wantsNames({ ...dirCore.defaults, hostnameLookups: 'on' }))
  t.ok(wantsNames({ ...dirCore.defaults, useCanonicalName: 'dns' }))
  t.end()
})

t.test('HostnameLookups On: once for a connection, in lower case', async (t) => {
  const names = service({ '192.0.2.7': 'Client.Example' })
  const r = request({ hostnameLookups: 'on' })
  t.equal(remoteHost(r), undefined)
  t.equal(await findNames(r, names), OK)
  t.equal(remoteHost(r), 'client.example')
  t.equal(findNames(r, names), OK, 'at once')
  t.same(names.asked, ['192.0.2.7'])
})

t.test('no name is an answer that is remembered', async (t) => {
  const names = service({})
  const r = request({ hostnameLookups: 'on' })
  await findNames(r, names)
  await findNames(r, names)
  t.equal(remoteHost(r), undefined)
  t.equal(names.asked.length, 1)
})

t.test('HostnameLookups Double: the name must lead back', async (t) => {
  const true_ = request({ hostnameLookups: 'double' })
  await findNames(true_, service({ '192.0.2.7': 'a.example' }, { 'a.example': ['192.0.2.6', '192.0.2.7'] }))
  t.equal(remoteHost(true_), 'a.example')
  const false_ = request({ hostnameLookups: 'double' })
  await findNames(false_, service({ '192.0.2.7': 'a.example' }, { 'a.example': ['192.0.2.6'] }))
  t.equal(remoteHost(false_), undefined)
})

t.test('Double after On proves the name that is known', async (t) => {
  const on = request({ hostnameLookups: 'on' })
  await findNames(on, service({ '192.0.2.7': 'a.example' }))
  const names = service({})
  await findNames(request({ hostnameLookups: 'double' }, on.connection), names)
  t.same(names.asked, ['a.example'])
  t.equal(remoteHost(on), undefined)
})

t.test('UseCanonicalName DNS: the name of this end', async (t) => {
  const r = request({ useCanonicalName: 'dns' })
  await findNames(r, service({ '192.0.2.1': 'server.example' }))
  t.equal(localHost(r.connection), 'server.example')
  t.equal(remoteHost(r), undefined)
})

t.test('the name of whom a proxy speaks for, not of the proxy', async (t) => {
  const names = service({ '192.0.2.7': 'proxy.example', '203.0.113.5': 'client.example' }, { 'client.example': ['203.0.113.5'] })
  const proxy = request({ hostnameLookups: 'on' })
  const client = request({ hostnameLookups: 'on' }, proxy.connection, '203.0.113.5')
  const other = request({ hostnameLookups: 'on' }, proxy.connection, '203.0.113.6')
  await findNames(client, names)
  t.equal(remoteHost(client), 'client.example')
  t.equal(remoteHost(proxy), undefined)
  t.equal(await provenHost(client, names), 'client.example')
  t.equal(await provenHost(other, names), undefined)
  await findNames(proxy, names)
  t.equal(remoteHost(proxy), 'proxy.example')
})
