/** mod_authn_dbm and mod_authz_dbm where apache2 cannot be asked: what is logged, .htaccess, LMDB. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { authnProvider, sha1 } from 'httpd'
import { dbmKind } from '../../core/port/dbm/dbm.ts'
import { module as authnDbm } from '../../modules/mod_authn_dbm.ts'
import { groupsIn, module as authzDbm } from '../../modules/mod_authz_dbm.ts'
import { configure, fakeRequest, type FakeRequest } from './harness.ts'

Object.assign(globalThis, { require: createRequire(join(process.cwd(), 'package.json')) })

function fill(path: string, type: string, entries: Readonly<Record<string, string>>): void {
  const dbm = dbmKind(type, path).write(path, true)
  for (const [key, value] of Object.entries(entries)) dbm.put(Buffer.from(key, 'latin1'), Buffer.from(value, 'latin1'))
  dbm.close()
}

const check = (r: FakeRequest, user: string, password: string) =>
  authnProvider('dbm', undefined)!.checkPassword!(r, user, password, r.dirVector)

const requestWith = (text: string): FakeRequest => fakeRequest(configure([authnDbm, authzDbm], `<Location />\n${text}\n</Location>`))

t.test('users of an LMDB file', (t) => {
  const path = join(t.testdir({}), 'users')
  fill(path, 'LMDB', { bob: `${sha1('secret')}:a comment`, 'bob:realm': 'digits:more', 'gr\xfc\xdf': sha1('x') })
  for (const type of ['', 'AuthDBMType lmdb', 'AuthDBMType Default']) {
    const r = requestWith(`AuthDBMUserFile ${path}\n${type}`)
    t.equal(check(r, 'bob', 'secret'), 'granted')
    t.equal(check(r, 'bob', 'wrong'), 'denied')
    t.equal(check(r, 'gr\xfc\xdf', 'x'), 'granted')
    t.equal(check(r, 'jim', 'secret'), 'userNotFound')
    t.equal(check(r, 'x'.repeat(5000), 'secret'), 'userNotFound')
    t.same(authnProvider('dbm', undefined)!.realmHash!(r, 'bob', 'realm', r.dirVector), { hash: 'digits' })
    t.same(r.logged, [])
  }
  t.end()
})

t.test('what cannot be opened is logged', (t) => {
  const directory = t.testdir({ text: 'bob:secret\n' })
  const cases: readonly (readonly [conf: string, message: RegExp])[] = [
    ['AuthDBMType SDBM', /^AH10285: could not open dbm \(type SDBM\) file: AuthDBMUserFile is not set$/],
    [`AuthDBMUserFile ${directory}/none`, /^AH10285: could not open dbm \(type default\) file: \S+none$/],
    [`AuthDBMUserFile ${directory}/text`, /^AH10285: .*text: it is not a database of type LMDB$/],
    [`AuthDBMUserFile ${directory}/text\nAuthDBMType DB`, /^AH10285: .*: there is no library for files of type DB: there are LMDB, SDBM, default$/],
  ]
  for (const [conf, message] of cases) {
    const r = requestWith(conf)
    t.equal(check(r, 'bob', 'secret'), 'error')
    t.match(r.logged[0]!.message, message)
  }
  t.end()
})

t.test('groups of a value', (t) => {
  t.same(groupsIn('a,b'), ['a', 'b'])
  t.same(groupsIn('hash:a,b:comment'), ['a', 'b'])
  t.same(groupsIn('hash:'), [''])
  t.end()
})
