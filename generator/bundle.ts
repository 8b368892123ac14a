/*
 * Bundling: from the plan's result to dist/lib/*.cjs (the server, its entry, and the programs that come with it) and
 * dist/modules/mod_*.so, with esbuild.
 * What is in the server is the generated import list and nothing else; a loadable module leaves `httpd` to
 * LoadModule, so there is never a second copy of the core.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import type * as Esbuild from 'esbuild'
import { programs } from '../support/catalog.ts'
import type { Config } from './config.ts'
import { writeIfChanged } from './files.ts'
import { CLIENT_PACKAGES, copyNativePackages, NATIVE_PACKAGES } from './native_packages.ts'
import { BUILT_ON } from './outputs.ts'

/** What all bundles of a build have in common. */
function common(config: Config): Esbuild.BuildOptions {
  return {
    // No keepNames: names stay readable without it, and it costs a call for every closure that is made.
    bundle: true, write: false, platform: 'node', format: 'cjs', target: 'node20',
    minifySyntax: !config.debug, treeShaking: true, legalComments: 'none',
    sourcemap: config.debug ? 'inline' : false, logLevel: 'warning',
    // Names are resolved by what is written here alone, not by the editor's settings.
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    define: { MPM_THREADED: String(config.threaded), MPM_ASYNC: String(config.async) },
  }
}

/** What bundles leave to Node's own look-up. */
const OUTSIDE = [...NATIVE_PACKAGES, ...CLIENT_PACKAGES]

/** The server itself. */
function serverOptions(config: Config, srcdir: string): Esbuild.BuildOptions {
  return {
    ...common(config),
    entryPoints: [join(srcdir, 'core/main.ts')], outfile: 'dist/lib/httpd.cjs', external: OUTSIDE,
    alias: {
      httpd: join(srcdir, 'core/api.ts'),
      '#modules': resolve('build/modules.ts'),
      '#pollers': resolve('build/pollers.ts'),
      '#build': resolve('build/build-info.ts'),
    },
  }
}

/** What starts the server. */
const startOptions = (config: Config, srcdir: string): Esbuild.BuildOptions =>
  ({ ...common(config), entryPoints: [join(srcdir, 'core/start.ts')], outfile: 'dist/lib/start.cjs' })

/** The programs that come with the server, each a bundle of its own: they run without it. */
function programOptions(config: Config, srcdir: string): Esbuild.BuildOptions {
  return {
    ...common(config),
    entryPoints: programs.map(({ name, source }) => ({ in: join(srcdir, source), out: name })),
    outdir: 'dist/lib', outExtension: { '.js': '.cjs' }, external: OUTSIDE,
  }
}

/** The packages of CLIENT_PACKAGES, where that look-up finds them. */
function clientOptions(config: Config, srcdir: string): Esbuild.BuildOptions {
  const require = createRequire(join(srcdir, 'package.json'))
  return {
    ...common(config), sourcemap: false,
    entryPoints: CLIENT_PACKAGES.map((name) => ({ in: require.resolve(name), out: `${name}/index` })),
    outdir: 'dist/lib/node_modules',
  }
}

/** All loadable modules, each a bundle of its own. */
function moduleOptions(config: Config, srcdir: string): Esbuild.BuildOptions {
  const modules = [...config.loadableMpms, ...config.loadableModules]
  return {
    ...common(config),
    entryPoints: modules.map(({ source, product }) => ({ in: join(srcdir, source), out: product })),
    outdir: 'dist/modules', outExtension: { '.js': '.js' }, external: ['httpd'],
    // Packages in bundles may name Node's own modules without their prefix; the server gives out those with it.
    alias: { buffer: 'node:buffer', stream: 'node:stream', string_decoder: 'node:string_decoder' },
    banner: { js: `/* switchyard module: AP24 ${config.magic} */` },
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A time as `httpd -v` shows it: `Nov 20 2026 09:13:39`. SOURCE_DATE_EPOCH (seconds) makes builds repeatable. */
export function buildDate(now: Date, epoch: string | undefined): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  const fixed = epoch === undefined || !/^\d+$/.test(epoch) ? undefined : new Date(Number(epoch) * 1000)
  const date = fixed ?? now
  const [day, hour, minute, second, month, year] = fixed === undefined
    ? [date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds(), date.getMonth(), date.getFullYear()]
    : [date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(),
        date.getUTCMonth(), date.getUTCFullYear()]
  return `${months[month]!} ${String(day).padStart(2)} ${year} ${two(hour)}:${two(minute)}:${two(second)}`
}

/** Writes the server with the date of this make, unless it is the same server as the last make's. */
function writeServer(text: string, path: string): boolean {
  const record = 'build/httpd.sum'
  const sum = createHash('sha256').update(text).digest('hex')
  const last = readIfThere(record)
  if (last === `${sum}\n` && readIfThere(path) !== undefined) return false
  writeIfChanged(path, text.replaceAll(BUILT_ON, buildDate(new Date(), process.env['SOURCE_DATE_EPOCH'])))
  writeIfChanged(record, `${sum}\n`)
  return true
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Removes modules of an earlier build that are not in this one. */
function removeStale(kept: readonly string[]): void {
  for (const name of readdirSync('dist/modules')) {
    if (/^mod_\w+\.so$/.test(name) && !kept.includes(name)) rmSync(join('dist/modules', name))
  }
}

/** Builds everything; answers the files that changed. The current directory is the build directory. */
export async function bundle(config: Config): Promise<string[]> {
  const srcdir = resolve(config.srcdir)
  const esbuild = createRequire(join(srcdir, 'package.json'))('esbuild') as typeof Esbuild
  const modules = [...config.loadableMpms, ...config.loadableModules]
  const [server, start, support, clients, loadable] = await Promise.all([
    esbuild.build(serverOptions(config, srcdir)),
    esbuild.build(startOptions(config, srcdir)),
    esbuild.build(programOptions(config, srcdir)),
    esbuild.build(clientOptions(config, srcdir)),
    modules.length > 0 ? esbuild.build(moduleOptions(config, srcdir)) : { outputFiles: [] },
  ])
  const changed: string[] = []
  for (const file of server.outputFiles!) {
    if (writeServer(file.text, 'dist/lib/httpd.cjs')) changed.push('dist/lib/httpd.cjs')
  }
  for (const file of [...start.outputFiles!, ...support.outputFiles!]) {
    const path = join('dist/lib', basename(file.path))
    if (writeIfChanged(path, file.text)) changed.push(path)
  }
  for (const file of clients.outputFiles!) writeIfChanged(file.path, file.text)
  for (const file of loadable.outputFiles!) {
    const path = join('dist/modules', basename(file.path, '.js'))
    if (writeIfChanged(path, file.text)) changed.push(path)
  }
  removeStale(modules.map((module) => module.product))
  copyNativePackages(srcdir, 'dist/lib')
  return changed
}
