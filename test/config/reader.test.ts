import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { readConfig } from '../../core/config/reader.ts'
import { configured, toyModules } from './support.ts'

t.test('reading never throws, whatever a file holds', (t) => {
  const root = t.testdir({ 'inc.conf': '<Files x>\n', sub: { 'a.conf': 'Mark a\n' } })
  const piece = fc.constantFrom(
    '<Directory /x>', '</Directory>', '<Files "*">', '</Files>', '<IfModule core.c>', '<IfModule none>', '</IfModule>',
    '<IfDefine A>', '</IfDefine>', '<If true>', '</If>', '<Else>', '</Else>', '<', '</', '<>', '</>', '>', 'Define A b',
    'Define', 'UnDefine A', 'Mark ${A}', 'Mark "', 'Error', 'Include inc.conf', 'Include sub/*', 'Include',
    'ServerRoot',
    '<VirtualHost *>', '</VirtualHost>', '<Limit GET>', '</Limit>', 'Require x', '<Location ~ "(">', '</Location>',
    'LoadModule a b', '<IfVersion >= 2>', '</IfVersion>', '# c', '\\', '"', "'", '<RequireAll>', '</RequireAll>',
  )
  const line = fc.oneof(piece, fc.tuple(piece, piece).map((pair) => pair.join(' ')),
    fc.string({ unit: fc.constantFrom('<', '/', '>', 'a', ' ', '$', '{', '}', '"', '\\', '\0', '\xff', '*') }))
  fc.assert(fc.property(fc.array(line, { maxLength: 30 }), fc.constantFrom('\n', '\\\n', '\r\n'), (lines, end) => {
    writeFileSync(join(root, 'httpd.conf'), lines.join(end), 'latin1')
    const { faults, configuration } = configured({ root })
    for (const { text, message } of faults) if (text === '' || message === '') throw new Error('an empty fault')
    if (configuration === undefined && faults.length === 0) throw new Error('given up without a fault')
  }), { numRuns: 300 })
  t.end()
})

t.test('well-formed sections come out as they went in', (t) => {
  const root = t.testdir({})
  const { tree } = fc.letrec<{ tree: Tree[]; node: Tree }>((tie) => ({
    tree: fc.array(tie('node'), { maxLength: 3 }),
    node: fc.oneof({ maxDepth: 4 }, fc.constant<Tree>({ name: 'Mark', body: [] }),
      fc.record({ name: fc.constantFrom('Files', 'IfDefine A', 'IfDefine !A'), body: tie('tree') })),
  }))
  fc.assert(fc.property(tree, (nodes) => {
    writeFileSync(join(root, 'httpd.conf'), written(nodes).join('\n'))
    const read = configured({ root, defines: ['A'] })
    const names = (list: readonly { name: string; body?: unknown }[]): unknown[] =>
      list.map((node) => (node.body === undefined ? node.name : [node.name, names(node.body as typeof list)]))
    const [got, wanted] = [JSON.stringify(names(read.tree)), JSON.stringify(expected(nodes))]
    if (got !== wanted) throw new Error(`${got} instead of ${wanted}`)
  }), { numRuns: 100 })
  t.end()
})

interface Tree { name: string; body: Tree[] }

const written = (nodes: Tree[]): string[] => nodes.flatMap(({ name, body }) => name === 'Mark'
  ? ['Mark x']
  : [`<${name}${name === 'Files' ? ' x' : ''}>`, ...written(body), `</${name.split(' ')[0]!}>`])

const expected = (nodes: Tree[]): unknown[] => nodes.flatMap(({ name, body }): unknown[] =>
  name === 'Mark' ? ['Mark'] : name === 'Files' ? [['<Files', expected(body)]]
    : name === 'IfDefine A' ? expected(body) : [])

const input = {
  pre: [], post: [], defines: [], env: {}, languageLevel: '2.4.66', note: () => undefined,
  loadModule: () => undefined,
}

t.test('an Include of itself ends, after 128 levels', (t) => {
  const root = t.testdir({ 'httpd.conf': 'Include httpd.conf\nInclude httpd.conf\nNonsense\n' })
  const { faults, walkable } = readConfig({ ...input, serverRoot: root, file: 'httpd.conf', table: toyModules() })
  t.equal(faults.length, 1)
  t.equal(walkable, false)
  const { text = '' } = faults[0] ?? {}
  t.equal(text.split(`Syntax error on line 1 of ${root}/httpd.conf: `).length - 1, 129)
  t.ok(text.endsWith(': Exceeded maximum include depth of 128, There appears to be a recursion.'))
  t.end()
})

t.test('a directory in itself ends, after 20 levels', (t) => {
  const root = t.testdir({ 'httpd.conf': 'Include dir\n', dir: {} })
  symlinkSync(join(root, 'dir'), join(root, 'dir', 'again'))
  const [fault] = readConfig({ ...input, serverRoot: root, file: 'httpd.conf', table: toyModules() }).faults
  t.equal(fault?.message, `Directory '${root}/dir${'/again'.repeat(20)}' exceeds the maximum include directory ` +
    'nesting level of 20. You have probably a recursion somewhere.')
  t.end()
})

t.test('onInclude names each file with its depth and the line of the Include', (t) => {
  const root = t.testdir({ 'httpd.conf': '\nInclude a.conf\n', 'a.conf': 'Include dir/*\n', dir: { b: '', c: '' } })
  const seen: string[] = []
  const onInclude = (depth: number, line: number | undefined, path: string) =>
    void seen.push(`${depth} ${line ?? '*'} ${path.slice(root.length)}`)
  readConfig({ ...input, serverRoot: root, file: 'httpd.conf', table: toyModules(), onInclude })
  t.same(seen, ['1 * /httpd.conf', '2 2 /a.conf', '3 1 /dir/b', '3 1 /dir/c'])
  t.end()
})

t.test('the default file may be missing when there are -C or -c', (t) => {
  const wanted = { ...input, serverRoot: t.testdir({}), file: 'httpd.conf', table: toyModules(), fileIsDefault: true }
  t.equal(readConfig(wanted).faults.length, 1)
  t.same(readConfig({ ...wanted, post: ['Mark x'] }).faults, [])
  t.end()
})

t.test('a line may have 16 MiB, with its end', (t) => {
  const root = t.testdir({})
  const read = (length: number) => {
    writeFileSync(join(root, 'httpd.conf'), `\nMark ${'x'.repeat(length)}\nMark y\n`)
    return configured({ root })
  }
  t.same(read(16 * 1024 * 1024 - 6).faults, [])
  t.same(read(16 * 1024 * 1024 - 5).faults.map(({ text }) => text),
    [`httpd: Error reading ${root}/httpd.conf at line 2: Line too long`])
  t.end()
})

t.test('bytes stay bytes: names that are not UTF-8, and words of the command line that are', (t) => {
  const root = t.testdir({})
  const name = Buffer.from(`${root}/\xff.conf`, 'latin1')
  writeFileSync(name, 'Mark \xff\n', 'latin1')
  mkdirSync(join(root, 'ü'))
  writeFileSync(join(root, 'ü', 'x.conf'), 'Mark ü\n')
  writeFileSync(join(root, 'httpd.conf'), 'Include \xff.conf\nInclude ${DIR}/*\nInclude \xc3\xbc/x.conf\n', 'latin1')
  const { tree, faults } = configured({ root, env: { DIR: 'ü' }, post: ['Mark ü'] })
  t.same(faults, [])
  t.same(tree.map(({ args }) => args), ['\xff', '\xc3\xbc', '\xc3\xbc', '\xc3\xbc'])
  const blank = configured({ root, file: 'à.conf', pre: ['Mark à'] })
  t.equal(blank.tree[0]?.args, '\xc3\xa0', 'a byte that is a blank elsewhere stays at the end of a line')
  writeFileSync(join(root, 'section.conf'), '<Files /à>\n</Files>\n<IfDefine !à>\nMark x\n</IfDefine>\n')
  const section = configured({ root, file: 'section.conf', defines: ['\xc3'] })
  t.same(section.tree.map(({ name, args }) => name + args), ['<Files/\xc3\xa0>', 'Markx'], 'and before a bracket')
  t.end()
})
