/*
 * The native parts of a server: the files that a running server needs of packages that are not bundled, found by loading
 * them and looking at what was loaded. So dist holds the one binary for this cpu and C library and nothing for others.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { writeIfChanged } from './files.ts'

/** What bundles leave outside: native calls, and the key-value store of the dbm family. */
export const NATIVE_PACKAGES: readonly string[] = ['koffi', 'lmdb']
/** Pure packages that few servers need: each becomes one file beside the server, loaded when it is first used. */
export const CLIENT_PACKAGES: readonly string[] = ['ioredis', 'memjs']

/** Without it there is no server. */
const NEEDED = 'koffi'

/** The package.json of the package that a file belongs to. */
function packageOf(file: string): string {
  let directory = dirname(file)
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)
  return join(directory, 'package.json')
}

/** Of binaries for this version of Node and for all, that for all: the server may be run by another version. */
function lasting(file: string): string {
  const forAll = file.replace(/\.abi\d+(\.\w+\.node)$/, '.napi$1')
  return existsSync(forAll) ? forAll : file
}

/** A package of a binary is found by its entry, which nothing loads: without that it is not there. */
function entryOf(file: string, require: NodeJS.Require): string {
  try {
    return require.resolve(dirname(packageOf(file)))
  } catch {
    return file
  }
}

/** Copies the packages into `target`/node_modules; answers the paths there, relative to `target`. */
export function copyNativePackages(srcdir: string, target: string): string[] {
  const require = createRequire(resolve(srcdir, 'package.json'))
  const packages = join(dirname(require.resolve(NEEDED)), '..')
  const before = new Set(Object.keys(require.cache))
  for (const name of NATIVE_PACKAGES) {
    try {
      require(name)
    } catch (error) {
      // Not for every machine: the server says so where it is asked for.
      if (name === NEEDED) throw error
    }
  }
  const loaded = Object.keys(require.cache).filter((file) => isNew(file, before) && !relative(packages, file).startsWith('..'))
  const files = new Set(loaded.flatMap((file) =>
    [packageOf(file), lasting(file), ...(file.endsWith('.node') ? [lasting(entryOf(file, require))] : [])]))
  return [...files].map((file) => {
    const path = join('node_modules', relative(packages, file))
    writeIfChanged(join(target, path), readFileSync(file), statSync(file).mode & 0o777)
    return path
  })
}

// What the generator itself has loaded already counts if it is of these packages.
const isNew = (file: string, before: ReadonlySet<string>): boolean =>
  !before.has(file) || /^(koffi|@koromix)$/.test(file.split(`node_modules${sep}`).at(-1)!.split(sep)[0]!)
