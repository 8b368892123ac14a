/*
 * A directory of its own for one server: configuration, documents, logs, free ports. It goes, with whatever runs
 * from it, when the test ends.
 */
import { build } from 'esbuild'
import {
  chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, utimesSync, writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Test } from 'tap'
import { loadModuleLines, magicOf, variantDirectory, type Variant } from './variants.ts'

export interface SiteOptions {
  readonly variant: Variant
  /** For the variant that loads its MPM. */
  readonly mpm?: string
  /** Threads of each child; for prefork: processes, times `children`. */
  readonly workers?: number
  /** Child processes with threads. */
  readonly children?: number
  /** Added to the configuration. */
  readonly conf?: string | ((site: Site) => string)
  /** Files below the server's root, by path. */
  readonly files?: Readonly<Record<string, string | Buffer>>
  /** Sources of modules that are compiled and loaded, by path. */
  readonly modules?: readonly string[]
}

export interface Site {
  readonly variant: Variant
  readonly root: string
  /** On 127.0.0.1, and a second one for tests that want it. */
  readonly port: number
  readonly otherPort: number
  readonly confFile: string
  readonly pidFile: string
}

/** The name of the MPM that a site runs. */
export const mpmOf = ({ variant, mpm }: Pick<SiteOptions, 'variant' | 'mpm'>): string =>
  variant === 'shared' || variant === 'private' ? (mpm ?? 'event') : variant

/** Below the range from which the kernel takes the ports of clients, so that no connection of ours is in the way. */
const PORTS = { from: 18_000, to: 32_000 }

/** A port that is free on both loopback addresses. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from))
    if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port
  }
}

// A host without IPv6 has no [::1] that could be taken.
function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRNOTAVAIL'))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}

/** This host has [::1]. */
export function hasIpv6(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(0, '::1', () => server.close(() => resolve(true)))
  })
}

/** Any user may read this file and pass through all directories above it. */
export function othersMayRead(path: string): boolean {
  const others = statSync(path).mode & 0o005
  return others === 0o005 && (dirname(path) === path || othersMayRead(dirname(path)))
}

const NOBODY = 65534

/** Children give up root's rights if they can still read the program then. */
function userLines(variant: Variant): string[] {
  if (process.getuid?.() !== 0 || !runsAsNobody(variant)) return []
  return [`User #${NOBODY}`, `Group #${NOBODY}`]
}

/** True if requests are served by a user to whom file permissions apply. */
export const runsAsNobody = (variant: Variant): boolean =>
  process.getuid?.() !== 0 ||
  [join(variantDirectory(variant), 'dist/lib/httpd.cjs'), realpathSync(process.execPath)].every(othersMayRead)

// ServerLimit leaves room for two generations, as the defaults do.
function populationLines(mpm: string, workers: number, children: number): string[] {
  const all = workers * children
  if (mpm === 'prefork') {
    return [`ServerLimit ${2 * all}`, `StartServers ${all}`, `MaxRequestWorkers ${all}`, 'MinSpareServers 1',
      `MaxSpareServers ${all + 1}`]
  }
  return [`ServerLimit ${2 * children}`, `StartServers ${children}`, `ThreadsPerChild ${workers}`,
    `MaxRequestWorkers ${all}`, 'MinSpareThreads 1', `MaxSpareThreads ${all + workers + 1}`]
}

/** The configuration without the test's own additions. */
export function baseConf(site: Site, options: SiteOptions): string {
  const { variant, workers = 3, children = 1 } = options
  return [
    `ServerRoot "${site.root}"`,
    `ServerName localhost:${site.port}`,
    ...loadModuleLines(variant, options.mpm),
    `Listen 127.0.0.1:${site.port}`,
    ...userLines(variant),
    ...populationLines(mpmOf(options), workers, children),
    'PidFile logs/httpd.pid',
    'ErrorLog logs/error_log',
    'LogLevel debug',
    'LogFormat "%h %l %u %t \\"%r\\" %>s %b" common',
    'CustomLog logs/access_log common',
    `TypesConfig "${variantDirectory(variant)}/dist/conf/mime.types"`,
    'DirectoryIndex index.html',
    `DocumentRoot "${site.root}/htdocs"`,
    '<Directory />', 'AllowOverride none', 'Require all denied', '</Directory>',
    `<Directory "${site.root}/htdocs">`, 'Require all granted', '</Directory>', '',
  ].join('\n')
}

export const WELCOME = '<html><body><h1>It works!</h1></body></html>\n'
/** When all files of a site were modified: long enough ago for strong validators. */
export const MODIFIED = new Date('2025-01-02T03:04:05Z')

/** Makes the directory. */
export async function makeSite(test: Test, options: SiteOptions): Promise<Site> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'httpd-test-')))
  test.teardown(() => rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
  chmodSync(root, 0o755)
  for (const name of ['conf', 'htdocs', 'logs', 'modules']) mkdirSync(join(root, name))
  const site: Site = {
    variant: options.variant, root, port: await freePort(), otherPort: await freePort(),
    confFile: join(root, 'conf/httpd.conf'), pidFile: join(root, 'logs/httpd.pid'),
  }
  for (const [path, content] of Object.entries({ 'htdocs/index.html': WELCOME, ...options.files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
    utimesSync(join(root, path), MODIFIED, MODIFIED)
  }
  const loads = await Promise.all((options.modules ?? []).map((source) => compileModule(site, source)))
  const added = typeof options.conf === 'function' ? options.conf(site) : (options.conf ?? '')
  writeFileSync(site.confFile, `${baseConf(site, options)}${loads.join('')}${added}\n`)
  return site
}

/** Replaces parts of the configuration. */
export function editConf({ confFile }: Site, edit: (text: string) => string): void {
  writeFileSync(confFile, edit(readFileSync(confFile, 'utf8')))
}

/** Compiles a module as make does; answers its LoadModule line. mod_x.ts is x_module. */
async function compileModule({ variant, root }: Site, source: string): Promise<string> {
  const name = basename(source, '.ts')
  const outfile = join(root, 'modules', `${name}.so`)
  await build({
    entryPoints: [source], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20',
    external: ['httpd'], logLevel: 'silent', tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    banner: { js: `/* switchyard module: AP24 ${magicOf(variant)} */` },
  })
  return `LoadModule ${name.replace(/^mod_/, '')}_module modules/${name}.so\n`
}
