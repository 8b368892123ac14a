/*
 * With each MPM: what is done to .htaccess files, directories and links shows in the answer to the request that
 * follows at once, on a new connection and on a kept one.
 */
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Server } from '../support/server.ts'
import type { Site } from '../support/site.ts'
import { STATIC } from '../support/variants.ts'

const ROUNDS = 5

type Step = (root: string, n: number) => string | undefined

const say = (path: string, type: string): void => writeFileSync(path, `ForceType text/x-${type}\n`)

/** Each answers what the type of /site/a/b/f.html is from now on; undefined: as without .htaccess. */
const STEPS: readonly Step[] = [
  (root, n) => (say(join(root, 'a/.htaccess'), `outer${n}`), `outer${n}`),
  (root, n) => (say(join(root, 'a/b/.htaccess'), `inner${n}`), `inner${n}`),
  (root, n) => (say(join(root, 'a/b/.htaccess'), `other${n}`), `other${n}`),
  (root, n) => (unlinkSync(join(root, 'a/b/.htaccess')), `outer${n}`),
  (root) => (unlinkSync(join(root, 'a/.htaccess')), undefined),
  (root, n) => {
    say(join(root, 'other/b/.htaccess'), `moved${n}`)
    renameSync(join(root, 'a'), join(root, 'kept'))
    renameSync(join(root, 'other'), join(root, 'a'))
    return `moved${n}`
  },
  (root) => {
    renameSync(join(root, 'a'), join(root, 'other'))
    symlinkSync('kept', join(root, 'a'))
    return undefined
  },
  (root, n) => {
    unlinkSync(join(root, 'a'))
    symlinkSync('other', join(root, 'a'))
    return `moved${n}`
  },
  (root) => {
    unlinkSync(join(root, 'a'))
    rmSync(join(root, 'other/b/.htaccess'))
    renameSync(join(root, 'kept'), join(root, 'a'))
    return undefined
  },
]

for (const variant of STATIC) {
  t.test(variant, async (t) => {
    const conf = ({ root }: Site): string => `LogLevel warn\n<Directory "${root}/htdocs/site">\nAllowOverride All\n</Directory>\n`
    const files = { 'htdocs/site/a/b/f.html': '', 'htdocs/site/other/b/f.html': '' }
    const server = await Server.start(t, { variant, conf, files, workers: 2 })
    const root = join(server.site.root, 'htdocs/site')
    mkdirSync(join(root, 'a/b/c'))
    const kept = await server.connect()
    for (let n = 0; n < ROUNDS; n++) {
      for (const [at, step] of STEPS.entries()) {
        const type = step(root, n)
        const expected = type === undefined ? 'text/html' : `text/x-${type}`
        kept.get('/site/a/b/f.html')
        t.equal((await kept.response()).headers['content-type'], expected, `round ${n}, step ${at}`)
        t.equal((await server.get('/site/a/b/f.html')).headers['content-type'], expected)
      }
    }
  })
}
