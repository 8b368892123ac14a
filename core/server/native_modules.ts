/**
 * LoadModule lines that were written for Apache httpd: they name native files, which this server cannot run, of modules
 * of which the build has its own. One rule: such a line loads the build's module of that name or is an error, never
 * nothing.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { ConfigError } from '../config/errors.ts'
import { fsPath } from '../config/include.ts'
import type { Position } from '../config/server_conf.ts'
import type { LoadedModule } from '../hook/modules.ts'
import { isMpm } from './mpm.ts'

/** What Debian's program has linked in: a tree that was written for it has no lines for these. */
export const LINKED_IN_APACHE = ['watchdog', 'log_config', 'logio', 'version', 'unixd'] as const

/** How native code begins: ELF, Mach-O of either byte order and width, Mach-O for several processors, PE. */
const NATIVE = ['7f454c46', 'cffaedfe', 'cefaedfe', 'feedfacf', 'feedface', 'cafebabe']
const PORTABLE_EXECUTABLE = '4d5a'

/** Whether a file holds native code; false if it cannot be read. @param path as the configuration spells it */
export function isNative(path: string): boolean {
  let fd
  try {
    fd = openSync(fsPath(path), 'r')
    const bytes = Buffer.alloc(4)
    const start = bytes.subarray(0, readSync(fd, bytes, 0, 4, 0)).toString('hex')
    return NATIVE.includes(start) || start.startsWith(PORTABLE_EXECUTABLE)
  } catch {
    return false
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Where this build's module of that name is, without `_module`; undefined if there is none. */
export function ownFile(directories: readonly string[], name: string): string | undefined {
  if (!/^\w+$/.test(name)) return undefined
  return directories.map((directory) => join(directory, `mod_${name}.so`))
    .find((path) => statSync(fsPath(path), { throwIfNoEntry: false })?.isFile() === true && !isNative(path))
}

/** Why a line that names a native module cannot be carried out. */
export function noModuleOfOurs(symbol: string, path: string, loaded: readonly LoadedModule[]): ConfigError {
  const name = symbol.replace(/_module$/, '')
  const mpm = loaded.find(({ module, linkage }) => linkage === 'static' && isMpm(module))
  const reason = name.startsWith('mpm_') && mpm !== undefined
    ? `this program has ${mpm.symbol} linked in, and can have no other MPM. Name ${mpm.symbol} in this line, or ` +
      'configure with --enable-mpms-shared=all and build again'
    : `this build has no mod_${name} of its own. Remove this line if the site does without that module`
  return new ConfigError(`Cannot load ${path} into server: it is a native module of Apache httpd, and ${reason}`)
}

/** The one notice of a reading. @param count of lines @param first of them */
export const insteadText = (count: number, first: Position): string =>
  `SY00190: ${count} LoadModule line${count === 1 ? '' : 's'} (the first: ${first.file}:${first.line}) name native modules of ` +
  "Apache httpd: this build's own modules of those names are used instead"

/**
 * ServerRoot for a configuration that is laid out as Debian's: /etc/apache2/apache2.conf says no ServerRoot, because
 * Debian's program has its directory built in. Undefined for all others.
 */
export function rootOfDebian(configFile: string | undefined): string | undefined {
  if (configFile === undefined || !isAbsolute(configFile) || basename(configFile) !== 'apache2.conf') return undefined
  const directory = dirname(configFile)
  return statSync(join(directory, 'mods-enabled'), { throwIfNoEntry: false })?.isDirectory() === true ? directory : undefined
}
