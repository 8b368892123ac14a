// Groups, owners of files, and users who need no account.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DECLINED, fileOwner, lookUpAccount, OK, type Status } from '../../core/api.ts'
import { authenticate, module as basic } from '../../modules/mod_auth_basic.ts'
import { module as anon } from '../../modules/mod_authn_anon.ts'
import { module as authnCore } from '../../modules/mod_authn_core.ts'
import { checkUser, checkWithoutUser, module as authzCore } from '../../modules/mod_authz_core.ts'
import { groupsIn, module as groupfile } from '../../modules/mod_authz_groupfile.ts'
import { module as owner } from '../../modules/mod_authz_owner.ts'
import { configure, fakeRequest, type Wanted } from './harness.ts'

const modules = [authnCore, basic, anon, authzCore, groupfile, owner]
const directory = mkdtempSync(join(tmpdir(), 'httpd-auth-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const file = (name: string, text: string): string => {
  const path = join(directory, name)
  writeFileSync(path, text, 'latin1')
  return path
}
const me = lookUpAccount('passwd', process.getuid!())!.name

t.test('the groups of a user', (t) => {
  const is = (text: string, user: string, ...groups: string[]) =>
    t.strictSame([...groupsIn(Buffer.from(text, 'latin1'), user)], groups, JSON.stringify([text, user]))
  const text = '# bob: a\nStaff : ann bob\n admins:: bobby "two words"\nempty:\nbob\n:bob\nlong: a \\\n  eve\n'
  is(text, 'bob', 'staff', '')
  is(text, 'bobby', 'admins')
  is(text, 'two words', 'admins')
  is(text, 'two')
  is(text, 'eve', 'long')
  is(text, 'staff')
  is('q: "a\\"b"\n', 'a"b', 'q')
  t.end()
})

function ask(require: string, user: string | undefined, more: Wanted = {}) {
  const path = file('groups', `staff: bob ${me}\n${lookUpAccount('group', process.getgid!())!.name}: ${me}\n`)
  const request = fakeRequest(configure(modules, `AuthType Basic\nAuthName x\nAuthGroupFile ${path}\nRequire ${require}`),
    { user, uri: '/x', filename: path, ...more })
  const status = user === undefined ? checkWithoutUser(request) : checkUser(request)
  return { status, said: request.logged.map(({ message }) => message.slice(0, 7)) }
}

t.test('Require group, file-owner, file-group', (t) => {
  const is = (require: string, user: string | undefined, status: Status, ...said: string[]) =>
    t.strictSame(ask(require, user), { status, said }, `${require}: ${user}`)
  for (const require of ['group staff', 'file-owner', 'file-group']) is(require, undefined, DECLINED)
  is('group nosuch STAFF', 'bob', OK)
  is('group nosuch', 'bob', 401, 'AH01667', 'AH01631')
  is('group staff', 'eve', 401, 'AH01666', 'AH01631')
  is('file-owner', me, OK)
  is('file-owner', 'nobody in particular', 401, 'AH01637', 'AH01631')
  is('file-group', me, OK)
  is('file-group', 'bob', 401, 'AH01671', 'AH01631')
  is('group staff\n<Location /x>\nAuthGroupFile /nosuch\n</Location>', 'bob', 401, 'AH01665', 'AH01631')
  t.strictSame(fileOwner(undefined, 'passwd'), { step: 'filename', reason: 'no filename available' })
  t.strictSame(fileOwner('/nosuch', 'group'), { step: 'stat', reason: 'could not stat file /nosuch' })
  t.end()
})

t.test('Anonymous', async (t) => {
  const is = async (conf: string, credentials: string, expected: Status) => {
    const text = `AuthType Basic\nAuthName x\nAuthBasicProvider anon\n${conf}`
    const headers = { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
    t.equal(await authenticate(fakeRequest(configure(modules, text), { headers })), expected, `${conf}: ${credentials}`)
  }
  await is('', 'ann:a@b.c', 401)
  await is('Anonymous anonymous Guest', 'GUEST:a', OK)
  await is('Anonymous anonymous', 'anonymous:', 401)
  await is('Anonymous anonymous\nAnonymous_MustGiveEmail Off', 'anonymous:', OK)
  await is('Anonymous anonymous', 'bob:a', 401)
  await is('Anonymous *', 'bob:a', OK)
  await is('Anonymous *', ':a', 401)
  await is('Anonymous *\nAnonymous_NoUserId On', ':a', OK)
  await is('Anonymous *\nAnonymous_VerifyEmail On', 'bob:a', 401)
  await is('Anonymous *\nAnonymous_VerifyEmail On', 'bob:a@b.c', OK)
  await is('Anonymous *\n<Location /x>\nAnonymous_LogEmail Off\n</Location>', 'bob:a', 401)
})
