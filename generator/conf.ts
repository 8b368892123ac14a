/*
 * The generated configuration: which template becomes which file, and what the templates may name.
 * The same templates make the configuration of the build tree (dist) and of an installation.
 */
import { createRequire } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { closedDirectories } from './closed_tree.ts'
import type { Config } from './config.ts'
import { render } from './render.ts'

/** Where one copy of the server has its parts. */
export interface Places {
  readonly serverRoot: string
  readonly htdocs: string
  readonly cgi: string
  readonly error: string
  readonly icons: string
  readonly manual: string
  /** As they stand in directives: relative to serverRoot where they are below it. */
  readonly modules: string
  readonly logs: string
  readonly conf: string
  /** Only where it is not logs/httpd.pid, the server's own default. */
  readonly pidFile?: string
  /** Other users cannot enter this copy's directories, and this build lets their owner serve it, even root. */
  readonly ownersOnly?: boolean
}

/** The parts of the build tree, which is runnable as it is. */
export function placesOfBuild(builddir: string, mayServeAsRoot: boolean): Places {
  const root = join(builddir, 'dist')
  return {
    serverRoot: root, htdocs: join(root, 'htdocs'), cgi: join(root, 'cgi-bin'), error: join(root, 'error'),
    icons: join(root, 'icons'), manual: join(root, 'manual'), modules: 'modules', logs: 'logs', conf: 'conf',
    ownersOnly: mayServeAsRoot && closedDirectories(builddir).length > 0,
  }
}

/** The parts of an installation, wherever the layout puts them. */
export function placesOfInstallation(config: Config): Places {
  const { paths } = config
  const below = (path: string): string => {
    const inside = relative(paths.prefix, path)
    return paths.prefix !== '' && inside !== '' && !inside.startsWith('..') ? inside : path
  }
  const run = below(paths.runtimedir)
  return {
    serverRoot: paths.prefix === '' ? '/' : paths.prefix, htdocs: paths.htdocsdir, cgi: paths.cgidir,
    error: paths.errordir, icons: paths.iconsdir, manual: paths.manualdir, modules: below(paths.libexecdir),
    logs: below(paths.logfiledir), conf: below(paths.sysconfdir),
    ...(run === 'logs' ? {} : { pidFile: `${run}/httpd.pid` }),
  }
}

/** Names of the templates in templates/extra. */
const extras = [
  'httpd-autoindex', 'httpd-dav', 'httpd-default', 'httpd-info', 'httpd-languages', 'httpd-manual', 'httpd-mpm',
  'httpd-multilang-errordoc', 'httpd-ssl', 'httpd-userdir', 'httpd-vhosts', 'proxy-html',
] as const

/** The LoadModule lines: MPMs first, then modules in their order; what is not loaded is commented out. */
export function loadModuleLines(config: Config, modulesDirectory: string): string[] {
  return [...config.loadableMpms, ...config.loadableModules].map((module) =>
    `${module.active ? '' : '#'}LoadModule ${module.symbol} ${modulesDirectory}/${module.product}`)
}

/** The configuration files by their path below the configuration directory. */
export function confFiles(config: Config, srcdir: string, places: Places): ReadonlyMap<string, string> {
  const context = { ...config, ...places, loadModules: loadModuleLines(config, places.modules) }
  const files = new Map([[`${config.progname}.conf`, render(srcdir, 'httpd.conf.hbs', context)]])
  for (const name of extras) files.set(`extra/${name}.conf`, render(srcdir, `extra/${name}.conf.hbs`, context))
  files.set('mime.types', mimeTypes(srcdir))
  return files
}

/** The media types of the package mime-db that have file name extensions, in Apache's format. */
function mimeTypes(srcdir: string): string {
  const require = createRequire(resolve(srcdir, 'package.json'))
  const database = require('mime-db') as Readonly<Record<string, { extensions?: readonly string[]; source?: string }>>
  const taken = new Set<string>()
  const lines: string[] = []
  // A type that a registry knows goes before one that somebody made up: an extension has one type only.
  const types = Object.keys(database).sort()
  const official = types.filter((type) => database[type]!.source === 'iana')
  for (const type of [...official, ...types.filter((name) => !official.includes(name))]) {
    const own = (database[type]!.extensions ?? []).filter((extension) => !taken.has(extension))
    for (const extension of own) taken.add(extension)
    if (own.length > 0) lines.push(`${type.padEnd(47)} ${own.join(' ')}`)
  }
  return `${mimeHead}${lines.sort().join('\n')}\n`
}

const mimeHead = `# Media types and the file name extensions that stand for them, one type per line.
# Made by configure from the package mime-db. Further types belong into httpd.conf: AddType TYPE EXTENSION
`
