/*
 * The servers that tests start: one per MPM linked in, and two that load their MPM. test/run.mjs builds them in
 * build/variants; the tests never build.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export type StaticVariant = 'event' | 'worker' | 'prefork'
/** `private` is `shared` without leave to serve as root, as every server is built unless it is asked for. */
export type Variant = StaticVariant | 'shared' | 'private'

/** One per MPM that is linked in. */
export const STATIC: readonly StaticVariant[] = ['event', 'worker', 'prefork']

/** The directory of a variant. @throws Error if it was not built */
export function variantDirectory(variant: Variant): string {
  const directory = resolve('build/variants', variant)
  if (!existsSync(join(directory, 'dist/lib/httpd.cjs')))
    throw new Error(`There is no server in build/variants/${variant}: node test/run.mjs builds it`)
  return directory
}

export const programOf = (variant: Variant): string => join(variantDirectory(variant), 'httpd')

/**
 * The LoadModule lines of the generated configuration, with absolute paths; `mpm` exchanges the MPM's.
 * @param all those that are commented out, too
 */
export function loadModuleLines(variant: Variant, mpm = 'event', all = false): string[] {
  const directory = variantDirectory(variant)
  const conf = readFileSync(join(directory, 'dist/conf/httpd.conf'), 'utf8')
  const lines = conf.split('\n').map((line) => (all ? line.replace(/^#(?=LoadModule )/, '') : line))
    .filter((line) => line.startsWith('LoadModule '))
  return lines.map((line) => line.replace(/ modules\//, ` ${join(directory, 'dist/modules')}/`)
    .replace(/mpm_\w+_module (.*)mod_mpm_\w+\.so$/, `mpm_${mpm}_module $1mod_mpm_${mpm}.so`))
}

/** The magic number that loadable modules of this build carry. */
export function magicOf(variant: Variant): number {
  const config = JSON.parse(readFileSync(join(variantDirectory(variant), 'build/config.json'), 'utf8')) as
    { magic: number }
  return config.magic
}
