/*
 * The native part of a server: the files of the package koffi that a running server needs, found by loading it and
 * looking at what was loaded. So dist holds the one binary for this cpu and C library and nothing for others.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { writeIfChanged } from './files.ts'

/** The package.json of the package that a file belongs to. */
function packageOf(file: string): string {
  let directory = dirname(file)
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)
  return join(directory, 'package.json')
}

/** Copies koffi into `target`/node_modules; answers the paths there, relative to `target`. */
export function copyKoffi(srcdir: string, target: string): string[] {
  const require = createRequire(resolve(srcdir, 'package.json'))
  require('koffi')
  const packages = join(dirname(require.resolve('koffi')), '..')
  const loaded = Object.keys(require.cache).filter((file) => /^(koffi|@koromix)[\\/]/.test(relative(packages, file)))
  const files = new Set(loaded.flatMap((file) => [packageOf(file), file]))
  return [...files].map((file) => {
    const path = join('node_modules', relative(packages, file))
    writeIfChanged(join(target, path), readFileSync(file), statSync(file).mode & 0o777)
    return path
  })
}
