// mod_macro: what becomes of the lines of a configuration, and what is told of faults in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readConfig, type TreeNode } from '../../core/config/reader.ts'
import { ModuleList } from '../../core/hook/modules.ts'
import { core } from '../../core/server/core_module.ts'
import { module } from '../../modules/mod_macro.ts'

const directory = mkdtempSync(join(tmpdir(), 'macro-'))
t.teardown(() => rmSync(directory, { recursive: true }))
const file = join(directory, 'httpd.conf')

function read(text: string) {
  writeFileSync(file, text)
  const table = new ModuleList()
  for (const each of [core, module]) table.add({ module: each, symbol: each.name, linkage: 'static' })
  const notes: string[] = []
  const result = readConfig({
    serverRoot: directory, defines: [], table, loadModule: () => undefined, env: {}, languageLevel: '2.4',
    note: (_, text) => void notes.push(text.replaceAll(file, 'FILE')), file, pre: [], post: [],
  })
  const faults = result.faults.map((fault) => JSON.stringify(fault).replaceAll(file, 'FILE'))
  return { tree: result.tree.map(shown), faults, notes }
}

const shown = ({ name, args, body, line }: TreeNode): string =>
  `${line} ${name} ${args}${body === undefined ? '' : ` {${body.map(shown).join('; ')}}`}`

t.test('lines are read where a macro is used', (t) => {
  const { tree, faults, notes } = read('<Macro m $a $b>\nListen $a\nListen $b$a\n</Macro>\nUse M 1 "2 3"\nListen 4\n')
  t.strictSame([tree, faults, notes], [['1 Listen 1', '2 Listen 2 31', '6 Listen 4'], [], []])
  t.end()
})

t.test('values are not looked through again, longer names come first', (t) => {
  t.strictSame(read('<Macro m $a $ab>\nListen $ab$a$b\n</Macro>\nUse m $ab $a\n').tree, ['1 Listen $a$ab$b'])
  t.strictSame(read('<Macro m $.*>\nListen $.* $xx\n</Macro>\nUse m $&\n').tree, ['1 Listen $& $xx'])
  t.end()
})

t.test('a value of @name is one word', (t) => {
  t.strictSame(read('<Macro m @a>\nListen @a x@a\n</Macro>\nUse m \'1 "2\\3\'\n').tree, ['1 Listen "1 \\"2\\\\3" x"1 \\"2\\\\3"'])
  t.end()
})

t.test('sections may begin inside and end outside', (t) => {
  t.strictSame(read('<Macro m>\n<Location />\n</Macro>\nUse m\nListen 1\n</Location>\n').tree, ['1 <Location /> {5 Listen 1}'])
  t.match(read('<Macro m>\n<Location />\n</Macro>\nUse m\n').faults, [/1: <Location> was not closed/])
  t.end()
})

t.test('faults', (t) => {
  const is = (text: string, ...messages: (string | RegExp)[]) => {
    const { faults } = read(text)
    t.equal(faults.length, messages.length, text)
    messages.forEach((message, i) => t.match(faults[i], message, text))
  }
  is('Use x\n', 'no macro defined before Use')
  is('UndefMacro x\n', 'no macro defined before UndefMacro')
  is('<Macro>\nGarbage\n</Macro>\nListen 1\n', '<Macro macro definition: empty name')
  is('<Macro m $a $a>\nGarbage\n</Macro>\n', 'argument name conflict in macro')
  is('<Macro m "">\n</Macro>\n', 'empty argument #1 name')
  is('<Macro m>\nListen 1\n', 'expected token not found: </Macro>')
  is('<Macro m $a>\nListen $a\n</Macro>\nUse m\n', 'used with 0 arguments instead of 1')
  is('<Macro m>\nUse m\n</Macro>\nUse m\n', "recursive use of macro 'm' is invalid")
  is('<Macro a>\nUse b\n</Macro>\n<Macro b>\nUse a\n</Macro>\nUse a\n', "recursive use of macro 'a' is invalid")
  is('<Macro m>\n</Macro>\nUse n\n', "macro 'n' undefined")
  t.end()
})

t.test('macros that double with each step come to an end', (t) => {
  const steps = Array.from({ length: 25 }, (_, i) => `<Macro m${i + 1}>\nUse m${i}\nUse m${i}\n</Macro>\n`).join('')
  t.match(read(`<Macro m0>\n# nothing\n</Macro>\n${steps}Use m25\n`).faults[0], /SY00150: /)
  t.end()
})

t.test('warnings', (t) => {
  const is = (text: string, ...notes: RegExp[]) => t.match(read(text).notes, notes, text)
  is('<Macro m a>\nListen a\n</Macro>\n', /^AH02796/)
  is('<Macro m $a>\nListen 1\n</Macro>\n', /^AH02800.*'\$a' \(#1\) never used/)
  is('<Macro m>\n</Macro>\n', /^AH02799/)
  is('<Macro m>\nListen 1\n</Macro>\n<Macro m>\nListen 1\n</Macro>\n', /^AH02802/)
  is('<Macro m $a $ab>\nListen $a$ab\n</Macro>\n', /^AH02797/)
  is('<Macro m $a>\nListen $a\n</Macro>\nUse m ""\n', /^AH02798/)
  is('<Macro m>\n<Location />\n</Macro>\n', /^AH02795.*\(\+1\)/)
  t.strictSame(read('MacroIgnoreBadNesting\nMacroIgnoreEmptyArgs\n<Macro m $a>\n<Location /$a>\n</Macro>\nUse m ""\n</Location>\n').notes, [])
  t.end()
})
