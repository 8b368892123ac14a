/*
 * The two servers: the same configuration after a few lines that each needs for itself, the same files, the same port
 * on the same addresses of 127.77.0.0/16, one after the other or each on a port of its own.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { launch } from '../support/launched.ts'
import { end, until } from '../support/processes.ts'
import { freePort, MODIFIED } from '../support/site.ts'
import { loadModuleLines, programOf, variantDirectory, type StaticVariant } from '../support/variants.ts'
import { HOST, PROBE, type Case, type TreeEntry } from './cases.ts'

export type Side = 'apache' | StaticVariant

export interface Running {
  readonly side: Side
  readonly port: number
  /** Of the log that all cases share. Complete after `stop`. */
  log(name: 'access' | 'error'): string[]
  stop(): Promise<void>
}

const APACHE = '/usr/sbin/apache2'
const APACHE_MODULES = '/usr/lib/apache2/modules'
const MODULES = [
  'mpm_event', 'alias', 'authz_core', 'authz_host', 'autoindex', 'dir', 'mime',
  'allowmethods', 'env', 'expires', 'headers', 'rewrite', 'setenvif',
  'authn_core', 'authn_file', 'authn_anon', 'authz_user', 'authz_groupfile', 'authz_owner', 'auth_basic', 'access_compat',
  'filter', 'deflate', 'brotli', 'remoteip', 'macro', 'negotiation', 'speling', 'userdir', 'vhost_alias', 'include', 'mime_magic',
  'info', 'asis', 'actions', 'usertrack', 'log_debug', 'log_forensic', 'imagemap', 'echo', 'dumpio',
  'authn_dbm', 'authz_dbm', 'authn_socache', 'socache_shmcb', 'socache_dbm',
  'auth_digest', 'request', 'session', 'session_cookie', 'session_crypto', 'auth_form',
  'cache', 'cache_disk',
  'substitute', 'sed', 'buffer', 'ratelimit', 'data', 'reflector', 'ext_filter', 'charset_lite',
  'socache_redis', 'socache_memcache', 'slotmem_shm',
  'cache_socache', 'reqtimeout', 'status',
]
const NOBODY = 65534

export const hasApache = (): boolean => [APACHE, ...MODULES.map((name) => `${APACHE_MODULES}/mod_${name}.so`)].every(existsSync)

/** What every case finds below its htdocs unless it says otherwise. */
const COMMON: readonly TreeEntry[] = [
  { path: 'htdocs/index.html', content: '<h1>index</h1>\n' },
  { path: 'htdocs/a.txt', content: '0123456789' },
  { path: 'htdocs/dir/index.html', content: '<h1>dir</h1>\n' },
  { path: 'htdocs/dir/b.txt', content: 'text b\n' },
  { path: 'htdocs/empty/' },
]

export const directoryOf = (root: string, { file, address }: Case): string =>
  join(root, 'tree', `${file}-${address.replace(/.*\./, '')}`)

/** Makes the files of a case. */
export function plant(root: string, of: Case): void {
  const directory = directoryOf(root, of)
  for (const entry of [...COMMON, ...of.tree]) {
    const path = Buffer.from(join(directory, entry.path), 'latin1')
    mkdirSync(Buffer.from(dirname(path.toString('latin1')), 'latin1'), { recursive: true })
    if (entry.link !== undefined) symlinkSync(entry.link.replaceAll('TREE', directory), path)
    else if (entry.content === undefined) mkdirSync(path, { recursive: true })
    else writeFileSync(path, Buffer.from(entry.content.replaceAll('TREE', directory), 'latin1'))
    if (entry.link !== undefined) continue
    if (entry.content !== undefined) utimesSync(path, MODIFIED, MODIFIED)
    if (entry.mode !== undefined) chmodSync(path, entry.mode)
  }
}

/** What a case adds to the configuration, with PORT, ADDRESS and TREE still in it. */
function fragment(root: string, of: Case, own: boolean): string {
  const conf = of.conf.replaceAll('TREE', directoryOf(root, of)).replaceAll('ADDRESS', of.address)
  const documents = `DocumentRoot "${directoryOf(root, of)}/htdocs"\n`
  const alone = own || conf.includes('<VirtualHost')
  const text = `${/^ServerName/m.test(conf) && !conf.includes('<VirtualHost') ? '' : `ServerName ${HOST}\n`}` +
    `${/^DocumentRoot/m.test(conf) ? '' : documents}${conf}`
  if (own) return text
  return alone ? conf : `<VirtualHost ${of.address}:*>\n${text}</VirtualHost>\n`
}

const OTHERS_READ = 0o004
const OTHERS_ENTER = 0o001

function othersReach(path: string): boolean {
  const stat = statSync(path)
  const needed = stat.isDirectory() ? OTHERS_ENTER : OTHERS_READ
  return (stat.mode & needed) !== 0 && (dirname(path) === path || othersReach(dirname(path)))
}

/** Requests are served by a user for whom the permissions of files hold. */
export const keepsPermissions = (variant: StaticVariant): boolean => process.getuid?.() !== 0 ||
  [join(variantDirectory(variant), 'dist/lib/httpd.cjs'), realpathSync(process.execPath)].every(othersReach)

function population(mpm: StaticVariant): string[] {
  if (mpm === 'prefork') return ['ServerLimit 8', 'StartServers 4', 'MaxRequestWorkers 4', 'MinSpareServers 1']
  return ['ServerLimit 2', 'StartServers 1', 'ThreadsPerChild 4', 'MaxRequestWorkers 4', 'MinSpareThreads 1', 'MaxSpareThreads 8']
}

function preamble(side: Side): string[] {
  if (side !== 'apache') return [...loadModuleLines(side, 'event', true), ...population(side)]
  return [...MODULES.map((name) => `LoadModule ${name}_module ${APACHE_MODULES}/mod_${name}.so`), ...population('event')]
}

function configuration(root: string, home: string, port: number, side: Side, cases: readonly Case[], own: boolean): string {
  const rights = process.getuid?.() === 0 && keepsPermissions('event') ? [`User #${NOBODY}`, `Group #${NOBODY}`] : []
  const tree = join(root, 'tree')
  return [
    `ServerRoot "${home}"`,
    ...preamble(side), ...rights,
    'PidFile httpd.pid', 'DefaultRuntimeDir .',
    ...cases.map(({ address }) => `Listen ${address}:${port}`),
    `ServerName main.example`, 'ServerTokens Prod', 'Timeout 10',
    'ErrorLog error', 'LogLevel info', 'ErrorLogFormat "%A [%m:%l] %M"',
    'LogFormat "%A \\"%r\\" %>s %U%q %f %m %H %s %{Host}i %{Location}o %v" all', 'CustomLog access all',
    `TypesConfig "${join(tree, 'mime.types')}"`,
    ...(own ? [] : [`DocumentRoot "${tree}"`]),
    '<Directory />', 'AllowOverride None', 'Require all denied', '</Directory>',
    `<Directory "${tree}">`, 'Require all granted', '</Directory>', '',
    ...cases.map((one) => fragment(root, one, own)),
  ].join('\n').replaceAll('PORT', String(port))
}

const TYPES = ['text/html html htm', 'text/plain txt', 'image/png png', 'application/x-gzip-file gz', 'text/css css',
  'application/pdf pdf', ''].join('\n')

export function plantAll(root: string, cases: readonly Case[]): void {
  mkdirSync(join(root, 'tree'), { recursive: true })
  writeFileSync(join(root, 'tree/mime.types'), TYPES)
  for (const one of cases) plant(root, one)
}

let homes = 0

/** Starts a server for these cases. @throws Error with what it said if it does not serve */
export async function start(test: Test, root: string, side: Side, cases: readonly Case[], own = false): Promise<Running> {
  const home = join(root, `${side}-${homes++}`)
  mkdirSync(home)
  if (process.getuid?.() === 0) chownSync(home, NOBODY, NOBODY)
  const port = await freePort()
  const confFile = join(home, 'httpd.conf')
  writeFileSync(confFile, Buffer.from(configuration(root, home, port, side, cases, own), 'latin1'))
  const program = side === 'apache' ? APACHE : programOf(side)
  const launched = launch(test, [program, '-f', confFile, '-D', 'FOREGROUND'])
  const log = (name: string): string[] =>
    existsSync(join(home, name)) ? readFileSync(join(home, name), 'latin1').split('\n').filter((line) => line !== '') : []
  await until(`${side} to serve`, () => {
    if (launched.over) throw new Error(`${side} ended: ${launched.out}${launched.err}${log('error').join('\n')}`)
    return accepts(cases[0]!.address, port)
  }, 20_000, 20)
  // Apache listens long before it serves, where the machine has much to do.
  if (!own) await answers(cases[0]!.address, port)
  return { side, port, log, stop: () => end(launched.pid) }
}

function answers(host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ host, port }, () => void socket.write(PROBE))
    const timer = setTimeout(() => fail(new Error('no answer after 60 s')), 60_000)
    socket.once('error', fail)
    socket.once('data', () => {
      clearTimeout(timer)
      socket.destroy()
      done()
    })
  })
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port })
    socket.once('connect', () => { socket.destroy(); done(true) })
    socket.once('error', () => done(false))
  })
}
