/*
 * What takes minutes (`make test-long`): the trials of test/long in full, one after the other; every file of a real tree,
 * byte for byte, over all MPMs; and the text cases of HTTP in pieces of every size. WHAT names one of them (`make test-long WHAT=restarts`). TREE names the tree;
 * without it the documentation of the installed packages serves.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'

const FIGURES = 'build/trials'

const trials = readdirSync('test/long').filter((name) => name.endsWith('.test.ts')).map((name) => name.replace(/\.test\.ts$/, ''))
const all: Readonly<Record<string, string>> = {
  ...Object.fromEntries(trials.map((name) => [name, `test/long/${name}.test.ts`])),
  tree: 'test/built/tree.test.ts',
  pieces: 'test/built/http_cases.test.ts',
}

/** Runs one of them; true if it passed. */
function run(name: string): boolean {
  const figures = `${FIGURES}/${name}.txt`
  mkdirSync(FIGURES, { recursive: true })
  rmSync(figures, { force: true })
  const { status } = spawnSync(process.execPath, ['test/run.mjs', all[name]!], {
    stdio: 'inherit',
    env: { ...process.env, TREE: process.env['TREE'] ?? '/usr/share/doc', TRIAL_SCALE: '1', TAP_TIMEOUT: '3600' },
  })
  if (existsSync(figures)) process.stdout.write(readFileSync(figures, 'utf8'))
  return status === 0
}

const what = process.env['WHAT'] ?? ''
const names = what === '' ? Object.keys(all) : what.split(/[\s,]+/)
const unknown = names.filter((name) => !(name in all))
if (unknown.length > 0) {
  process.stderr.write(`WHAT cannot be "${unknown.join(' ')}": it is one of ${Object.keys(all).join(', ')}\n`)
  process.exitCode = 1
} else {
  // All of them, whatever becomes of the first.
  const failed = names.filter((name) => !run(name))
  if (failed.length > 0) process.stdout.write(`failed: ${failed.join(', ')}\n`)
  process.exitCode = failed.length === 0 ? 0 : 1
}
