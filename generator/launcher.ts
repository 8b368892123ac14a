/*
 * The programs that people start: shell scripts that find themselves, node and the bundle, and become the server or one
 * of the programs that come with it.
 */
import { posix } from 'node:path'
import type { Config } from './config.ts'
import { render } from './render.ts'

/** The launcher of the build tree: it knows its own directory only, so the tree can be moved. */
export const launcherOfBuild = (config: Config): string =>
  render(config.srcdir, 'launcher.sh.hbs', {
    node: config.node, bundle: '$here/dist/lib/start.cjs', root: '$here/dist',
  })

/** The launcher of an installation, in `directory`: the bundle relative to it, so that a staged tree works too. */
export function launcherOfInstallation(config: Config, directory: string): string {
  const lib = posix.relative(directory, posix.join(config.paths.libdir, 'switchyard'))
  const root = config.paths.prefix === '' ? '/' : config.paths.prefix
  return render(config.srcdir, 'launcher.sh.hbs', { node: config.node, bundle: `$here/${lib}/start.cjs`, root })
}

/** The script of a program in `dist/bin` of the build tree. */
export const launcherOfProgram = (config: Config, program: string): string =>
  render(config.srcdir, 'launcher.sh.hbs', { node: config.node, program, bundle: `$here/../lib/${program}.cjs` })

/** The same in an installation, in `directory`. */
export function launcherOfInstalledProgram(config: Config, program: string, directory: string): string {
  const lib = posix.relative(directory, posix.join(config.paths.libdir, 'switchyard'))
  return render(config.srcdir, 'launcher.sh.hbs', { node: config.node, program, bundle: `$here/${lib}/${program}.cjs` })
}

/** apachectl, which runs the server that is in `directory`, from its own. */
export const controlScript = (config: Config, directory: string): string =>
  render(config.srcdir, 'apachectl.sh.hbs', {
    directory, httpd: config.progname, statusUrl: `http://localhost${config.port === '80' ? '' : `:${config.port}`}/server-status`,
  })

/** What apachectl reads, with nothing in force. */
export const controlVariables = (config: Config): string => render(config.srcdir, 'envvars.hbs', {})
