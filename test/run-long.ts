/*
 * The tests that take minutes (`make test-long`): every file of a real tree, byte for byte, over all MPMs.
 * TREE names the tree; without it the documentation of the installed packages serves.
 */
import { spawnSync } from 'node:child_process'

const tree = process.env['TREE'] ?? '/usr/share/doc'
const { status } = spawnSync(process.execPath, ['test/run.mjs', 'test/built/tree.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, TREE: tree, TAP_TIMEOUT: '3600' },
})
process.exitCode = status ?? 1
