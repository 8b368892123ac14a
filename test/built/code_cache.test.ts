/*
 * The program with compiled code that fits, that is damaged, or that belongs to something else: it always runs, and uses
 * only what fits. A file that is loaded before the program tells what V8 made of it.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { variantDirectory } from '../support/variants.ts'

const build = variantDirectory('event')
const root = realpathSync(mkdtempSync(join(tmpdir(), 'code-cache-')))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
cpSync(join(build, 'dist/lib'), join(root, 'lib'), { recursive: true })

const [cache, server, probe] = [join(root, 'lib/httpd.cache'), join(root, 'lib/httpd.cjs'), join(root, 'probe.cjs')]
writeFileSync(probe, `
const vm = require('node:vm')
vm.Script = class extends vm.Script {
  constructor(text, options) {
    super(text, options)
    if (options.filename === ${JSON.stringify(server)}) console.log('rejected: ' + this.cachedDataRejected)
  }
}
`)

/** What `-v` says, and before it whether V8 rejected the server's code, if it was given any. */
function run(...nodeArguments: string[]): { said: string; code: string } {
  const { stdout, stderr, status } = spawnSync(process.execPath,
    ['--require', probe, ...nodeArguments, join(root, 'lib/start.cjs'), 'httpd', root, '-v'], { encoding: 'utf8' })
  t.equal(stderr, '')
  t.equal(status, 0)
  const [, code = 'none', said = ''] = /^(?:rejected: (\w+)\n)?([^]*)$/.exec(stdout)!
  return { said, code }
}

const VERSION = /^Server version: /

t.test('code of another place is not used', (t) => {
  const { said, code } = run()
  t.match(said, VERSION)
  t.equal(code, 'none')
  t.end()
})

t.test('code that was made for this place is', (t) => {
  const made = spawnSync(process.execPath,
    ['build/make.mjs', 'record', cache, join(root, 'lib'), join(root, 'modules'), 'httpd', root, '-v'], { cwd: build, encoding: 'utf8' })
  t.equal(made.status, 0, made.stderr)
  renameSync(`${cache}.new`, cache)
  const { said, code } = run()
  t.match(said, VERSION)
  t.equal(code, 'false')
  t.end()
})

t.test('not with another V8, or the same one under other flags', (t) => {
  const { said, code } = run('--max-semi-space-size=2')
  t.match(said, VERSION)
  t.equal(code, 'true')
  t.end()
})

t.test('not for a server that was made anew, if only one letter is another', (t) => {
  const text = readFileSync(server, 'utf8')
  writeFileSync(server, text.replace('Server version:', 'Server-version:'))
  const { said, code } = run()
  writeFileSync(server, text)
  t.match(said, /^Server-version: /)
  t.equal(code, 'none')
  t.end()
})

t.test('not if it is damaged or gone', (t) => {
  const bytes = readFileSync(cache)
  for (const at of [0, 30, bytes.length >> 1, bytes.length - 1]) {
    const damaged = Buffer.from(bytes)
    damaged[at]! ^= 1
    writeFileSync(cache, damaged)
    t.equal(run().code, 'none', `byte ${at}`)
  }
  writeFileSync(cache, bytes.subarray(0, 100_000))
  t.equal(run().code, 'none', 'cut off')
  rmSync(cache)
  t.match(run().said, VERSION)
  t.end()
})

t.test('make leaves code for the server and its modules where they are', (t) => {
  const made = readFileSync(join(variantDirectory('shared'), 'dist/lib/httpd.cache'), 'latin1').split('\n')[1]!
  const names = (JSON.parse(made) as { name: string }[]).map(({ name }) => name)
  const dist = join(variantDirectory('shared'), 'dist')
  for (const name of ['lib/httpd.cjs', 'modules/mod_mpm_event.so', 'modules/mod_mpm_worker.so', 'modules/mod_mime.so'])
    t.ok(names.includes(join(dist, name)), name)
  t.end()
})
