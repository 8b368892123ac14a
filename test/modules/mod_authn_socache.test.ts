/** mod_authn_socache: what is kept of users, for whom, and what bad configuration gets. */
import t from 'tap'
import { authnProvider, cacheCredentials, registerAuthn, registerSocache, serverCore, sha1, type Socache } from 'httpd'
import { module as authnSocache, openCache } from '../../modules/mod_authn_socache.ts'
import { module as shmcb } from '../../modules/mod_socache_shmcb.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, refusal, type FakeRequest } from './harness.ts'

const MODULES = [authnSocache, shmcb]

/** A cache in a map, which answers late if it is told to. */
function mapped(late: boolean): Socache & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>()
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
  const when = <T>(value: T): T | Promise<T> => late ? Promise.resolve(value) : value
  return {
    quick: !late, kept, open: () => undefined,
    store: (id, value) => when(kept.set(text(id), text(value)) !== undefined && text(value) !== 'too large'),
    retrieve: (id) => when(kept.has(text(id)) ? Buffer.from(kept.get(text(id))!, 'latin1') : undefined),
    remove: (id) => kept.delete(text(id)),
  }
}

let current = mapped(false)
registerSocache('map', () => current)
registerAuthn('known', {})

function begin(text: string, late = false): (uri: string) => FakeRequest {
  current = mapped(late)
  const configured = configure(MODULES, text)
  configured.conf.vector.said(serverCore).serverName = 'www.example'
  t.equal(openCache(fakeStartup(fakeServer(configured.conf))), 0)
  return (uri) => fakeRequest(configured, { uri })
}

const check = (r: FakeRequest, user: string, password: string) =>
  authnProvider('socache', undefined)!.checkPassword!(r, user, password, r.dirVector)

t.test('a hash is kept for the providers that are named, and passwords are checked against it', async (t) => {
  for (const late of [false, true]) {
    const request = begin('AuthnCacheSOCache map\n<Location />\nAuthnCacheProvideFor known other\n</Location>', late)
    const r = request('/a/b')
    t.equal(await check(r, 'bob', 'secret'), 'userNotFound')
    cacheCredentials(r, 'elsewhere', 'bob', undefined, sha1('secret'))
    t.equal(await check(r, 'bob', 'secret'), 'userNotFound')
    cacheCredentials(r, 'known', 'bob', undefined, sha1('secret'))
    t.same([...current.kept.keys()], ['www.example/a\0bob'])
    t.equal(await check(r, 'bob', 'secret'), 'granted')
    t.equal(await check(r, 'bob', 'wrong'), 'denied')
    t.equal(await check(request('/a/c'), 'bob', 'secret'), 'granted')
    t.equal(await check(request('/c'), 'bob', 'secret'), 'userNotFound')
    const hash = await authnProvider('socache', undefined)!.realmHash!(r, 'bob', 'realm', r.dirVector)
    t.equal(hash, 'userNotFound')
    cacheCredentials(r, 'known', 'bob', 'realm', 'digits')
    t.same(await authnProvider('socache', undefined)!.realmHash!(r, 'bob', 'realm', r.dirVector), { hash: 'digits' })
    t.ok(r.logged.some(({ message }) => message === 'AH01681: Cached authn credentials for bob in directory'))
    t.ok(r.logged.some(({ message }) => message === 'AH01685: Authn cache: found credentials for bob'))
    t.notOk(r.logged.some(({ message }) => /secret|SHA/.test(message)), 'no secrets in logs')
    cacheCredentials(r, 'known', 'bob', undefined, 'too large')
    await Promise.resolve()
    t.ok(r.logged.some(({ message }) => message === 'AH01682: Failed to cache authn credentials for known in directory'))
  }
})

t.test('a context', (t) => {
  const contexts = { server: 'www.example\0bob', directory: 'www.example/x\0bob', mine: 'mine\0bob' }
  for (const [context, key] of Object.entries(contexts)) {
    const request = begin(`AuthnCacheSOCache map\n<Location />\nAuthnCacheProvideFor known\nAuthnCacheContext ${context}\n</Location>`)
    cacheCredentials(request('/x/y'), 'known', 'bob', undefined, 'hash')
    t.same([...current.kept.keys()], [key])
  }
  t.end()
})

t.test('nothing is opened where nothing is kept', (t) => {
  const request = begin('AuthnCacheSOCache map\n<Location />\nAuthnCacheTimeout 5\n</Location>')
  const r = request('/')
  cacheCredentials(r, 'known', 'bob', undefined, 'hash')
  t.equal(check(r, 'bob', 'x'), 'userNotFound')
  t.equal(current.kept.size, 0)
  t.same(r.logged, [])
  t.end()
})

t.test('what bad configuration gets', (t) => {
  t.equal(refusal(MODULES, 'AuthnCacheSOCache foo:bar'), 'AuthnCacheSOCache: Unknown socache provider \'foo:bar\'. Maybe you ' +
    'need to load the appropriate socache module (mod_socache_foo:bar?)')
  t.equal(refusal(MODULES, 'AuthnCacheSOCache shmcb:/x(12)'), 'AuthnCacheSOCache: Invalid argument: size has to be >= 8192 bytes')
  t.equal(refusal(MODULES, 'AuthnCacheSOCache'), 'AuthnCacheSOCache takes one argument, socache provider for authn cache')
  t.equal(refusal(MODULES, 'AuthnCacheEnable on'), undefined)
  t.equal(refusal(MODULES, 'AuthnCacheEnable'), undefined)
  const conf = configure(MODULES, 'AuthnCacheSOCache map').conf
  t.equal(openCache(fakeStartup(fakeServer(conf))), 0)
  registerSocache('broken', () => ({ ...mapped(false), open: () => { throw new Error('no room') } }))
  const notes: string[] = []
  t.equal(openCache(fakeStartup(fakeServer(configure(MODULES, 'AuthnCacheSOCache broken\nAuthnCacheEnable').conf), notes)), 500)
  t.same(notes, ['crit authn_socache: AH01677: failed to initialise authn-socache cache: no room'])
  t.end()
})
