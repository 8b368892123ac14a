/*
 * Real runs of ./configure in directories of their own: what it prints, what it leaves, and that a second run
 * leaves it as it is.
 */
import { execFile } from 'node:child_process'
import {
  existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'

interface Ran { readonly code: number; readonly out: string; readonly err: string }

/** Runs a program; the answer comes when it has ended, however it ends. */
function run(directory: string, program: string, ...words: string[]): Promise<Ran> {
  return new Promise((done) => {
    const child = execFile(program, words, { cwd: directory }, (_error, out, err) =>
      done({ code: child.exitCode ?? -1, out, err }))
  })
}

const script = resolve('configure')
const configure = (directory: string, ...words: string[]): Promise<Ran> => run(directory, script, ...words)

/** A new directory that goes when the test ends. */
function place(test: typeof t): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'configure-test-')))
  test.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Time stamps of all files below a directory. */
function stamps(directory: string): Record<string, number> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(files.map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path, statSync(path).mtimeMs]
  }))
}

t.test('--no-create decides and says so, and leaves records but no products', async (test) => {
  const directory = place(test as typeof t)
  const { code, out } = await configure(directory, '-n', '--with-mpm=prefork')
  test.equal(code, 0)
  test.match(out, /^checking which MPM to use by default\.\.\. prefork$/m)
  test.match(out, /^configure: summary of build options:$/m)
  test.match(out, /^ {4}Server MPM: {5}prefork$/m)
  for (const path of ['config.log', 'config.nice', 'config.status', 'build/config.json', 'build/modules.ts']) {
    test.ok(existsSync(join(directory, path)), path)
  }
  test.notOk(existsSync(join(directory, 'build/config.mk')))
  test.notOk(existsSync(join(directory, 'dist')))
})

t.test('the probes ask the platform', { skip: process.platform !== 'linux' }, async (test) => {
  const directory = place(test as typeof t)
  const { out } = await configure(directory, '-n')
  const log = readFileSync(join(directory, 'config.log'), 'utf8')
  for (const [label, reason] of [
    ['whether native calls work', 'native_calls: yes (koffi loads, and getpid() answers the process id)'],
    ['whether threads share memory', 'threads: yes (a worker thread starts and writes into shared memory)'],
    ['for eventfd', 'eventfd: yes (eventfd() answers a descriptor)'],
    ['for sendfile', 'sendfile: yes (sendfile() sends a file to a socket)'],
    ['for accept4', 'accept4: yes (accept4() accepts a connection over loopback)'],
    ['for SO_REUSEPORT', 'reuseport: yes (two sockets are bound to one port)'],
    ['whether processes share memory', 'shared_memory: yes (a child process adds to a number in shared memory)'],
  ] as const) {
    test.ok(out.includes(`checking ${label}... yes\n`), label)
    test.ok(log.includes(`${reason}\n`), reason)
  }
  test.match(log, /^kqueue: no \(.*kqueue.*\)$/m, 'a no has its reason')
  test.match(log, /^io_uring: (yes|no) \(.*io_uring_setup.*\)$/m)
})

t.test('answers are forced by words, by the environment and by a cache file', async (test) => {
  const directory = place(test as typeof t)
  const byWord = await configure(directory, '-n', 'ac_cv_have_threadsafe_pollset=no')
  test.match(byWord.out, /thread-safe pollsets\.\.\. \(cached\) no\n/)
  test.match(byWord.out, /by default\.\.\. worker - event is not supported\n/)
  const option = await configure(directory, '-n', '--disable-threads')
  test.match(option.out, /by default\.\.\. prefork - event and worker are not supported\n/)
  const environment = await run(directory, 'env', 'ac_cv_func_epoll_create=no', script, '-n', '-C')
  test.match(environment.out, /checking for epoll_create\.\.\. \(cached\) no\nno\n/)
  const cached = await configure(directory, '-n', '-C')
  test.match(cached.out, /checking for epoll_create\.\.\. \(cached\) no\nno\n/, 'the cache file has kept the answer')
})

t.test('a host without a port: the decision, then the refusal; with -n the decision alone', async (test) => {
  const directory = place(test as typeof t)
  const refused = await configure(directory, '--host=x86_64-w64-mingw32')
  test.equal(refused.code, 1)
  test.match(refused.out, /^checking which MPM to use by default\.\.\. winnt$/m)
  test.match(refused.err, /^configure: error: no port of the server to win32 exists yet: .*winnt.*\n$/)
  test.match(readFileSync(join(directory, 'config.log'), 'utf8'), /error: no port[^]*configure: exit 1\n$/)
  test.notOk(existsSync(join(directory, 'build/config.json')))
  const shown = await configure(directory, '-n', '--host=i386-pc-os2-emx')
  test.equal(shown.code, 0)
  test.match(shown.out, /^checking which MPM to use by default\.\.\. mpmt_os2$/m)
})

t.test('mistakes end with 1 and a word on stderr', async (test) => {
  const directory = place(test as typeof t)
  const unknown = await configure(directory, '--enable-mpm-shared=all')
  test.equal(unknown.code, 1)
  test.equal(unknown.out, '')
  test.equal(unknown.err, `configure: error: unrecognized option: \`--enable-mpm-shared'
Did you mean --enable-mpms-shared?
Try \`${script} --help' for more information
`)
  const mpm = await configure(directory, '--with-mpm=bogus', '-q')
  test.equal(mpm.code, 1)
  test.equal(mpm.out, '', '--quiet prints no checks')
  test.equal(mpm.err, 'configure: error: MPM bogus is not supported on this platform.\n')
})

t.test('--help and --version', async (test) => {
  const directory = place(test as typeof t)
  const help = await configure(directory, '--help')
  test.equal(help.code, 0)
  test.match(help.out, /^`configure' configures this package to adapt [^]*?\n\nUsage: .*configure \[/u)
  test.match(help.out, /--with-mpm .*\{event\|mpmt_os2\|netware\|prefork\|winnt\|worker\}/)
  test.match(help.out, /--enable-mpms-shared /)
  test.match(help.out, /Report bugs to the package provider\.\n$/)
  test.notMatch(help.out, /--with-apr/, 'what has no meaning is not offered')
  const version = await configure(directory, '--version')
  test.equal(version.code, 0)
  test.match(version.out, /^Switchyard configure \d/)
})

t.test('a second identical run changes no time stamp', async (test) => {
  const directory = place(test as typeof t)
  const words = ['--enable-mpms-shared=all', '--prefix=/opt/web', '-C', "LIST=it's $HOME"]
  test.equal((await configure(directory, ...words)).code, 0)
  const before = stamps(directory)
  for (const path of [
    'config.log', 'config.nice', 'config.status', 'config.cache', 'Makefile', 'build/config.mk', 'build/modules.ts',
    'build/pollers.ts', 'build/build-info.ts', 'build/config.json', 'build/configure.mjs', 'dist/conf/httpd.conf',
    'dist/conf/mime.types', 'dist/conf/extra/httpd-mpm.conf', 'dist/htdocs/index.html',
  ]) test.ok(before[join(directory, path)] !== undefined, path)
  const again = await configure(directory, ...words)
  test.equal(again.code, 0)
  // The first run with -C wrote the cache that the second one reads: only the log tells the difference.
  const log = join(directory, 'config.log')
  test.same({ ...stamps(directory), [log]: 0 }, { ...before, [log]: 0 })
  const third = stamps(directory)
  const nice = await run(directory, './config.nice')
  test.equal(nice.code, 0)
  test.same(stamps(directory), third, 'config.nice is the same run')
})

t.test('the generated configuration loads the default MPM and lists the others', async (test) => {
  const directory = place(test as typeof t)
  await configure(directory, '-q', '--with-mpm=worker', '--enable-mpms-shared=all', '--with-port=8123')
  const conf = readFileSync(join(directory, 'dist/conf/httpd.conf'), 'utf8')
  const lines = conf.split('\n').filter((line) => /^#?LoadModule mpm/.test(line))
  test.same(lines, [
    '#LoadModule mpm_event_module modules/mod_mpm_event.so',
    '#LoadModule mpm_prefork_module modules/mod_mpm_prefork.so',
    'LoadModule mpm_worker_module modules/mod_mpm_worker.so',
  ])
  test.match(conf, /^Listen 8123$/m)
  test.ok(conf.includes(`\nServerRoot "${join(directory, 'dist')}"\n`))
  test.match(conf, /^#ServerName www\.example\.com:8123$/m)
  const types = readFileSync(join(directory, 'dist/conf/mime.types'), 'utf8')
  test.match(types, /^text\/html +.*\bhtml\b/m)
  const rows = types.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const words = rows.flatMap((line) => line.split(/\s+/).slice(1))
  test.equal(new Set(words).size, words.length, 'an extension has one type')
})

t.test('an edited configuration is kept, or kept as .bak when its generated text changes', async (test) => {
  const directory = place(test as typeof t)
  const conf = join(directory, 'dist/conf/httpd.conf')
  await configure(directory, '-q')
  writeFileSync(conf, 'Listen 1234\n')
  await configure(directory, '-q')
  test.equal(readFileSync(conf, 'utf8'), 'Listen 1234\n')
  const { out } = await configure(directory, '--with-port=9090')
  test.match(out, /httpd\.conf had been edited: it is kept as dist\/conf\/httpd\.conf\.bak\n/)
  test.match(readFileSync(conf, 'utf8'), /^Listen 9090$/m)
  test.equal(readFileSync(`${conf}.bak`, 'utf8'), 'Listen 1234\n')
})

t.test('config.status makes files again', async (test) => {
  const directory = place(test as typeof t)
  await configure(directory, '-q')
  rmSync(join(directory, 'build/pollers.ts'))
  rmSync(join(directory, 'build/config.mk'))
  const { code, out } = await run(directory, './config.status', '--file=build/pollers.ts')
  test.equal(code, 0)
  test.equal(out, 'config.status: creating build/pollers.ts\n')
  test.notOk(existsSync(join(directory, 'build/config.mk')))
  await run(directory, './config.status', '-q')
  test.ok(existsSync(join(directory, 'build/config.mk')))
})

t.test('make without configure says so', async (test) => {
  const directory = place(test as typeof t)
  const { code, err } = await run(directory, 'make', '-f', resolve('Makefile'), `srcdir=${resolve('.')}`)
  test.not(code, 0)
  test.match(err, /there is no configured server here: run \.\/configure first/)
})
