import fc from 'fast-check'
import t from 'tap'
import { authnCore as authnCoreSettings, DECLINED, OK, registerAuthz, type AuthzStatus } from '../../core/api.ts'
import { module as authnCore } from '../../modules/mod_authn_core.ts'
import { checkUser, checkWithoutUser, module as authz } from '../../modules/mod_authz_core.ts'
import { constant, evaluate, type Container, type Rule } from '../../modules/authz_core/rules.ts'
import { AddressSet, inDomain, module as host, provenNames } from '../../modules/mod_authz_host.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

const modules = [authnCore, authz, host]

registerAuthz('test-user', {
  parse: (args) => args,
  check: (r, name) => r.user === undefined ? 'deniedNoUser' : r.user === name ? 'granted' : 'denied',
})
registerAuthz('test-late', {
  slow: true,
  parse: (args) => args as AuthzStatus,
  check: (_, status) => Promise.resolve(status),
})

function ask(text: string, more: Wanted = {}) {
  const request = fakeRequest(configure(modules, text), { filename: '/docs/file', uri: '/file', ...more })
  return { status: checkWithoutUser(request), request }
}

t.test('Require', (t) => {
  const is = (text: string, expected: number, more: Wanted = {}) =>
    t.equal(ask(text, more).status, expected, text.replaceAll('\n', '; '))
  is('', OK)
  is('Require all granted', OK)
  is('Require all denied', 403)
  is('Require all denied\nRequire all granted', OK)
  is('Require ip 192.0.2', OK)
  is('Require ip 10.0.0.0/8 198.51.100.1', 403)
  is('Require local', 403)
  is('Require local', OK, { connection: { clientIp: '127.0.0.1' } })
  is('Require local', OK, { connection: { clientIp: '::ffff:127.0.0.1' } })
  is('Require local', OK, { connection: { clientIp: '192.0.2.1' } })
  is('Require method GET POST', OK)
  is('Require method GET', OK, { method: 'HEAD' })
  is('Require method GET POST', 403, { method: 'PUT' })
  is('Require env LET_IN', 403)
  is('Require env OTHER LET_IN', OK, { env: new Map([['LET_IN', '']]) })
  is('<RequireAll>\nRequire all granted\nRequire not ip 192.0.2.7\n</RequireAll>', 403)
  is('<RequireAll>\nRequire all granted\nRequire not ip 192.0.2.8\n</RequireAll>', OK)
  is('<RequireAny>\nRequire ip 10\nRequire ip 192.0.2.0/255.255.255.0\n</RequireAny>', OK)
  is('<RequireAll>\nRequire all granted\n<RequireNone>\nRequire ip 10\nRequire ip 192.0\n</RequireNone>\n' +
    '</RequireAll>', 403)
  is('<RequireAll>\n<RequireAny>\nRequire all denied\nRequire ip 192\n</RequireAny>\n' +
    'Require method GET\n</RequireAll>', OK)
  is('<Limit POST>\nRequire all denied\n</Limit>', 403, { method: 'POST' })
  is('<LimitExcept POST>\nRequire all granted\n</LimitExcept>', OK)
  // What speaks of other methods only leaves this one alone, unless something beside it speaks of it.
  is('<LimitExcept POST>\nRequire all granted\n</LimitExcept>', OK, { method: 'POST' })
  is('<Limit POST>\nRequire all denied\n</Limit>', OK)
  is('Require all denied\n<Limit POST>\nRequire all granted\n</Limit>', 403)
  is('Require all denied\n<Limit POST>\nRequire all granted\n</Limit>', OK, { method: 'POST' })
  t.end()
})

t.test('Require expr', async (t) => {
  const is = async (text: string, expected: number, more: Wanted = {}) =>
    t.equal(await ask(`Require expr ${text}`, more).status, expected, text)
  await is("%{REQUEST_METHOD} == 'GET'", OK)
  await is("%{REQUEST_METHOD} == 'GET'", 403, { method: 'PUT' })
  await is(`"%{REQUEST_METHOD} == 'GET'"`, OK)
  await is('%{REQUEST_URI} =~ m#^/file$# && -R "192.0.2.0/24"', OK)
  await is('true', OK)
  await is('false', 403)
  await is("%{REMOTE_USER} == 'ann'", DECLINED)
  await is("-U '/there'", OK, { files: { '/there': {} } })
  await is("-U '/there'", 403)
  const failing = ask("Require expr file('/nowhere/at/all') == ''")
  t.equal(failing.status, 500)
  t.strictSame(failing.request.logged.map(({ message }) => message), [
    'Evaluation of expression from test.conf:1 failed: Cannot open file /nowhere/at/all',
    "AH02320: Error evaluating expression in 'Require expr': Cannot open file /nowhere/at/all",
  ])
})

t.test('a refusal is logged with the path', (t) => {
  const { request } = ask('Require all denied')
  t.strictSame(request.logged,
    [{ level: 'error', module: 'authz_core', message: 'AH01630: client denied by server configuration: /docs/file' }])
  t.match(ask('Require all denied', { filename: undefined }).request.logged[0]?.message, / configuration: uri \/file$/)
  t.end()
})

t.test('users', (t) => {
  const text = 'AuthType Test\nRequire test-user ann'
  t.equal(ask(text).status, DECLINED, 'a user may change that: authentication comes first')
  const after = (user: string | undefined, more = '') => {
    const request = fakeRequest(configure(modules, text + more), { user, uri: '/file' })
    return { status: checkUser(request), message: request.logged[0]?.message }
  }
  t.strictSame(after('ann'), { status: OK, message: undefined })
  t.strictSame(after('bob'), { status: 401, message: 'AH01631: user bob: authorization failure for "/file": ' })
  t.strictSame(after(undefined), { status: 401,
    message: 'AH01629: authorization failure (no authenticated user): /file' })
  t.equal(after('bob', '\n<Directory /d>\nAuthzSendForbiddenOnFailure On\n</Directory>').status, 403)
  t.equal(ask(`${text}\nRequire ip 192.0.2.7`).status, OK, 'the address is enough')
  t.equal(ask(`<RequireAll>\n${text}\nRequire ip 10\n</RequireAll>`).status, 403, 'no user could change that')
  t.end()
})

t.test('AuthMerging', (t) => {
  const merged = (merging: string, outer: string, inner: string) =>
    ask(`Require ${outer}\n<Directory /d>\n${merging}\nRequire ${inner}\n</Directory>`).status
  t.equal(merged('', 'all denied', 'all granted'), OK, 'Off by default: the inner one counts')
  t.equal(merged('AuthMerging Off', 'all denied', 'all granted'), OK)
  t.equal(merged('AuthMerging And', 'all denied', 'all granted'), 403)
  t.equal(merged('AuthMerging And', 'ip 192', 'method GET'), OK)
  t.equal(merged('AuthMerging Or', 'all granted', 'all denied'), OK)
  t.equal(merged('AuthMerging Or', 'all denied', 'all denied'), 403)
  t.equal(ask('Require all denied\n<Directory /d>\nAuthzSendForbiddenOnFailure On\n</Directory>').status, 403,
    'a section without Require inherits')
  t.end()
})

t.test('promises', async (t) => {
  t.equal(await ask('Require test-late granted').status, OK)
  t.equal(await ask('Require test-late denied').status, 403)
  t.equal(await ask('Require test-late error').status, 500)
  t.equal(await ask('Require test-late denied\nRequire all granted').status, OK)
  t.equal(await ask('<RequireAll>\nRequire all granted\nRequire not test-late granted\n</RequireAll>').status, 403)
})

t.test('only what cannot wait is quick', (t) => {
  const quick = (text: string) => {
    const { modules: list, dir, conf } = configure(modules, text)
    const settings = { server: conf.vector.holds.bind(conf.vector), dir: dir.holds.bind(dir) }
    return list.hooks.accessCheckerEx.links().filter((link) => link.place.when!(settings)).map((link) =>
      link.place.quick === true)
  }
  t.strictSame(quick('Require all granted'), [true])
  t.strictSame(quick("Require expr %{REQUEST_URI} == '/x'"), [true])
  t.strictSame(quick("Require expr file('/x') == ''"), [false])
  t.strictSame(quick('<RequireAll>\nRequire ip 10\nRequire host example.org\n</RequireAll>'), [false])
  t.end()
})

t.test('refusals', (t) => {
  const is = (text: string, message: string) => t.equal(refusal(modules, text), message, text)
  is('Require all maybe', "Argument for 'Require all' must be 'granted' or 'denied'")
  is('Require', 'Require requires at least one argument, A provider, and what it is to require')
  is('Require valid-user', 'Unknown Authz provider: valid-user')
  is('Require expr "true ="', "Cannot parse expression in require line: syntax error, unexpected T_OP_STR_EQ, " +
    'expecting $end\n  true =\n       ^ column 6')
  is('Require method FROB', "'FROB' is not a valid method")
  is('Require ip 300.1', "ip address '300.1' appears to be invalid")
  is('Require ip 10.0.0.0/33', "ip address '10.0.0.0/33' appears to be invalid")
  is('Require ip 10.0.0.0/255.0.255.0', "ip address '10.0.0.0/255.0.255.0' appears to be invalid")
  is('Require ip', "'require ip' requires at least one argument")
  is('Require local x', "'require local' does not take arguments")
  is('Require not ip 10', 'negative Require directive has no effect in <RequireAny> directive')
  is('<RequireAny>\nRequire not ip 10\n</RequireAny>',
    'negative Require directive has no effect in <RequireAny> directive')
  is('<RequireNone>\nRequire ip 10\n</RequireNone>',
    'negative <RequireNone> directive has no effect in <RequireAny> directive')
  is('<RequireAll>\nRequire not ip 10\n</RequireAll>',
    '<RequireAll> directive contains only negative authorization directives')
  is('<RequireAll>\n</RequireAll>', '<RequireAll> directive contains no authorization directives')
  is('AuthMerging Maybe', 'AuthMerging must be one of: Off | And | Or')
  is('<AuthzProviderAlias>\n</AuthzProviderAlias>', '<AuthzProviderAlias> directive requires additional arguments')
  is('<AuthzProviderAlias ip>\n</AuthzProviderAlias>', '<AuthzProviderAlias> directive requires additional arguments')
  is('<AuthzProviderAlias foo x 10>\n</AuthzProviderAlias>', 'Unknown Authz provider: foo')
  is('<AuthzProviderAlias ip x>\n</AuthzProviderAlias>', "Can't parse 'Require ip ': 'require ip' requires at least one argument")
  is('<AuthzProviderAlias ip x 300>\n</AuthzProviderAlias>', "Can't parse 'Require ip 300': ip address '300' appears to be invalid")
  t.equal(refusal(modules, '<AuthzProviderAlias ip x 10>\n</AuthzProviderAlias>\nRequire x'), undefined)
  is('Require x', 'Unknown Authz provider: x')
  t.equal(refusal(modules, 'Require all granted'), undefined, 'a refusal inside of a container leaves nothing open')
  t.end()
})

t.test('addresses', (t) => {
  const has = (text: string, address: string) => {
    const set = new AddressSet()
    set.add(text)
    return set.has(address)
  }
  t.ok(has('10', '10.255.0.1'))
  t.notOk(has('10', '11.0.0.1'))
  t.ok(has('10.1.', '10.1.2.3'))
  t.ok(has('10.1.2', '10.1.2.255'))
  t.ok(has('10.1.2.3', '10.1.2.3'))
  t.notOk(has('10.1.2.3', '10.1.2.4'))
  t.ok(has('172.16.0.0/12', '172.31.255.255'))
  t.notOk(has('172.16.0.0/12', '172.32.0.0'))
  t.ok(has('192.168.0.0/255.255.0.0', '192.168.9.9'))
  t.ok(has('2001:db8::/32', '2001:db8:1::1'))
  t.notOk(has('2001:db8::/32', '2001:db9::1'))
  t.ok(has('::1', '::1'))
  t.notOk(has('10', '::1'))
  t.end()
})

t.test('names', async (t) => {
  t.ok(inDomain('example.org', 'www.Example.org.'))
  t.ok(inDomain('example.org', 'example.org'))
  t.ok(inDomain('.example.org', 'www.example.org'))
  t.notOk(inDomain('.example.org', 'example.org'))
  t.notOk(inDomain('example.org', 'badexample.org'))
  const names = {
    reverse: () => Promise.resolve(['honest.example', 'liar.example', 'gone.example']),
    addressesOf: (name: string) => name === 'gone.example' ? Promise.reject(new Error('no such name'))
      : Promise.resolve([name === 'honest.example' ? '192.0.2.7' : '198.51.100.1']),
  }
  t.strictSame(await provenNames('192.0.2.7', names), ['honest.example'])
})

t.test('a constant answer is what evaluation gives', (t) => {
  const statuses = fc.constantFrom<AuthzStatus>('granted', 'denied', 'deniedNoUser', 'neutral')
  const provider = { parse: (args: string) => args, check: (_: unknown, s: AuthzStatus) => s,
    constant: (s: AuthzStatus) => s }
  const { rule } = fc.letrec<{ rule: Rule; container: Container }>((tie) => ({
    rule: fc.oneof({ maxDepth: 3 },
      fc.record({
        provider: fc.constant(provider as never), parsed: statuses, text: fc.constant(''), negate: fc.boolean(),
        limit: fc.constant(undefined),
      }), tie('container')),
    container: fc.record({
      logic: fc.constantFrom('and' as const, 'or' as const), rules: fc.array(tie('rule'), { maxLength: 4 }),
      negate: fc.boolean(), limit: fc.constant(undefined),
    }),
  }))
  const request = fakeRequest(configure(modules, ''))
  fc.assert(fc.property(rule, (made) => constant(made) === evaluate(made, request)))
  t.pass()
  t.end()
})

t.test('<AuthzProviderAlias>', (t) => {
  const conf = '<AuthzProviderAlias ip inside "192.0.2 10.0.0.0/8">\n</AuthzProviderAlias>\n' +
    '<AuthzProviderAlias test-settings mine x>\nAuthName other\n</AuthzProviderAlias>\n' +
    '<AuthzProviderAlias test-settings plain x>\n</AuthzProviderAlias>\n' +
    '<AuthzProviderAlias all everybody granted>\n</AuthzProviderAlias>\n'
  registerAuthz('test-settings', {
    parse: (args) => args,
    check(r, args) {
      r.notes.set('seen', `${args} ${r.dir(authnCoreSettings).name as string} ${r.dirVector.holds(authnCoreSettings).name as string} ${r.uri}`)
      r.user = 'set'
      return 'granted'
    },
  })
  t.equal(ask(`${conf}Require inside`).status, OK)
  t.equal(ask(`${conf}Require Inside what follows means nothing`).status, OK)
  t.equal(ask(`${conf}Require inside`, { connection: { clientIp: '198.51.100.1' } }).status, 403)
  t.equal(ask(`${conf}<RequireAll>\nRequire all granted\nRequire not inside\n</RequireAll>`).status, 403)
  const { request } = ask(`${conf}AuthName mine\nRequire mine`)
  t.equal(request.notes.get('seen'), 'x other other /file', 'it sees what its alias says, and all else as it is')
  t.equal(request.user, 'set', 'and what it says of the request is said of the request')
  t.equal(ask(`${conf}AuthName mine\nRequire plain`).request.notes.get('seen'), 'x mine mine /file')
  const { container } = configure(modules, `${conf}Require everybody`).dir.holds(authz.settings[0] as typeof authz.settings[0]).rules
  t.equal(constant(container!), 'granted', 'what is certain without it is certain with it')
  t.match(configure(modules, '<AuthzProviderAlias ip two 10 11>\n</AuthzProviderAlias>').notes, [/^warn: AH10142: .*\(10 11\.\.\.\)/])
  t.end()
})
