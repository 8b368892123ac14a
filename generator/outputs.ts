/*
 * What a configure run leaves in the build directory: every file is rendered from build/config.json alone, so
 * config.status can make all of them again. Order is that of the `creating` lines.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { mpms } from '../mpms/catalog.ts'
import { modules } from '../modules/catalog.ts'
import { confFiles, placesOfBuild } from './conf.ts'
import type { BuiltModule, Config } from './config.ts'
import { writeEditable, writeIfChanged } from './files.ts'
import { directoryNames } from './layout.ts'
import { render } from './render.ts'

/** A file of the build directory that is written as it is. */
interface Output {
  readonly path: string
  readonly text: (config: Config) => string
}

/** An import path for a source file, seen from build/. */
const importPath = (config: Config, source: string): string =>
  isAbsolute(config.srcdir) ? join(config.srcdir, source) : `../${join(config.srcdir, source)}`

const withImport = (config: Config) => (module: BuiltModule, index: number): object =>
  ({ ...module, from: importPath(config, module.source), local: `module${index}` })

/** Directive names of all known modules, in lower case, with the module they belong to, or the MPMs (`mpm:a,b`). */
function directiveOwners(): Record<string, string> {
  const owners: Record<string, string> = {}
  for (const { name, directives } of mpms) {
    for (const directive of directives.map((each) => each.toLowerCase()))
      owners[directive] = owners[directive] === undefined ? `mpm:${name}` : `${owners[directive]},${name}`
  }
  for (const row of modules) {
    for (const directive of row.directives) owners[directive.toLowerCase().replace('>', '')] = `mod_${row.name}`
  }
  return owners
}

function modulesText(config: Config): string {
  const owners = Object.entries(directiveOwners()).map(([directive, owner]) => ({ directive, owner }))
  return render(config.srcdir, 'modules.ts.hbs', { modules: config.staticModules.map(withImport(config)), owners })
}

function pollersText(config: Config): string {
  const rows = config.pollers.map((name) => ({ name, from: importPath(config, `core/port/poll/${name}.ts`) }))
  return render(config.srcdir, 'pollers.ts.hbs', { pollers: rows, names: config.pollers.join(', ') })
}

function makeVariables(config: Config): string {
  const comma = (names: readonly string[]): string => (names.length === 0 ? '' : `,${names.join(',')},`)
  const active = config.loadableModules.filter((module) => module.active)
  return render(config.srcdir, 'config.mk.hbs', {
    ...config,
    directories: directoryNames.map((name) => ({ name, raw: config.raw[name], path: config.paths[name] })),
    enabledDso: comma(active.map((module) => module.name)),
    dso: config.loadableModules.map((module) => module.name).join(' '),
    mpmModules: config.loadableMpms.map((module) => module.name).join(' '),
    enabledMpm: config.mpmsShared ? `mpm_${config.defaultMpm}` : '',
    mpmList: config.mpms.join(' '), platform: config.platform, loadAllWord: config.loadAll ? 'yes' : 'no',
    cflags: config.debug ? '-g' : '',
  })
}

const buildInfo = (config: Config): string => render(config.srcdir, 'build-info.ts.hbs', { info: {
  httpdRoot: config.paths.prefix, progname: config.progname,
  serverConfigFile: `conf/${config.progname}.conf`, defaultErrorLog: 'logs/error_log',
  defaultPidLog: 'logs/httpd.pid', defaultScoreboard: 'logs/apache_runtime_status',
  typesConfigFile: 'conf/mime.types', modulesDir: 'modules',
  builtOn: BUILT_ON, configureArgs: config.arguments, layout: config.layout, directories: config.paths,
  port: config.port, sslport: config.sslport, host: config.host, platform: config.platform,
  staticMpm: config.mpmsShared ? '' : config.defaultMpm, defaultMpm: config.defaultMpm, mpms: config.mpms,
  loadableModules: [...config.loadableMpms, ...config.loadableModules].map((module) => module.symbol),
  pollers: config.pollers, features: config.features, v4Mapped: config.v4Mapped,
  bigSecurityHole: config.bigSecurityHole,
} })

/** Stands in the build information until make knows when the server was built. */
export const BUILT_ON = '@BUILT_ON@'

/** Written even with --no-create: they say what would be built. */
const early: readonly Output[] = [
  { path: 'build/modules.ts', text: modulesText },
  { path: 'build/pollers.ts', text: pollersText },
]
const later: readonly Output[] = [
  { path: 'build/build-info.ts', text: buildInfo },
  { path: 'build/config.mk', text: makeVariables },
  {
    path: 'dist/htdocs/index.html',
    text: (config) => render(config.srcdir, 'index.html.hbs', {
      ...config, mpmText: config.mpms.length === 0 ? 'none' : config.mpms.join(', '),
    }),
  },
]

/** Directories of the runnable build tree that start empty. */
const emptyDirectories = ['logs', 'cgi-bin', 'icons', 'error', 'modules']

export function writeEarly(config: Config): void {
  for (const output of early) writeIfChanged(output.path, output.text(config))
}

/** Writes all files, or only `only`; `say` gets a line for each. */
export function writeOutputs(config: Config, say: (line: string) => void, only?: string): void {
  const wanted = (path: string): boolean => only === undefined || only === path
  for (const output of [...early, ...later].filter((row) => wanted(row.path))) {
    say(`config.status: creating ${output.path}`)
    writeIfChanged(output.path, output.text(config))
  }
  for (const [name, text] of confFiles(config, config.srcdir, placesOfBuild(process.cwd(), config.bigSecurityHole))) {
    const path = `dist/conf/${name}`
    if (!wanted(path)) continue
    say(`config.status: creating ${path}`)
    const notice = writeEditable(path, `dist/conf/original/${name}`, text)
    if (notice !== undefined) say(`config.status: ${notice}`)
  }
  for (const name of emptyDirectories) mkdirSync(join('dist', name), { recursive: true })
  if (only === undefined) writeTopLevel(config, say)
}

/** What only an out-of-tree build needs: its Makefile, and the rule that dist holds products only. */
function writeTopLevel(config: Config, say: (line: string) => void): void {
  if (resolve(config.srcdir) === process.cwd()) return
  say('config.status: creating Makefile')
  writeIfChanged('Makefile', `# Made by configure.\nsrcdir = ${config.srcdir}\ninclude $(srcdir)/Makefile\n`)
  if (!existsSync('dist/.gitignore')) {
    writeIfChanged('dist/.gitignore', '# Everything in here is made by configure and make.\n*\n!.gitignore\n')
  }
}

/** The source tree as seen from the build directory: short where it is near, absolute where it is not. */
export function shortPath(path: string): string {
  const near = relative(process.cwd(), resolve(path)) || '.'
  return near.startsWith('../../../..') ? resolve(path) : near
}
