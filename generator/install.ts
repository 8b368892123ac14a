/*
 * make install: the products of make and a configuration for the prefix, into DESTDIR and the chosen directories.
 * What people edit (configuration, documents) is written only where there is none; the rest is refreshed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { programs } from '../support/catalog.ts'
import { codeOf, placeCode, placeOfInstallation } from './code.ts'
import { confFiles, placesOfInstallation } from './conf.ts'
import type { Config } from './config.ts'
import { UserError } from './error.ts'
import { writeIfAbsent, writeIfChanged } from './files.ts'
import { controlScript, controlVariables, launcherOfInstallation, launcherOfInstalledProgram } from './launcher.ts'

/** The files below a directory, as paths relative to it. */
function* filesBelow(directory: string, below = ''): Iterable<string> {
  for (const entry of readdirSync(join(directory, below), { withFileTypes: true })) {
    const path = join(below, entry.name)
    if (entry.isDirectory()) yield* filesBelow(directory, path)
    else yield path
  }
}

/** Copies a directory's files but for one; `keep`: only those that are not there yet. */
function copyTree(from: string, to: string, keep: boolean, without = ''): void {
  mkdirSync(to, { recursive: true })
  if (!existsSync(from)) return
  for (const path of filesBelow(from)) {
    if (path === without) continue
    const write = keep ? writeIfAbsent : writeIfChanged
    write(join(to, path), readFileSync(join(from, path)), statSync(join(from, path)).mode & 0o777)
  }
}

/** The configuration: originals always, the files themselves only where there is none. */
function installConf(config: Config, directory: string): void {
  for (const [name, text] of confFiles(config, config.srcdir, placesOfInstallation(config))) {
    // Apache's rule: the original of the main file has one name, whatever the program is called.
    const original = name === `${config.progname}.conf` ? 'httpd.conf' : name
    if (name !== 'mime.types') writeIfChanged(join(directory, 'original', original), text)
    writeIfAbsent(join(directory, name), text)
  }
}

function installPrograms(config: Config, destdir: string): void {
  for (const directory of new Set([config.paths.sbindir, config.paths.bindir])) {
    writeIfChanged(join(destdir, directory, config.progname), launcherOfInstallation(config, directory), 0o755)
  }
  for (const { name, directory = 'bindir' } of programs) {
    const place = config.paths[directory]
    writeIfChanged(join(destdir, place, name), launcherOfInstalledProgram(config, name, place), 0o755)
  }
  installControl(config, join(destdir, config.paths.sbindir))
}

/** apachectl beside the server, and the variables that it reads: the file is edited, its original is not. */
function installControl(config: Config, directory: string): void {
  writeIfChanged(join(directory, 'apachectl'), controlScript(config, '.'), 0o755)
  writeIfChanged(join(directory, 'envvars-std'), controlVariables(config))
  writeIfAbsent(join(directory, 'envvars'), controlVariables(config))
}

/** Installs; `destdir` is put before every path. `say` gets a line per group of files. */
export async function install(config: Config, destdir: string, say: (line: string) => void): Promise<void> {
  if (!existsSync('dist/lib/httpd.cjs')) throw new UserError('there is no dist/lib/httpd.cjs: run make first')
  const { paths } = config
  const at = (path: string): string => join(destdir, path)
  const step = (what: string, path: string, action: () => void): void => {
    say(`Installing ${what} in ${at(path)}`)
    action()
  }
  step('the server', paths.libdir, () => copyTree('dist/lib', at(join(paths.libdir, 'switchyard')), false, 'httpd.cache'))
  // Not a copy: traces name the place where the server runs.
  const code = await codeOf(config, placeOfInstallation(config), 'build/code-installed', say)
  placeCode(code, at(join(paths.libdir, 'switchyard/httpd.cache')))
  step('programs', paths.sbindir, () => installPrograms(config, destdir))
  step('modules', paths.libexecdir, () => copyTree('dist/modules', at(paths.libexecdir), false))
  step('configuration files', paths.sysconfdir, () => installConf(config, at(paths.sysconfdir)))
  step('HTML documents', paths.htdocsdir, () => {
    if (!existsSync(at(paths.htdocsdir))) copyTree('dist/htdocs', at(paths.htdocsdir), true)
  })
  step('error documents', paths.errordir, () => copyTree('dist/error', at(paths.errordir), true))
  step('icons', paths.iconsdir, () => copyTree('dist/icons', at(paths.iconsdir), true))
  step('CGIs', paths.cgidir, () => copyTree('dist/cgi-bin', at(paths.cgidir), true))
  step('build system files', paths.installbuilddir, () =>
    writeIfChanged(at(join(paths.installbuilddir, 'config_vars.mk')), installedVariables()))
  for (const path of [paths.logfiledir, paths.runtimedir]) mkdirSync(at(path), { recursive: true })
}

/** The variables that stay true once the build tree is gone; apxs reads them. */
function installedVariables(): string {
  const gone = /^(MPM_MODULES|ENABLED_MPM_MODULE|DSO_MODULES|PORT|SSLPORT|srcdir|builddir|HTTPD_CONFIGURED) /
  return readFileSync('build/config.mk', 'utf8').split('\n').filter((line) => !gone.test(line)).join('\n')
}
