/*
 * The options of configure: one row per option, read by the parser, by --help and by the check for unknown ones.
 * Module options (--enable-NAME) come from modules/catalog.ts. Data only.
 */
import { modules } from '../modules/catalog.ts'
import { mpms } from '../mpms/catalog.ts'

/**
 * How an option is written: `flag` takes no value, `value` needs one, `directory` needs an absolute path,
 * `switch` is --enable-X/--disable-X or --with-X/--without-X with a value that defaults to yes.
 */
export type OptionKind = 'flag' | 'value' | 'directory' | 'switch'

export interface OptionRow {
  readonly name: string
  readonly kind: OptionKind
  readonly group: string
  readonly help: string
  readonly alias?: readonly string[]
  /** An option of Apache's configure that changes nothing here: accepted, and said so. */
  readonly idle?: true
}

const rows = (
  group: string, kind: OptionKind, list: readonly (readonly [name: string, help: string, ...alias: string[]])[],
): OptionRow[] => list.map(([name, help, ...alias]) => ({ name, kind, group, help, alias }))

const idle = (kind: OptionKind, names: string): OptionRow[] =>
  names.split(/\s+/).map((name) => ({ name, kind, group: '', help: '', idle: true }))

const run = [
  ...rows('Configuration:', 'flag', [
    ['help', 'display this help and exit', 'h'],
    ['version', 'display version information and exit', 'V'],
    ['quiet', 'do not print `checking ...` messages', 'q', 'silent'],
    ['config-cache', 'alias for `--cache-file=config.cache`', 'C'],
    ['no-create', 'do not create output files', 'n'],
    ['no-recursion', 'accepted; there are no further configure scripts'],
  ]),
  ...rows('Configuration:', 'value', [
    ['cache-file', 'cache test results in FILE [disabled]'],
    ['srcdir', 'find the sources in DIR [configure dir or ..]'],
  ]),
  ...rows('System types:', 'value', [
    ['build', 'configure for building on BUILD [guessed]'],
    ['host', 'build the server to run on HOST [BUILD]'],
    ['target', 'accepted for compatibility [HOST]'],
  ]),
]

const directories = rows('Installation directories:', 'directory', [
  ['prefix', 'install everything in PREFIX [/usr/local/apache2]'],
  ['exec-prefix', 'programs and modules in EPREFIX [PREFIX]'],
  ['bindir', 'user executables [EPREFIX/bin]'],
  ['sbindir', 'system admin executables [EPREFIX/bin]'],
  ['libexecdir', 'loadable modules [EPREFIX/modules]'],
  ['sysconfdir', 'configuration files [PREFIX/conf]'],
  ['localstatedir', 'modifiable data [PREFIX]'],
  ['runstatedir', 'the pid file and the like [LOCALSTATEDIR/logs]'],
  ['libdir', 'the server itself, in LIBDIR/switchyard [EPREFIX/lib]'],
  ['includedir', 'interface files [PREFIX/include]'],
  ['datadir', 'documents, icons, error pages [PREFIX]'],
  ['mandir', 'manual pages [PREFIX/man]'],
])

const features = rows('Server features:', 'switch', [
  ['enable-layout', 'LAYOUT: use a named directory layout [Apache]'],
  ['enable-threads', 'let the server use threads, if they work here'],
  ['enable-modules', 'LIST: loadable modules | all | most | few | none | reallyall'],
  ['enable-mods-shared', 'LIST: loadable modules | all | most | few | reallyall'],
  ['enable-mods-static', 'LIST: modules linked in | all | most | few | reallyall'],
  ['enable-mpms-shared', 'LIST: MPMs to build as loadable modules | all'],
  ['enable-load-all-modules', 'load every module that is built'],
  ['enable-maintainer-mode', 'source maps, and load every module that is built'],
  ['enable-debugger-mode', 'source maps, no compression of syntax'],
  ['enable-v4-mapped', 'IPv6 sockets accept IPv4 connections too'],
  ['with-mpm', `MPM: the Multi-Processing Module {${mpms.map((mpm) => mpm.name).join('|')}}`],
  ['with-poll', 'NAME: the way to wait for connections {io_uring|epoll|kqueue}'],
  ['with-port', 'PORT: port on which to listen [8080]'],
  ['with-sslport', 'SSLPORT: port on which to listen with TLS [8443]'],
  ['with-program-name', 'NAME: alternate executable name [httpd]'],
  ['with-module', 'TYPE:FILE: refused; build a loadable module instead'],
  ['enable-dtrace', 'refused, as by Apache'],
])

const moduleOptions: OptionRow[] = modules
  .filter((row) => row.name !== 'core')
  .map((row) => ({
    name: `enable-${row.name.replaceAll('_', '-')}`, kind: 'switch', group: 'Modules:',
    help: row.source === undefined ? `${row.help} (not in this version)` : row.help,
  }))

/** Options of Apache's configure and of autoconf that have no meaning here. */
const withoutMeaning = [
  ...idle('directory',
    'sharedstatedir oldincludedir datarootdir infodir localedir docdir htmldir dvidir pdfdir psdir'),
  ...idle('value', 'program-prefix program-suffix program-transform-name'),
  ...idle('switch', `with-apr with-apr-util with-included-apr with-pcre with-z with-ssl with-libxml2 with-brotli
    with-lua with-nghttp2 with-jansson with-curl with-distcache with-ldap with-crypto with-openssl with-expat
    with-berkeley-db with-gdbm with-mysql with-pgsql with-sqlite3 with-odbc with-suexec-bin with-suexec-caller
    with-suexec-userdir with-suexec-docroot with-suexec-uidmin with-suexec-gidmin with-suexec-logfile
    with-suexec-syslog with-suexec-safepath with-suexec-umask with-serf with-valgrind with-test-suite with-pic
    with-gnu-ld with-sysroot enable-option-checking enable-shared enable-static enable-fast-install
    enable-libtool-lock enable-exception-hook enable-hook-probes enable-pie enable-static-support
    enable-static-htpasswd enable-static-htdigest enable-static-rotatelogs enable-static-logresolve
    enable-static-htdbm enable-static-ab enable-static-checkgid enable-static-htcacheclean
    enable-static-httxt2dbm enable-static-fcgistarter enable-suexec-capabilities enable-ssl-staticlib-deps
    enable-nghttp2-staticlib-deps enable-jansson-staticlib-deps enable-curl-staticlib-deps enable-luajit
    enable-cgid-fdpassing enable-reduced-exports enable-nonportable-atomics enable-ssl-ct`),
]

export const options: readonly OptionRow[] = [...run, ...directories, ...features, ...moduleOptions, ...withoutMeaning]

/** Variables of the environment that config.nice repeats. */
export const recordedVariables = ['NODE', 'CC', 'CFLAGS', 'CPPFLAGS', 'LDFLAGS', 'LTFLAGS', 'LIBS', 'INCLUDES']
