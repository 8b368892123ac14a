/*
 * Who may import whom. The tables are a statement of policy: change them in a commit of their own, with the reason.
 * Type-only imports count: what a file cannot be understood without is what it rests on.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const BELOW_SERVER = ['core/port', 'core/base', 'core/config', 'core/http', 'core/hook', 'core/expr'] as const
const CORE = [...BELOW_SERVER, 'core/server'] as const

/** Layer: the layers it may rest on. A file belongs to the longest entry that covers its path. */
const policy: Readonly<Record<string, readonly string[]>> = {
  'core/port': [],
  'core/base': ['core/port'],
  'core/config': ['core/base'],
  'core/http': ['core/base'],
  'core/hook': ['core/base', 'core/config', 'core/http'],
  // The language of expressions: what a request tells is asked through core/hook's interfaces.
  'core/expr': ['core/base', 'core/config', 'core/http', 'core/hook'],
  'core/server': BELOW_SERVER,
  'core/api.ts': CORE,
  // Started before the server is loaded, it can know nothing of it.
  'core/start.ts': ['core/base'],
  'core/main.ts': [...CORE, 'core/api.ts', '#modules', '#pollers', '#build'],
  'core/generated-types.d.ts': CORE,
  modules: ['httpd'],
  'modules/shared': ['httpd'],
  mpms: ['httpd'],
  'mpms/shared': ['httpd'],
  // Also the calls of the system that what they do rests on: crypt(3).
  support: ['core/base', 'core/port'],
  'support/catalog.ts': [],
  'modules/catalog.ts': ['core/port'],
  'mpms/catalog.ts': ['core/port'],
  // The benchmark looks at servers from outside; its module is one as any other.
  bench: [],
  'bench/modules': ['httpd'],
  generator: ['core/port', 'core/base', 'modules/catalog.ts', 'mpms/catalog.ts', 'support/catalog.ts'],
  'configure.ts': ['generator', 'core/port', 'core/base', 'modules/catalog.ts', 'mpms/catalog.ts'],
}

/** Packages that a layer may import. Node's own modules are everybody's. */
const packages: Readonly<Record<string, readonly string[]>> = {
  'core/port': ['ioredis', 'koffi', 'lmdb', 'memjs'],
  modules: ['iconv-lite'],
  bench: ['esbuild'],
  generator: ['esbuild', 'handlebars', 'koffi', 'mime-db', 'yargs'],
  'configure.ts': ['yargs'],
}

type Import = readonly [from: string, to: string]

const covers = (entry: string, path: string): boolean => path === entry || path.startsWith(`${entry}/`)

/** The longest entry of the policy that covers a path. */
const layerOf = (path: string): string | undefined =>
  Object.keys(policy).filter((layer) => covers(layer, path)).sort((a, b) => b.length - a.length)[0]

/** The module that a file belongs to: `modules/mod_alias.ts` and `modules/alias/…` are one. */
const unitOf = (path: string): string =>
  /^(modules|mpms)\/[^/]+/.exec(path)?.[0].replace(/\/mod_/, '/').replace(/\.ts$/, '') ?? ''

/** Why an import is not allowed, or undefined. `to` is a path of the source tree or a name as it is written. */
function complaint([from, to]: Import): string | undefined {
  const layer = layerOf(from)
  if (layer === undefined) return `${from} is in no layer: add it to the policy`
  const rests = policy[layer]!
  if (to.startsWith('node:') || rests.some((below) => covers(below, to))) return undefined
  const below = layerOf(to)
  if (below === undefined) {
    if (packages[layer]?.includes(to)) return undefined
    return `${from} may not import ${to}: ${layer} may use ${packages[layer]?.join(', ') ?? 'no packages'}`
  }
  if (layer === below && (layer === 'mpms' || layer === 'modules')) {
    return unitOf(from) === unitOf(to) ? undefined : `${from} may not import ${to}: ${layer} do not know each other`
  }
  if (layer === below || ((layer === 'mpms' || layer === 'modules') && below === `${layer}/shared`)) return undefined
  return `${from} may not import ${to}: ${layer} rests on ${rests.join(', ') || 'nothing'}`
}

const complaints = (imports: Iterable<Import>): string[] =>
  [...imports].map(complaint).filter((text) => text !== undefined)

function sourceFiles(): string[] {
  const roots = ['core', 'generator', 'modules', 'mpms', 'support', 'bench']
  const below = roots.flatMap((root) => {
    try {
      return readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  })
  return ['configure.ts', ...below.filter((path) => path.endsWith('.ts')).sort()]
}

/** What a file imports: import and export declarations, import() calls and import() types. */
function importsOf(path: string): Import[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, false)
  const names: string[] = []
  const add = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteral(node)) names.push(node.text)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0])
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names.map((name) => [path, name.startsWith('.') ? join(dirname(path), name) : name] as const)
}

t.test('imports go downward only', (t) => {
  const files = sourceFiles()
  const imports = files.flatMap(importsOf)
  t.ok(files.length > 100, 'all sources are looked at')
  t.ok(imports.some(([from, to]) => from === 'core/api.ts' && to === 'core/port/port.ts'), 'type exports are seen')
  t.same(complaints(imports), [])
  t.end()
})

t.test('every layer that is not empty holds files', (t) => {
  const files = sourceFiles()
  const empty = Object.keys(policy).filter((layer) => !files.some((file) => covers(layer, file)))
  t.same(empty, [], 'the policy speaks of what exists')
  t.end()
})

t.test('a complaint names both files and the rule', (t) => {
  t.same(complaints([
    ['core/http/range.ts', 'core/base/dates.ts'],
    ['core/http/range.ts', 'core/server/log.ts'],
    ['core/http/range.ts', 'core/config/args.ts'],
    ['modules/mod_mime.ts', 'core/base/dates.ts'],
    ['modules/mod_mime.ts', 'httpd'],
    ['modules/mod_mime.ts', 'modules/alias/rules.ts'],
    ['modules/mod_alias.ts', 'modules/alias/rules.ts'],
    ['mpms/event.ts', 'mpms/shared/loop.ts'],
    ['mpms/event.ts', 'mpms/worker.ts'],
    ['mpms/shared/loop.ts', 'mpms/event.ts'],
    ['modules/mod_mime.ts', 'mpms/event.ts'],
    ['core/server/log.ts', 'core/api.ts'],
    ['core/http/range.ts', 'node:fs'],
    ['core/http/range.ts', 'koffi'],
    ['core/port/native.ts', 'koffi'],
    ['generator/plan.ts', 'core/base/version.ts'],
    ['generator/plan.ts', 'core/http/dates.ts'],
    ['newcomer/x.ts', 'node:fs'],
  ]), [
    'core/http/range.ts may not import core/server/log.ts: core/http rests on core/base',
    'core/http/range.ts may not import core/config/args.ts: core/http rests on core/base',
    'modules/mod_mime.ts may not import core/base/dates.ts: modules rests on httpd',
    'modules/mod_mime.ts may not import modules/alias/rules.ts: modules do not know each other',
    'mpms/event.ts may not import mpms/worker.ts: mpms do not know each other',
    'mpms/shared/loop.ts may not import mpms/event.ts: mpms/shared rests on httpd',
    'modules/mod_mime.ts may not import mpms/event.ts: modules rests on httpd',
    'core/server/log.ts may not import core/api.ts: core/server rests on core/port, core/base, core/config, ' +
      'core/http, core/hook, core/expr',
    'core/http/range.ts may not import koffi: core/http may use no packages',
    'generator/plan.ts may not import core/http/dates.ts: generator rests on core/port, core/base, ' +
      'modules/catalog.ts, mpms/catalog.ts, support/catalog.ts',
    'newcomer/x.ts is in no layer: add it to the policy',
  ])
  t.end()
})
