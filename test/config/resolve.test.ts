import fc from 'fast-check'
import t from 'tap'
import { HtaccessFile, type HtaccessFault } from '../../core/config/htaccess.ts'
import { Resolver, type HtaccessAccess, type Resolved } from '../../core/config/resolve.ts'
import { ServerConf } from '../../core/config/server_conf.ts'
import type { TreeNode } from '../../core/config/reader.ts'
import { carryOut } from '../../core/config/walk.ts'
import { toyDir, toyModules } from './support.ts'

interface Part { readonly name: string; readonly argument: string; readonly inner: readonly Part[] }

const directories = ['/', '/a', '/a/b', '/*', '/a/*', '/*/b', '/b', '/?/a', '/a/b/c', '/*/*/*', '/a/f']
const files: fc.Arbitrary<Part> = fc.record({
  name: fc.constant('Files'), argument: fc.constantFrom('f', '*', 'g*', '?', 'c'), inner: fc.constant([]),
})
const section: fc.Arbitrary<Part> = fc.oneof(
  fc.record({
    name: fc.constant('Directory'), argument: fc.constantFrom(...directories), inner: fc.array(files, { maxLength: 2 }),
  }),
  fc.record({
    name: fc.constant('DirectoryMatch'), argument: fc.constantFrom('b', '^/a/', 'f$', '/$'),
    inner: fc.array(files, { maxLength: 1 }),
  }),
  files,
  fc.record({
    name: fc.constant('Location'), argument: fc.constantFrom('/', '/a', '/a/', '/a/*', '/b', '/*'),
    inner: fc.constant([]),
  }),
  fc.record({
    name: fc.constant('LocationMatch'), argument: fc.constantFrom('a', '^/b', '//'), inner: fc.constant([]),
  }),
)

const path = fc.array(fc.constantFrom('a', 'b', 'c', 'f', 'gg'), { maxLength: 4 }).map((parts) => `/${parts.join('/')}`)
const filename = fc.tuple(path, fc.boolean()).map(([name, slash]) => (slash && name !== '/' ? `${name}/` : name))
const uri = fc.oneof(path, path.map((text) => `/${text}`), fc.constant('*'))

/** Numbers each section, and writes it as a tree that leaves its number as a mark. */
function numbered(parts: readonly Part[], count = { of: 0 }): { tree: TreeNode[]; list: Numbered[] } {
  const list: Numbered[] = []
  const tree = parts.map(({ name, argument, inner }): TreeNode => {
    const number = `${count.of++}`
    const below = numbered(inner, count)
    list.push({ name, argument, number, inner: below.list })
    const at = { file: 'test', line: 1 }
    const body = [{ ...at, name: 'Mark', args: number }, ...below.tree]
    return { ...at, name: `<${name}`, args: `"${argument}">`, body }
  })
  return { tree, list }
}

interface Numbered {
  readonly name: string
  readonly argument: string
  readonly number: string
  readonly inner: Numbered[]
}

/** The rules of merging, read aloud: no cache, no order but that of the rules. */
function naive(sections: readonly Numbered[], filename: string, uri: string): string[] {
  const glob = (pattern: string) => new RegExp(`^${pattern.replaceAll('?', '[^/]').replaceAll('*', '[^/]*')}$`)
  const parts = filename.split('/').slice(1)
  const name = parts.at(-1)!
  const paths = ['', ...parts.slice(0, -1), ...(name === '' ? [] : [name])]
  const found: Numbered[] = []
  for (let depth = 1; depth <= paths.length; depth++) {
    const here = paths.slice(0, depth).join('/') || '/'
    found.push(...sections.filter((each) => each.name === 'Directory' &&
      (each.argument === '/' ? depth === 1 : depth > 1 && glob(each.argument).test(here))))
  }
  found.push(...sections.filter((each) => each.name === 'DirectoryMatch' && new RegExp(each.argument).test(filename)))
  const all = [...sections.filter((each) => each.name === 'Files'), ...found.flatMap(({ inner }) => inner)]
  const named = all.filter((each) => glob(each.argument).test(name))
  const single = uri.replace(/^\/\/+/, '/')
  const located = sections.filter((each) => {
    if (each.name === 'LocationMatch') return new RegExp(each.argument).test(uri)
    if (each.name !== 'Location') return false
    if (each.argument.includes('*')) return glob(each.argument).test(single)
    return single === each.argument || single.startsWith(each.argument.replace(/\/?$/, '/'))
  })
  return [...found, ...named, ...located].map(({ number }) => number)
}

const modules = toyModules()
const settings = modules.settings()

function resolverOf(tree: readonly TreeNode[], htaccess?: HtaccessAccess): Resolver {
  const { main, faults } = carryOut(tree, { table: modules, serverRoot: '/', checking: true, note: () => undefined })
  if (faults.length > 0) throw new Error(faults[0]!.text)
  return new Resolver({ conf: main, settings, ...(htaccess && { htaccess }) })
}

function resolvedBy(resolver: Resolver, filename: string, uri = '/'): Resolved {
  const answer = resolver.forFile(filename, uri)
  if ('fault' in answer) throw new Error(answer.fault)
  return answer
}

const marks = (resolved: Resolved): readonly string[] => resolved.vector.holds(toyDir).mark

t.test('Resolver answers what the rules say, and equal lists with the identical object', (t) => {
  const ask = fc.array(fc.tuple(filename, uri), { minLength: 1, maxLength: 12 })
  fc.assert(fc.property(fc.array(section, { maxLength: 8 }), ask, (parts, questions) => {
    const { tree, list } = numbered(parts)
    const resolver = resolverOf(tree)
    const seen = new Map<string, Resolved>()
    for (const [filename, uri] of [...questions, ...questions]) {
      const wanted = naive(list, filename, uri).join(' ')
      const got = resolvedBy(resolver, filename, uri)
      if (marks(got).join(' ') !== wanted) throw new Error(`${filename} ${uri}: ${marks(got).join(' ')}, not ${wanted}`)
      if (seen.has(wanted) && seen.get(wanted) !== got) throw new Error(`${filename} ${uri}: another object`)
      seen.set(wanted, got)
    }
  }), { numRuns: 400 })
  t.end()
})

t.test('forLocation() is what holds before there is a file', (t) => {
  const resolver = resolverOf(numbered([{ name: 'Location', argument: '/a', inner: [] }]).tree)
  t.same(marks(resolver.forLocation('/a/b')), ['0'])
  t.same(marks(resolver.forLocation('/b')), [])
  t.equal(resolver.forLocation('/b'), resolvedBy(resolver, '/x', '/b'), 'the same object, if no section holds')
  t.end()
})

t.test('forDirectory() is forFile() of the directory, and <Files> for its name', (t) => {
  const parts = ['/a/.b', '/a/.b/.b'].map((argument) => ({ name: 'Directory', argument, inner: [] }))
  const resolver = resolverOf(numbered([...parts, { name: 'Files', argument: '.b', inner: [] }]).tree)
  const marked = (found: Resolved | HtaccessFault): readonly string[] => {
    if ('fault' in found) throw new Error(found.fault)
    return marks(found)
  }
  const keeper = { plan: undefined }
  for (let i = 0; i < 2; i++) {
    t.same(marked(resolver.forFile('/a/.b/', '/u')), ['0'])
    t.same(marked(resolver.forDirectory('/a/.b', '/u', keeper)), ['0', '2'])
    t.same(marked(resolver.forDirectory('/a', '/u')), [])
  }
  t.end()
})

t.test('caches are emptied, not grown: answers stay the same objects', (t) => {
  const resolver = resolverOf(numbered([{ name: 'Directory', argument: '/a', inner: [] }]).tree)
  const first = resolvedBy(resolver, '/a/x', '/u')
  for (let i = 0; i < 10_000; i++) resolvedBy(resolver, `/a/${i}/x`, `/${i}`)
  t.equal(resolvedBy(resolver, '/a/x', '/u'), first)
  t.end()
})

function htaccessOf(content: Map<string, string>, asked: string[], overrides: readonly 'FileInfo'[]): HtaccessAccess {
  const kept = new Map<string, HtaccessFile>()
  const server = new ServerConf(false, { file: '', line: 0 })
  return {
    names: ['.htaccess'],
    rights: (vector) => ({ overrides: vector.holds(toyDir).overrides.length > 0 ? overrides : [], list: [] }),
    source: {
      read(directory) {
        asked.push(directory)
        const text = content.get(directory)
        if (text === undefined) return undefined
        const file = kept.get(text) ?? new HtaccessFile(`${directory}.htaccess`, text, {
          table: modules, serverRoot: '/', checking: false, note: () => undefined, server, env: {},
          languageLevel: '2.4.66',
        })
        kept.set(text, file)
        return file
      },
    },
  }
}

const at = { file: 'test', line: 1 }
const overriding: TreeNode[] = [{
  ...at, name: '<Directory', args: '/a>', body: [{ ...at, name: 'AllowOverride', args: 'FileInfo' }],
}]

t.test('.htaccess is not looked for where nothing may be overridden', (t) => {
  const asked: string[] = []
  const resolver = resolverOf(overriding, htaccessOf(new Map(), asked, ['FileInfo']))
  resolvedBy(resolver, '/b/c/x')
  t.same(asked, [])
  resolvedBy(resolver, '/a/c/x')
  t.same(asked, ['/a/', '/a/c/'])
  t.end()
})

t.test('onHtaccess is told of a file before its first answer, and again when it changes', (t) => {
  const content = new Map([['/a/', 'Mark one']])
  const resolver = resolverOf(overriding, htaccessOf(content, [], ['FileInfo']))
  const told: string[] = []
  resolver.onHtaccess = ({ pattern, vector }) => void told.push(`${pattern} ${vector.holds(toyDir).mark.join()}`)
  resolvedBy(resolver, '/b/x')
  t.same(told, [])
  resolvedBy(resolver, '/a/b/x')
  t.same(new Set(told), new Set(['/a/ one']))
  content.set('/a/b/', 'Mark two')
  resolvedBy(resolver, '/a/b/x')
  t.ok(told.includes('/a/b/ two'))
  t.end()
})

t.test('.htaccess that changes is seen at once; unchanged it gives the identical object', (t) => {
  const content = new Map([['/a/', 'Mark one']])
  const resolver = resolverOf(overriding, htaccessOf(content, [], ['FileInfo']))
  const one = resolvedBy(resolver, '/a/x')
  t.same(marks(one), ['one'])
  t.equal(resolvedBy(resolver, '/a/x'), one)
  t.equal(resolvedBy(resolver, '/a/y'), one)
  content.set('/a/', 'Mark two')
  t.same(marks(resolvedBy(resolver, '/a/x')), ['two'])
  content.delete('/a/')
  t.same(marks(resolvedBy(resolver, '/a/x')), [])
  content.set('/a/', 'Nonsense')
  t.match(resolver.forFile('/a/x', '/'), { fault: /^\/a\/\.htaccess: Invalid command 'Nonsense'/ })
  t.end()
})

t.test('a line of .htaccess may have 8192 bytes, with its end', (t) => {
  const content = new Map([['/a/', `Mark ${'x'.repeat(8186)}\n`]])
  const resolver = resolverOf(overriding, htaccessOf(content, [], ['FileInfo']))
  t.equal(marks(resolvedBy(resolver, '/a/x'))[0]?.length, 8186)
  content.set('/a/', `\nMark ${'x'.repeat(8187)}\n`)
  t.same(resolver.forFile('/a/x', '/'),
    { fault: '/a/.htaccess: Error reading /a/.htaccess at line 2: Line too long', directory: '/a/' })
  t.end()
})
