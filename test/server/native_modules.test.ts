// LoadModule lines that name native modules of Apache httpd: what is loaded in their place, and what is an error.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ModuleList } from '../../core/hook/modules.ts'
import { LINKED_IN_APACHE, rootOfDebian } from '../../core/server/native_modules.ts'
import { linkedModules } from '../../core/server/startup.ts'
import { ModuleLoader } from '../../core/server/so_module.ts'

const NATIVE = '\x7fELF\x02\x01\x01'
const own = (name: string): string =>
  `/* switchyard module: AP24 20120211 */\nexports.module = { name: '${name}_module', file: 'mod_${name}.c' }\n`
const at = (line: number) => ({ file: '/etc/apache2/x.load', line })

/** A loader for a build that has these modules, beside native ones of any name that Apache has. */
function loading(t: Test, built: readonly string[], modules = new ModuleList()) {
  const apache = ['alias', 'cgid', 'log_config', 'mpm_event', 'mpm_prefork', ...built]
  const root = t.testdir({
    apache: { ...Object.fromEntries(apache.map((name) => [`mod_${name}.so`, NATIVE])), 'libxml2.so': NATIVE },
    own: Object.fromEntries(built.map((name) => [`mod_${name}.so`, own(name)])),
  })
  const notes: string[] = []
  const loader = new ModuleLoader({
    face: {}, modules, directories: [join(root, 'none'), join(root, 'own')],
    note: (level, text) => void (level !== 'debug' && notes.push(`${level} ${text}`)),
  })
  const load = (name: string, line = 1, path = join(root, `apache/mod_${name}.so`)): void =>
    loader.load(`${name}_module`, path, at(line), '/')
  const list = (): string[] => modules.loaded.map(({ symbol, linkage }) => `${symbol} ${linkage}`)
  return { root, loader, notes, load, list }
}

t.test("a native module's line loads this build's, and what apache2 has linked in comes with the first", (t) => {
  const { root, loader, load, list, notes } = loading(t, ['alias', 'log_config', 'version', 'mpm_event'])
  load('alias', 3, join(root, 'own/mod_alias.so'))
  t.strictSame(list(), ['alias_module shared'], 'our own line needs nothing of it')
  load('mpm_event', 4)
  load('log_config', 5)
  load('alias', 6)
  loader.noteNatives()
  t.strictSame(list(), ['alias_module shared', 'log_config_module static', 'version_module static', 'mpm_event_module shared'])
  t.strictSame(notes, [
    'warn AH01574: module alias_module is already loaded, skipping',
    "notice SY00190: 3 LoadModule lines (the first: /etc/apache2/x.load:4) name native modules of Apache httpd: this build's " +
      'own modules of those names are used instead',
  ])
  t.ok([...loader.sources.keys()].every((path) => path.startsWith(join(root, 'own'))), 'children get no native code')
  t.end()
})

t.test('without such a line there is no notice, and nothing is loaded', (t) => {
  const { loader, list, notes } = loading(t, ['log_config'])
  loader.noteNatives()
  t.strictSame([...list(), ...notes], [])
  t.end()
})

t.test('what this build has not is an error', (t) => {
  const { root, loader, load } = loading(t, ['alias'])
  t.throws(() => load('cgid'), { message: `Cannot load ${root}/apache/mod_cgid.so into server: it is a native module of Apache ` +
    'httpd, and this build has no mod_cgid of its own. Remove this line if the site does without that module' })
  t.throws(() => load('../own/x', 1, join(root, 'apache/mod_alias.so')), /has no mod_/)
  t.throws(() => load('cgid', 1, join(root, 'apache/mod_none.so')), /cannot open shared object file: No such file/)
  t.throws(() => loader.loadFile(join(root, 'apache/libxml2.so'), at(1), '/'), /is native code, and no module/)
  t.end()
})

t.test("another MPM's line is refused by a program that has one linked in", (t) => {
  const mpm = { name: 'mpm_event_module', file: 'event.c', traits: { name: 'event' }, population: () => undefined }
  const modules = linkedModules([{ symbol: mpm.name, file: mpm.file, module: mpm }])
  const { load, list } = loading(t, [], modules)
  load('mpm_event')
  t.strictSame(list(), ['mpm_event_module static'])
  t.throws(() => load('mpm_prefork'), /this program has mpm_event_module linked in, and can have no other MPM\. Name/)
  t.end()
})

t.test('LINKED_IN_APACHE are loaded as far as this build has them', (t) => {
  const { load, list } = loading(t, [...LINKED_IN_APACHE, 'alias'])
  load('alias')
  t.strictSame(list(), [...LINKED_IN_APACHE.map((name) => `${name}_module static`), 'alias_module shared'])
  t.end()
})

t.test('rootOfDebian() knows the layout by its names', (t) => {
  const root = t.testdir({ a: { 'apache2.conf': '', 'mods-enabled': {} }, b: { 'apache2.conf': '' } })
  t.equal(rootOfDebian(join(root, 'a/apache2.conf')), join(root, 'a'))
  for (const other of ['b/apache2.conf', 'a/httpd.conf', 'none/apache2.conf']) t.equal(rootOfDebian(join(root, other)), undefined, other)
  t.equal(rootOfDebian('a/apache2.conf'), undefined)
  t.equal(rootOfDebian(undefined), undefined)
  t.end()
})
