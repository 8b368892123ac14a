// Whom children become, decided and done; and whether that user can read what it serves.
import fc from 'fast-check'
import t from 'tap'
import {
  dropPrivileges, identityOf, strictUmask, type Credentials, type Identity, type IdentityInput,
} from '../../core/server/privileges.ts'
import { debuggerFlags, relaunchOf, UNBINDABLE } from '../../core/server/relaunch.ts'
import { obstaclesTo, openingCommands, unreadableDirectory, unreadableProgram, type ReachSystem } from '../../core/server/reach.ts'

const input = (more: Partial<IdentityInput> = {}): IdentityInput => ({
  isRoot: true, mayServeAsRoot: false, hasUnixd: true,
  settings: { userName: 'www', userId: 33, groupId: 34 },
  accountOf: (uid) => (uid === 33 ? { name: 'www', id: 33, group: 35 } : undefined),
  groupsOf: (user, group) => (user === 'www' ? [group, 50] : []),
  ...more,
})
const said = (userName: string, userId: number, groupId: number) => ({ settings: { userName, userId, groupId } })
const WWW = { userName: 'www', uid: 33, gid: 34, groups: [34, 50] }

t.test('identityOf()', (t) => {
  t.same(identityOf(input()), WWW, 'all groups of the user, and Group')
  t.same(identityOf(input(said('www', 33, -1))), { ...WWW, gid: 35, groups: [35, 50] }, 'without Group: its own')
  t.same(identityOf(input(said('#1000', 1000, 34))), { userName: '#1000', uid: 1000, gid: 34, groups: [34] },
    'a number that nobody has: Group only')
  t.same(identityOf(input(said('#33', 33, 34))), { ...WWW, userName: '#33' }, 'a number that somebody has')
  t.match(identityOf(input(said('#1000', 1000, -1))), { texts: [/^SY00040: .*#1000.*name a Group/] })
  t.match(identityOf(input(said('#-1', -1, 34))), { texts: [/^SY00040: Cannot serve as root: no User/, /./, /User/, /Group/] })
  t.match(identityOf(input(said('#4294967295', 4294967295, 34))), { texts: [/^SY00040: User "#4294967295"/] })
  t.equal((identityOf(input(said('#-2', -2, 34))) as Identity).uid, 4294967294, 'as Apache counts it')
  t.match(identityOf(input({ hasUnixd: false })), { texts: [
    'AH00136: Server MUST relinquish startup privileges before accepting connections.  ' +
    'Please ensure mod_unixd or other system security module is loaded.', 'AH00016: Configuration Failed',
  ] })
  t.end()
})

t.test('identityOf() where nothing has to be given up', (t) => {
  for (const more of [{}, { hasUnixd: false }, said('#-1', -1, -1), said('#1000', 1000, -1)])
    t.equal(identityOf(input({ ...more, isRoot: false })), undefined, 'who is not root stays what it is')
  for (const more of [{ hasUnixd: false }, said('#-1', -1, -1)])
    t.equal(identityOf(input({ ...more, mayServeAsRoot: true })), undefined)
  t.same(identityOf(input({ mayServeAsRoot: true })), WWW, 'a User counts in such a build, too')
  t.end()
})

/** Credentials that note what is called, and fail in one call. */
function credentials(failing = '', mayReturn = false): Credentials & { readonly calls: string[] } {
  const calls: string[] = []
  const call = (name: string) => (argument: unknown): void => {
    calls.push(`${name} ${String(argument)}`)
    if (name === failing) throw new Error(`EPERM, Operation not permitted`)
    if (name === 'seteuid' && !mayReturn) throw new Error('EPERM')
  }
  return { calls, setgroups: call('setgroups'), setgid: call('setgid'), setuid: call('setuid'), seteuid: call('seteuid') }
}

t.test('dropPrivileges()', (t) => {
  const good = credentials()
  dropPrivileges(WWW, good)
  t.same(good.calls, ['setgroups 34,50', 'setgid 34', 'setuid 33', 'seteuid 0'], 'groups before the user, then the test')
  for (const name of ['setgroups', 'setgid', 'setuid']) {
    const bad = credentials(name)
    t.throws(() => dropPrivileges(WWW, bad), {
      message: `SY00041: Cannot become user www (33) and group 34: ${name}: EPERM, Operation not permitted`,
    })
    t.equal(bad.calls.at(-1)?.split(' ')[0], name, 'nothing is done after a failure')
  }
  t.throws(() => dropPrivileges(WWW, credentials('', true)), /SY00041: .* verification: .* root again$/)
  const root = credentials('', true)
  dropPrivileges({ userName: 'root', uid: 0, gid: 0, groups: [0] }, root)
  t.notOk(root.calls.some((call) => call.startsWith('seteuid')), 'root by its own wish has no way back to look for')
  t.end()
})

t.test('strictUmask() takes write from group and others, and gives nothing back', (t) => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0o777 }), (mask) => {
    const strict = strictUmask(mask)
    return (strict & 0o022) === 0o022 && (strict & mask) === mask && (strict & ~(mask | 0o022)) === 0
  }))
  t.end()
})

const who = { uid: 33, gid: 34, groups: [34, 50] }
type Node = readonly [mode: number, uid: number, gid: number, directory?: boolean]

function fileSystem(nodes: Readonly<Record<string, Node>>, links: Readonly<Record<string, string>> = {}, kernel = false): ReachSystem {
  return {
    stat(path) {
      const [mode, uid, gid, directory = true] = nodes[path] ?? [0o755, 0, 0]
      if (path.endsWith('none')) throw new Error('ENOENT')
      return { mode, uid, gid, isDirectory: () => directory }
    },
    realpath: (path) => links[path] ?? path,
    canReach: () => kernel,
  }
}

t.test('obstaclesTo()', (t) => {
  const file: Node = [0o644, 0, 0, false]
  const look = (nodes: Readonly<Record<string, Node>>, path = '/a/b/f') => obstaclesTo(path, who, fileSystem({ '/a/b/f': file, ...nodes }))
  t.same(look({}), [])
  t.same(look({ '/a': [0o700, 0, 0] }), [{ path: '/a', right: 'x' }])
  t.same(look({ '/a': [0o700, 0, 0], '/a/b': [0o750, 0, 0] }).map(({ path }) => path), ['/a', '/a/b'], 'outermost first')
  t.same(look({ '/a': [0o711, 0, 0] }), [], 'entering is enough above')
  t.same(look({ '/a': [0o750, 0, 50] }), [], 'a group that it is in')
  t.same(look({ '/a': [0o705, 0, 50] }).length, 1, 'its group has less than others')
  t.same(look({ '/a': [0o077, 33, 0] }).length, 1, 'the owner has less than others')
  t.same(look({ '/a/b/f': [0o640, 0, 0, false] }), [{ path: '/a/b/f', right: 'r' }])
  t.same(look({ '/d': [0o711, 0, 0] }, '/d'), [{ path: '/d', right: 'rx' }], 'a directory is to be read, too')
  t.same(look({ '/a': [0o700, 0, 0] }, '/a/none'), [], 'what is not there')
  t.same(obstaclesTo('/a/b/f', { ...who, uid: 0 }, fileSystem({ '/a': [0, 0, 0] })), [], 'root')
  t.same(obstaclesTo('/l', who, fileSystem({ '/a': [0o700, 0, 0], '/a/b/f': file }, { '/l': '/a/b/f' })), [{ path: '/a', right: 'x' }],
    'behind a link')
  t.same(obstaclesTo('/a/b/f', who, fileSystem({ '/a': [0o700, 0, 0], '/a/b/f': file }, {}, true)), [],
    'the kernel, asked last, knows of an access list')
  t.end()
})

t.test('what is said about obstacles', (t) => {
  t.same(openingCommands([{ path: '/a b', right: 'x' }, { path: '/c', right: 'x' }, { path: '/c/f', right: 'r' }]),
    ["chmod o+x '/a b' /c", 'chmod o+r /c/f'])
  const closed = fileSystem({ '/closed': [0o700, 0, 0], '/closed/x/httpd.cjs': [0o644, 0, 0, false] })
  const place = { entry: '/closed/x/httpd.cjs', prefix: '/installed' }
  t.same(unreadableProgram(place, WWW, 'httpd', closed), [
    'SY00042: Cannot serve as user www: /closed is closed to it, and its processes have to read /closed/x/httpd.cjs',
    'Install the server where every user can read it, and start it there:',
    '  make install && /installed/bin/httpd -k start',
    'Or let others pass:', '  chmod o+x /closed',
  ])
  t.match(unreadableProgram({ ...place, prefix: '/closed/x' }, WWW, 'httpd', closed)?.slice(1), ['Let others pass:', /chmod/],
    'what is installed there has to be opened')
  t.equal(unreadableProgram(place, WWW, 'httpd', fileSystem({})), undefined)
  t.equal(unreadableDirectory('DocumentRoot', '/closed/x', WWW, closed),
    'SY00043: DocumentRoot /closed/x: /closed is closed to user www, who is to serve it (chmod o+x /closed)')
  t.end()
})

t.test('debuggerFlags()', (t) => {
  const flags = (execArgv: readonly string[], nodeOptions?: string, newer = false) =>
    debuggerFlags({ execArgv, nodeOptions, allowed: { has: (flag) => newer && flag === '--disable-sigusr1' } })
  t.same(flags([]), [UNBINDABLE])
  t.same(flags([UNBINDABLE]), [UNBINDABLE], 'said once')
  t.same(flags([UNBINDABLE, '--stack-size=2000'], undefined, true), ['--stack-size=2000', '--disable-sigusr1'])
  t.same(flags(['--disable-sigusr1'], '--no-warnings', true), ['--disable-sigusr1'])
  t.same(flags([], '--no-warnings --inspect'), ['--inspect-port=0'], 'a debugger is wanted: any port for a child')
  t.same(flags([], '"--inspect=127.0.0.1:9000"'), ['--inspect-port=0'], 'in quotes')
  t.same(flags(['--inspect-brk=1234'], undefined, true), ['--inspect-brk=1234', '--inspect-port=0'])
  t.same(relaunchOf('/n ode', '/e', { execArgv: [], nodeOptions: undefined, allowed: new Set() }),
    { command: '/bin/sh', args: ['-c', `trap '' USR1; exec "$0" "$@"`, '/n ode', UNBINDABLE, '/e'] })
  t.end()
})
