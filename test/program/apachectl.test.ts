// apachectl: which arguments the server gets, in which environment, and what the caller is told.
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { variantDirectory } from '../support/variants.ts'

/** apachectl of a build whose server says how it was called, and ends with $CODE. */
function site(t: Test): { control: string; root: string } {
  const root = t.testdir({ dist: { bin: {} }, conf: { envvars: 'APACHE_ARGUMENTS="-D A"\nexport FROM_FILE=yes\n' } })
  const program = (path: string, text: string): void => {
    writeFileSync(path, `#!/bin/sh\n${text}\n`)
    chmodSync(path, 0o755)
  }
  program(join(root, 'httpd'), 'echo "httpd $* [$FROM_FILE] $(ulimit -n)"; exit ${CODE:-0}')
  mkdirSync(join(root, 'tools'))
  program(join(root, 'tools/show'), 'printf "%s\\n" "page $*" "3 requests currently being process" "list"')
  copyFileSync(join(variantDirectory('event'), 'dist/bin/apachectl'), join(root, 'dist/bin/apachectl'))
  symlinkSync('dist/bin/apachectl', join(root, 'ctl'))
  return { control: join(root, 'ctl'), root }
}

t.test('apachectl', (t) => {
  const { control, root } = site(t)
  const run = (words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const { status, stdout, stderr } = spawnSync(control, words, { encoding: 'utf8', env: { PATH: process.env['PATH'], ...env } })
    return [status, stdout.replace(/ \d+$/m, ''), stderr]
  }
  for (const word of ['start', 'stop', 'restart', 'graceful', 'graceful-stop'])
    t.strictSame(run([word], { CODE: '1' }), [1, `httpd -k ${word} []\n`, ''], word)
  t.strictSame(run(['configtest']), [0, 'httpd -t []\n', ''])
  t.strictSame(run(['-k', 'start', '-f', 'a b']), [0, 'httpd -k start -f a b []\n', ''])
  t.strictSame(run(['-S'], { CODE: '7' })[0], 7)
  t.strictSame(run([])[1], 'httpd -h []\n')
  t.strictSame(run(['start-SSL']).slice(0, 2), [2, ''])
  for (const env of [{ APACHE_ENVVARS: join(root, 'conf/envvars') }, { APACHE_CONFDIR: join(root, 'conf') }])
    t.strictSame(run(['graceful'], env), [0, 'httpd -D A -k graceful [yes]\n', ''])
  t.strictSame(run(['configtest'], { APACHE_HTTPD: '/bin/echo' }), [0, '-t\n', ''])
  const show = { APACHE_LYNX: `${root}/tools/show -x`, APACHE_STATUSURL: 'http://h/s' }
  t.strictSame(run(['status'], show), [0, 'page -x http://h/s\n3 requests currently being process\n', ''])
  t.strictSame(run(['fullstatus'], show)[1], 'page -x http://h/s\n3 requests currently being process\nlist\n')
  t.strictSame(run(['status'], { APACHE_LYNX: 'false' }), [1, '', ''])
  t.equal(spawnSync(control, ['-t'], { encoding: 'utf8', env: { PATH: process.env['PATH'], APACHE_ULIMIT_MAX_FILES: 'ulimit -n 99' } }).stdout, 'httpd -t [] 99\n')
  t.end()
})
