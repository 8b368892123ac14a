import t from 'tap'
import { arity, each, flag, optional, word } from '../../core/config/args.ts'
import { misplaced, type Forbidden } from '../../core/config/context.ts'
import type { Command, Directive } from '../../core/config/directive.ts'
import { holds, limitOf } from '../../core/config/limit.ts'
import type { TreeNode } from '../../core/config/reader.ts'
import { editDistance } from '../../core/base/edit_distance.ts'
import { adviceFor, nearest } from '../../core/config/suggest.ts'
import { carryOut } from '../../core/config/walk.ts'
import { RSRC_AND_ACCESS } from '../../core/config/where.ts'
import { toyModules, toyServer } from './support.ts'

const node = (name: string, args = '', body?: TreeNode[]): TreeNode =>
  ({ name, args, file: 'test', line: 1, ...(body && { body }) })

const walked = (tree: TreeNode[], modules = toyModules()) =>
  carryOut(tree, { table: modules, serverRoot: '/srv', checking: true, note: () => undefined })

t.test('a virtual host has what the main server says, unless it says its own', (t) => {
  const { main, virtual } = walked([
    node('<VirtualHost', '*:80 10.0.0.1>', [node('Timeout', '5')]),
    node('Timeout', '30'),
    node('ServerName', 'main'),
    node('Listen', '80'),
  ])
  t.same(main.vector.holds(toyServer), { serverName: 'main', timeout: 30, keepAlive: true, listen: ['80'] })
  t.same(virtual[0]?.vector.holds(toyServer), { serverName: 'main', timeout: 5, keepAlive: true, listen: ['80'] })
  t.same(virtual[0]?.addresses, ['*:80', '10.0.0.1'])
  t.end()
})

t.test('modules that share a directive all see it, until one refuses', (t) => {
  const seen: string[] = []
  const modules = toyModules()
  const row = (file: string): Directive => ({
    name: 'Shared', where: RSRC_AND_ACCESS, help: '', takes: '', scope: 'server',
    apply: (command, words) => void seen.push(`${file} ${words.join(',')} ${command.serverRootRelative('x')}`),
  })
  for (const file of ['one', 'two'])
    modules.add({ module: { name: file, file, directives: [row(file)] }, symbol: file, linkage: 'static' })
  t.same(walked([node('SHARED', 'a "b c"')], modules).faults, [])
  t.same(seen, ['one a,b c /srv/x', 'two a,b c /srv/x'])
  t.end()
})

t.test('misplaced()', (t) => {
  const texts: (string | undefined)[] = []
  const modules = toyModules()
  const all: Forbidden[] = [
    { virtualHost: true }, { limit: true }, { directory: true }, { location: true }, { files: true },
    { htaccess: true }, { sections: true },
  ]
  const apply = (command: Command) => void texts.push(...all.map((forbidden) => misplaced(command, forbidden)))
  const row: Directive = { name: 'Here', where: RSRC_AND_ACCESS, help: '', takes: '', scope: 'server', apply }
  modules.add({ module: { name: 'm', file: 'm', directives: [row] }, symbol: 'm', linkage: 'static' })
  const here = node('Here')
  walked([here], modules)
  t.same(texts.splice(0), all.map(() => undefined))
  walked([node('<VirtualHost', '*>', [node('<Directory', '/x>', [node('<Limit', 'GET>', [here])])])], modules)
  t.same(texts.splice(0), [
    'Here cannot occur within <VirtualHost> section', 'Here cannot occur within <Limit> or <LimitExcept> section',
    'Here cannot occur within <Directory> section', undefined, undefined, undefined,
    'Here cannot occur within directory context',
  ])
  walked([node('<DirectoryMatch', 'x>', [node('<FilesMatch', 'y>', [here])]), node('<location', '/>', [here])], modules)
  t.same(texts.filter((text) => text !== undefined), [
    'Here cannot occur within <DirectoryMatch> section', 'Here cannot occur within <FilesMatch> section',
    'Here cannot occur within directory context', 'Here cannot occur within <location> section',
    'Here cannot occur within directory context',
  ])
  t.end()
})

t.test('limitOf() of one inside the other holds where both hold', (t) => {
  const methods = ['GET', 'POST', 'PUT', 'DELETE']
  const sets = [['GET'], ['GET', 'POST'], ['POST', 'PUT', 'DELETE']]
  for (const [outer, inner] of sets.flatMap((a) => sets.map((b) => [a, b] as const))) {
    for (const [outerExcept, innerExcept] of [[false, false], [false, true], [true, false], [true, true]] as const) {
      const around = limitOf('<Limit', outer, outerExcept, undefined)
      const wanted = methods.filter((method) =>
        outer.includes(method) !== outerExcept && inner.includes(method) !== innerExcept)
      const named = (except: boolean, list: readonly string[]) => `${except ? 'except ' : ''}${list.join()}`
      const title = `${named(outerExcept, outer)} around ${named(innerExcept, inner)}`
      const make = () => limitOf('<Limit', inner, innerExcept, around)
      if (wanted.length === 0 && !(outerExcept && innerExcept)) t.throws(make, /excludes all methods/, title)
      else t.same(methods.filter((method) => holds(make(), method)), wanted, title)
    }
  }
  t.ok(holds(limitOf('<Limit', ['GET'], false, undefined), 'HEAD'), 'GET stands for HEAD')
  t.end()
})

t.test('nearest() and adviceFor()', (t) => {
  const names = ['Listen', 'ListenBacklog', '<Limit', 'ServerName', 'ServerAdmin', 'If']
  t.equal(nearest('Lisen', names), 'Listen')
  t.equal(nearest('lsiten', names), 'Listen', 'neighbours swapped')
  t.equal(nearest('<Limt', names), '<Limit', 'sections among sections')
  t.equal(nearest('ServerXXXX', names), undefined)
  t.equal(nearest('Of', names), undefined, 'short names are not guessed')
  t.equal(editDistance('kitten', 'sitting'), 3)
  t.equal(adviceFor('X', { mpms: ['prefork', 'worker', 'event'] }, []),
    "'X' belongs to the prefork, worker and event MPMs")
  t.end()
})

t.test('arity() says in words how many arguments there are', (t) => {
  t.same([[], [word], [word, word], [word, optional(word)], [each(word)], [word, each(word)], [flag]].map((args) =>
    arity(args).takes), [
    'takes no arguments', 'takes one argument', 'takes two arguments', 'takes 1-2 arguments',
    'requires at least one argument', 'requires at least two arguments', 'must be On or Off',
  ])
  t.end()
})
