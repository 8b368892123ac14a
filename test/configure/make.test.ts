/*
 * make and make install, on a source tree of stand-ins: the generator is real, each module is one recognisable line.
 */
import { execFile } from 'node:child_process'
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { buildDate } from '../../generator/bundle.ts'
import { modules } from '../../modules/catalog.ts'
import { mpms } from '../../mpms/catalog.ts'
import { programs } from '../../support/catalog.ts'

interface Ran { readonly code: number; readonly out: string; readonly err: string }

function run(directory: string, program: string, ...words: string[]): Promise<Ran> {
  return new Promise((done) => {
    const child = execFile(program, words, { cwd: directory }, (_error, out, err) =>
      done({ code: child.exitCode ?? -1, out, err }))
  })
}

const main = `import koffi from 'koffi'
import { prelinked } from '#modules'
import { pollers } from '#pollers'
import { buildInfo } from '#build'
declare const MPM_THREADED: boolean, MPM_ASYNC: boolean
if (MPM_THREADED) console.log('folded: threads')
if (MPM_ASYNC) console.log('folded: async')
const symbols = prelinked.map((row) => row.symbol)
const { builtOn } = buildInfo
console.log(JSON.stringify({ argv: process.argv.slice(2), symbols, pollers, koffi: typeof koffi.load, builtOn }))
`

/** A source tree with the real generator and stand-ins for what it puts together. */
function sources(root: string): string {
  const tree = join(root, 'src')
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), text)
  }
  const real = ['configure', 'configure.ts', 'generator', 'templates', 'Makefile', 'package.json', 'tsconfig.json',
    'core/base/version.ts', 'core/base/edit_distance.ts', 'core/base/code_cache.ts',
    'core/start.ts', 'core/port/features.ts', 'mpms/catalog.ts', 'modules/catalog.ts', 'support/catalog.ts']
  for (const path of real) cpSync(path, join(tree, path), { recursive: true })
  symlinkSync(resolve('node_modules'), join(tree, 'node_modules'))
  for (const row of [...modules, ...mpms]) {
    if (row.source === undefined) continue
    const name = row.source.startsWith('mpms/') ? 'mpm' : row.source.startsWith('core/') ? row.name : 'module'
    const part = `export const ${name} = { name: '${row.name}', text: face('${row.name} line') }\n`
    write(row.source, row.source.startsWith('core/')
      ? `export const ${name} = { name: '${row.name}' }\n`
      : `import { face } from 'httpd'\n${part}`)
  }
  for (const name of ['io_uring', 'epoll', 'kqueue']) write(`core/port/poll/${name}.ts`, `export const ${name} = '${name} here'\n`)
  for (const { name, source } of programs) write(source, `console.log('${name}', ...process.argv.slice(2))\n`)
  write('core/api.ts', "export const face = (text: string) => text + ' through the face of the core'\n")
  write('core/main.ts', main)
  return tree
}

const root = realpathSync(mkdtempSync(join(tmpdir(), 'make-test-')))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
const tree = sources(root)

/** Configures and makes in a new directory beside the sources. */
async function build(test: typeof t, name: string, ...words: string[]): Promise<string> {
  const directory = join(root, name)
  mkdirSync(directory)
  const configured = await run(directory, '../src/configure', '-q', ...words)
  test.equal(configured.err, '')
  const made = await run(directory, 'make')
  test.equal(made.err, '')
  test.equal(made.code, 0)
  return directory
}

const text = (...path: string[]): string => readFileSync(join(...path), 'utf8')

t.test('a static MPM: its line and no other, what is known folded in', async (test) => {
  const directory = await build(test as typeof t, 'static', '--with-mpm=prefork', '--enable-mods-static=few')
  const server = text(directory, 'dist/lib/httpd.cjs')
  test.ok(server.includes('prefork line'))
  test.notMatch(server, /worker line|event line|kqueue here/)
  test.notMatch(server, /folded: /, 'neither threads nor async')
  test.equal(readdirSync(join(directory, 'dist/modules')).length, 0)
  const { out } = await run(directory, './httpd', '-x', 'two words')
  const said = JSON.parse(out) as { argv: string[]; symbols: string[]; koffi: string; builtOn: string }
  test.same(said.argv, ['./httpd', join(directory, 'dist'), '-x', 'two words'])
  test.equal(said.symbols[0], 'core_module')
  test.equal(said.symbols.indexOf('mpm_prefork_module') + 1, said.symbols.indexOf('unixd_module'))
  test.equal(said.koffi, 'function', 'koffi comes from dist')
  test.match(said.builtOn, /^[A-Z][a-z]{2} [ \d]\d \d{4} \d\d:\d\d:\d\d$/)
  test.match(text(directory, 'Makefile'), /^srcdir = \.\.\/src\ninclude \$\(srcdir\)\/Makefile$/m)
})

t.test('dist has the one native binary of each package for this platform', async (test) => {
  const directory = join(root, 'static')
  const files = readdirSync(join(directory, 'dist/lib/node_modules'), { recursive: true }).map(String)
  const owners = files.filter((file) => file.endsWith('.node')).map((file) => file.split('/', 1)[0]!)
  test.same(owners.sort(), ['@koromix', '@lmdb', '@msgpackr-extract'])
  test.ok(files.includes('koffi/package.json'))
  // Here nothing is above it that could stand in for what was left out.
  for (const name of ['koffi', 'lmdb']) {
    test.equal((await run(directory, process.execPath, '-e', `require('./dist/lib/node_modules/${name}')`)).err, '', name)
  }
})

t.test('a second make changes nothing; another choice removes what it does not have', async (test) => {
  const directory = await build(test as typeof t, 'twice')
  const before = statSync(join(directory, 'dist/lib/httpd.cjs')).mtimeMs
  test.ok(existsSync(join(directory, 'dist/modules/mod_mime.so')))
  const again = await run(directory, 'make')
  test.equal(again.out, 'Nothing to be done: the server is up to date\n')
  test.equal(statSync(join(directory, 'dist/lib/httpd.cjs')).mtimeMs, before)
  await run(directory, '../src/configure', '-q', '--enable-modules=none')
  await run(directory, 'make')
  test.notOk(existsSync(join(directory, 'dist/modules/mod_mime.so')))
})

t.test('loadable MPMs and modules leave the core outside', async (test) => {
  const directory = await build(test as typeof t, 'shared', '--enable-mpms-shared=all')
  const products = readdirSync(join(directory, 'dist/modules'))
  for (const name of ['event', 'prefork', 'worker']) test.ok(products.includes(`mod_mpm_${name}.so`))
  const module = text(directory, 'dist/modules/mod_mpm_event.so')
  test.match(module, /^\/\* switchyard module: AP24 \d+ \*\/\n/)
  test.ok(module.includes('event line'))
  test.match(module, /require\("httpd"\)/)
  test.notMatch(module, /through the face of the core/)
  test.notMatch(text(directory, 'dist/lib/httpd.cjs'), /event line|worker line|prefork line/)
  test.match(text(directory, 'dist/lib/httpd.cjs'), /folded: threads[^]*folded: async/)
})

t.test('make install: files in place, configuration for the prefix, edited files kept', async (test) => {
  const prefix = join(root, 'inst alled')
  const directory = await build(test as typeof t, 'install', `--prefix=${prefix}`, '--with-program-name=webd')
  test.equal((await run(directory, 'make', 'install')).code, 0)
  const conf = join(prefix, 'conf/webd.conf')
  test.ok(text(conf).includes(`\nServerRoot "${prefix}"\n`))
  test.equal(text(conf), text(prefix, 'conf/original/httpd.conf'))
  for (const path of ['conf/mime.types', 'conf/extra/httpd-mpm.conf', 'htdocs/index.html', 'modules/mod_mime.so',
    'lib/switchyard/httpd.cjs', 'build/config_vars.mk', 'logs']) test.ok(existsSync(join(prefix, path)), path)
  const codeNames = text(prefix, 'lib/switchyard/httpd.cache').split('\n')[1]!
  test.ok(codeNames.includes(join(prefix, 'lib/switchyard/httpd.cjs')), 'compiled code is for the place where it is')
  test.notMatch(codeNames, new RegExp(directory))
  test.notMatch(text(prefix, 'build/config_vars.mk'), /^(PORT|MPM_MODULES|srcdir) /m)
  const { out } = await run(root, join(prefix, 'bin/webd'))
  test.match(out, new RegExp(`"${join(prefix, 'bin/webd')}","${prefix}"`))
  test.equal((await run(root, join(prefix, 'bin/htpasswd'), '-n', 'two words')).out, 'htpasswd -n two words\n')
  test.equal((await run(directory, 'dist/bin/htpasswd')).out, 'htpasswd\n')
  test.equal((await run(root, join(prefix, 'bin/rotatelogs'), 'x')).out, 'rotatelogs x\n')
  test.match((await run(root, join(prefix, 'bin/apachectl'), '-k', 'start')).out, new RegExp(`"${join(prefix, 'bin/webd')}","${prefix}","-k","start"`))
  test.equal(text(prefix, 'bin/envvars'), text(prefix, 'bin/envvars-std'))
  writeFileSync(conf, 'Listen 1\n')
  writeFileSync(join(prefix, 'htdocs/index.html'), 'mine')
  await run(directory, 'make', 'install')
  test.equal(text(conf), 'Listen 1\n')
  test.equal(text(prefix, 'htdocs/index.html'), 'mine')
})

t.test('DESTDIR stages, and the staged program runs through a symbolic link', async (test) => {
  const directory = await build(test as typeof t, 'staged', '--enable-layout=GNU', '--prefix=/opt/web')
  const stage = join(root, 'stage')
  test.equal((await run(directory, 'make', 'install', `DESTDIR=${stage}`)).code, 0)
  test.ok(existsSync(join(stage, 'opt/web/bin/httpd')), 'in bindir')
  symlinkSync('opt/web/sbin/httpd', join(stage, 'link'))
  const { out } = await run(stage, './link', '-v')
  test.match(out, /"argv":\["\.\/link","\/opt\/web","-v"\]/)
  test.match(text(stage, 'opt/web/etc/apache2/httpd.conf'), /^PidFile "var\/apache2\/run\/httpd\.pid"$/m)
})

t.test('errors in sources are shown with file and line, and end make', async (test) => {
  const directory = join(root, 'static')
  const file = join(tree, 'mpms/prefork.ts')
  const good = text(file)
  writeFileSync(file, 'export const mpm = {\n')
  const { code, err } = await run(directory, 'make')
  writeFileSync(file, good)
  test.not(code, 0)
  test.match(err, /prefork\.ts:2:0/)
  test.notMatch(err, /at .*node:internal/, 'no stack')
})

t.test('a server that cannot be run here is made nevertheless', async (test) => {
  const directory = join(root, 'static')
  const file = join(tree, 'core/main.ts')
  writeFileSync(file, 'process.kill(process.pid, "SIGKILL")\n')
  const { code, out, err } = await run(directory, 'make')
  const again = await run(directory, 'make')
  writeFileSync(file, main)
  test.equal(code, 0, err)
  test.match(out, /^note: the server starts without compiled code: see build\/code\/output\nmade dist\/lib\/httpd\.cjs$/m)
  test.notOk(existsSync(join(directory, 'dist/lib/httpd.cache')), 'that of the last make is gone')
  test.match(again.out, /^Nothing to be done/, 'nothing is tried again')
})

t.test('clean and distclean', async (test) => {
  const directory = join(root, 'shared')
  await run(directory, 'make', 'clean')
  test.notOk(existsSync(join(directory, 'httpd')))
  test.ok(existsSync(join(directory, 'dist/conf/httpd.conf')))
  test.equal((await run(directory, 'make')).code, 0, 'make works again')
  await run(directory, 'make', 'distclean')
  test.same(readdirSync(directory), [])
})

t.test('buildDate() is fixed by SOURCE_DATE_EPOCH, in UTC', (test) => {
  test.equal(buildDate(new Date(), '1000000000'), 'Sep  9 2001 01:46:40')
  test.match(buildDate(new Date(2026, 10, 2, 3, 4, 5), undefined), /^Nov {2}2 2026 03:04:05$/)
  test.end()
})
