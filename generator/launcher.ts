/*
 * The program that people start: a shell script that finds itself, node and the entry, and becomes the server.
 */
import { posix } from 'node:path'
import type { Config } from './config.ts'
import { render } from './render.ts'

/** The launcher of the build tree: it knows its own directory only, so the tree can be moved. */
export const launcherOfBuild = (config: Config): string =>
  render(config.srcdir, 'launcher.sh.hbs', {
    node: config.node, entry: '$here/dist/lib/start.cjs', root: '$here/dist',
  })

/** The launcher of an installation, in `directory`: the entry relative to it, so that a staged tree works too. */
export function launcherOfInstallation(config: Config, directory: string): string {
  const lib = posix.relative(directory, posix.join(config.paths.libdir, 'switchyard'))
  const root = config.paths.prefix === '' ? '/' : config.paths.prefix
  return render(config.srcdir, 'launcher.sh.hbs', { node: config.node, entry: `$here/${lib}/start.cjs`, root })
}
