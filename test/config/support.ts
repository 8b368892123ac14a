/**
 * What the tests of the configuration language share: a small server to
 * configure, and text cases. A case file holds cases; each begins with
 * `==== title`, and consists of parts that begin with `---- NAME`:
 *
 *   file PATH      a file below ROOT (a new directory); httpd.conf is read
 *   options        words of a command line: -D, -C, -c, one per line
 *   tree           expected: what was read
 *   faults         expected: the texts printed, none if the part is absent
 *   notes          expected: messages that stop nothing
 *   ask            lines `FILE [URI]`: what holds for them is expected in `answers`
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { each, flag, parsed, word } from '../../core/config/args.ts'
import type { Command, Directive } from '../../core/config/directive.ts'
import { HtaccessFile } from '../../core/config/htaccess.ts'
import { earlyDirectives, ifVersionDirective, readConfig, type Fault, type TreeNode } from '../../core/config/reader.ts'
import { Resolver, type HtaccessAccess } from '../../core/config/resolve.ts'
import type { ServerConf } from '../../core/config/server_conf.ts'
import { sectionDirectives } from '../../core/config/sections.ts'
import { conditionalSections } from '../../core/expr/if_sections.ts'
import { Settings, type AnySettings } from '../../core/config/settings.ts'
import { carryOut, type Configuration, type Known } from '../../core/config/walk.ts'
import {
  ACCESS_CONF, allowedBy, GLOBAL_ONLY, OR_ALL, RSRC_CONF, type Override,
} from '../../core/config/where.ts'
import { ModuleList } from '../../core/hook/modules.ts'
import { ModuleLoader, so } from '../../core/server/so_module.ts'

export const toyServer = new Settings('server', {
  serverName: 'none', timeout: 60, keepAlive: true, listen: [] as readonly string[],
}, { listen: (outer, inner) => [...outer, ...inner] })

export const toyDir = new Settings('directory', {
  /** What was said from the outside inwards, so the order of merging shows. */
  mark: [] as readonly string[],
  handler: 'none',
  options: [] as readonly string[],
  require: [] as readonly string[],
  overrides: [] as readonly string[],
  list: [] as readonly string[],
}, { mark: (outer, inner) => [...outer, ...inner] })

const limitText = ({ limit }: Command): string =>
  limit === undefined ? '' : ` [${limit.except ? 'not ' : ''}${limit.methods.join(' ')}]`

const requireAll: Directive = {
  ...toyDir.directive('<RequireAll', [], () => undefined, allowedBy('AuthConfig'), ''),
  section(_, words, walk) {
    walk()
    if (words.length > 0) throw new Error('not tried')
  },
}

const directives: readonly Directive[] = [
  toyServer.directive('ServerName', [word], 'serverName', RSRC_CONF, 'The hostname and port of the server'),
  toyServer.directive('Timeout', [parsed(Number)], 'timeout', RSRC_CONF, 'Timeout duration (sec)'),
  toyServer.directive('KeepAlive', [flag], 'keepAlive', RSRC_CONF,
    'Whether persistent connections should be On or Off'),
  toyServer.directive('Listen', [each(word)], (said, _, ports) => {
    said.listen = [...(said.listen ?? []), ...ports]
  }, GLOBAL_ONLY, 'A port number'),
  toyDir.directive('Mark', [word], (said, _, name) => {
    said.mark = [...(said.mark ?? []), name]
  }, OR_ALL, 'A mark'),
  toyDir.directive('SetHandler', [word], 'handler', allowedBy('FileInfo'), 'a handler name'),
  toyDir.directive('Options', [each(word)], 'options', allowedBy('Options'), ''),
  toyDir.directive('Require', [each(word)], (said, command, words) => {
    said.require = [...(said.require ?? []), words.join(' ') + limitText(command)]
  }, allowedBy('AuthConfig'), ''),
  toyDir.directive('AllowOverride', [each(word)], 'overrides', ACCESS_CONF, ''),
  toyDir.directive('AllowOverrideList', [each(word)], 'list', ACCESS_CONF, ''),
  requireAll,
]

/** What this build has, in the order in which it was linked. */
export function toyModules(): ModuleList {
  const modules = new ModuleList()
  const add = (name: string, file: string, rows: readonly Directive[] = [], settings: readonly AnySettings[] = []) =>
    modules.add({ module: { name, file, directives: rows, settings }, symbol: name, linkage: 'static' })
  add('core_module', 'core.c', [...earlyDirectives, ...sectionDirectives, ...conditionalSections])
  modules.add({ module: so, symbol: so.name, linkage: 'static' })
  add('version_module', 'mod_version.c', [ifVersionDirective])
  add('toy_module', 'mod_toy.c', directives, [toyServer, toyDir])
  return modules
}

const OVERRIDES: readonly Override[] = ['AuthConfig', 'FileInfo', 'Indexes', 'Limit', 'Options']

/** .htaccess files of the real file system, read anew each time they change. */
export function htaccessAccess(modules: ModuleList, server: ServerConf, note: (level: string, text: string) => void,
): HtaccessAccess {
  const kept = new Map<string, HtaccessFile>()
  return {
    names: ['.htaccess'],
    rights(vector) {
      const { overrides, list } = vector.holds(toyDir)
      const has = (text: string) => overrides.some((each) => each.toLowerCase() === text)
      return {
        overrides: has('all') ? OVERRIDES : OVERRIDES.filter((name) => has(name.toLowerCase())), list,
        nonfatalOverride: has('nonfatal=override'), nonfatalUnknown: has('nonfatal=unknown'),
      }
    },
    source: {
      read(directory, names) {
        const path = directory + names[0]!
        const text = fileText(path)
        if (text === undefined) return undefined
        const key = `${path}\n${text}`
        const file = kept.get(key) ?? new HtaccessFile(path, text, {
          table: modules, serverRoot: '/', checking: false, note, server, env: {}, languageLevel: '2.4.66',
        })
        kept.set(key, file)
        return file
      },
    },
  }
}

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

export interface Outcome {
  readonly tree: readonly TreeNode[]
  readonly faults: readonly Fault[]
  readonly notes: readonly string[]
  readonly configuration: Configuration | undefined
  readonly modules: ModuleList
}

export interface Wanted {
  readonly root: string
  readonly defines?: readonly string[]
  readonly pre?: readonly string[]
  readonly post?: readonly string[]
  readonly file?: string
  readonly env?: NodeJS.ProcessEnv
}

const known = (name: string): Known | undefined => ({
  rewriteengine: { module: 'mod_rewrite', available: true },
  sslengine: { module: 'mod_ssl', available: false },
  threadsperchild: { mpms: ['worker', 'event'] },
  startservers: { mpms: ['event'] },
} satisfies Record<string, Known> as Record<string, Known>)[name.toLowerCase()]

/** Reads and, if it makes sense, carries out. */
export function configured(wanted: Wanted): Outcome {
  const { root, defines = [], pre = [], post = [], file = 'httpd.conf', env = { HOME: '/home/x' } } = wanted
  const notes: string[] = []
  const note = (level: string, text: string) => void notes.push(`${level} ${text}`)
  const modules = toyModules()
  const loader = new ModuleLoader({ face: { answer: 42 }, modules, note })
  const read = readConfig({
    serverRoot: root, file, pre, post, defines, env, table: modules, languageLevel: '2.4.66', note,
    loadModule: (...args) => loader.load(...args),
    loadFile: (...args) => loader.loadFile(...args),
  })
  const { tree, faults } = read
  if (!read.walkable) return { tree, faults, notes, configuration: undefined, modules }
  const configuration = carryOut(JSON.parse(JSON.stringify(tree)) as TreeNode[], {
    table: modules, serverRoot: read.serverRoot, checking: true, defines: read.defines, note, known,
  })
  return { tree, faults: [...faults, ...configuration.faults], notes, configuration, modules }
}

export interface Case {
  readonly title: string
  readonly files: ReadonlyMap<string, string>
  readonly parts: ReadonlyMap<string, string>
}

export function casesOf(text: string): Case[] {
  return text.split(/^==== /m).slice(1).map((chunk) => {
    const [head = '', ...pieces] = chunk.split(/^---- /m)
    const files = new Map<string, string>()
    const parts = new Map<string, string>()
    for (const piece of pieces) {
      const at = piece.indexOf('\n')
      const name = piece.slice(0, at).trim()
      const body = piece.slice(at + 1).replace(/\n\n$/, '\n')
      if (name.startsWith('file ')) files.set(name.slice(5), body)
      else parts.set(name, body)
    }
    return { title: head.split('\n')[0]!.trim(), files, parts }
  })
}

type Shown = Record<'tree' | 'faults' | 'notes' | 'answers', string>

/** Runs a case below a directory. @returns every part that can be expected */
export function outcomeOf({ files, parts }: Case, root: string): Shown {
  for (const [name, body] of files) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), body.replaceAll('ROOT', root), 'latin1')
  }
  const outcome = configured({ root, ...optionsOf(parts.get('options') ?? '', root) })
  const shown = (text: string) => text.replaceAll(root, 'ROOT')
  const lines = (list: readonly string[]) => shown(list.map((each) => `${each}\n`).join(''))
  const answers = (parts.get('ask') ?? '').split('\n').filter((line) => line !== '')
    .map((line) => `${line}: ${answer(outcome, line.replaceAll('ROOT', root))}`)
  return {
    tree: lines(outcome.tree.flatMap((node) => nodeLines(node, ''))),
    faults: lines(outcome.faults.map(({ text }) => text)),
    notes: lines(outcome.notes),
    answers: lines(answers),
  }
}

function optionsOf(text: string, root: string) {
  const values = (letter: string) => text.split('\n').filter((line) => line.startsWith(`-${letter}`))
    .map((line) => line.slice(2).trim().replaceAll('ROOT', root))
  const [file] = values('f')
  return { defines: values('D'), pre: values('C'), post: values('c'), ...(file !== undefined && { file }) }
}

function nodeLines({ name, args, file, line, body }: TreeNode, indent: string): string[] {
  const place = file.endsWith('/httpd.conf') ? `${line}` : `${file.slice(file.lastIndexOf('/') + 1)}:${line}`
  return [
    `${indent}${place} ${name}${args === '' ? '' : ` ${args}`}`,
    ...(body ?? []).flatMap((node) => nodeLines(node, `${indent}  `)),
  ]
}

/** `[HOST] FILE [URI]`: what holds. */
function answer({ configuration, modules }: Outcome, line: string): string {
  if (configuration === undefined) return 'nothing'
  const words = line.split(' ')
  const host = words[0]!.startsWith('vhost') ? words.shift() : undefined
  const [file = '', uri = '/'] = words
  const server = configuration.virtual.find(({ vector }) => vector.holds(toyServer).serverName === host)
    ?? configuration.main
  const notes: string[] = []
  const resolver = new Resolver({
    conf: server, settings: modules.settings(),
    htaccess: htaccessAccess(modules, server, (_, text) => notes.push(text)),
  })
  const resolved = file === 'location' ? resolver.forLocation(uri) : resolver.forFile(file, uri)
  if ('fault' in resolved) return resolved.fault
  const { mark, handler, require } = resolved.vector.holds(toyDir)
  return [
    ...mark, ...(handler === 'none' ? [] : [`handler=${handler}`]), ...require.map((each) => `require=${each}`),
    ...notes,
  ].join(' ')
}
