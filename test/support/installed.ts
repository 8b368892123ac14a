/* A server that `make install` has put where every user can read it. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { variantDirectory, type Variant } from './variants.ts'

/** Installs a variant below a directory of its own, which goes with the test. Answers the program's path. */
export function install(test: Test, variant: Variant): string {
  const root = mkdtempSync(join(tmpdir(), 'httpd-installed-'))
  test.teardown(() => rmSync(root, { recursive: true, force: true }))
  chmodSync(root, 0o755)
  const directory = variantDirectory(variant)
  execFileSync('make', ['-s', 'install', `DESTDIR=${root}`], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] })
  const { paths } = JSON.parse(readFileSync(join(directory, 'build/config.json'), 'utf8')) as { paths: { bindir: string } }
  return join(root, paths.bindir, 'httpd')
}
