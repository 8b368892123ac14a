/*
 * What clients and owners of directories may ask too much with: loops of rewrites, paths and headers of any depth, large
 * directories, .htaccess files of many thousand lines. Each has an answer, and event's listener has time for others.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { Server } from '../support/server.ts'
import { makeSite, WELCOME } from '../support/site.ts'
import { loadModuleLines } from '../support/variants.ts'

const NEEDED = ['rewrite', 'negotiation', 'autoindex', 'headers', 'expires', 'env', 'setenvif', 'filter', 'deflate', 'alias', 'mime']
const LINES = 5000
const NAMES = 5000

const lines = (line: (i: number) => string): string => Array.from({ length: LINES }, (_, i) => `${line(i)}\n`).join('')
const GIANT: Readonly<Record<string, string>> = {
  setenvif: lines((i) => `SetEnvIf User-Agent agent${i} a=1`),
  redirect: lines((i) => `Redirect /nowhere${i} /x`),
  rewrite: `RewriteEngine On\n${lines((i) => `RewriteCond %{HTTP:X-A} x${i}\nRewriteRule ^never${i}$ /x`)}`,
  expires: lines((i) => `ExpiresByType text/x${i} "access plus 1 day"`),
  setenv: lines((i) => `SetEnv A${i} b`),
  filter: lines((i) => `FilterDeclare filter${i}`),
  header: lines(() => 'Header set X-Same same'),
  type: lines((i) => `AddType text/x${i} .x${i}`),
  wrong: `${lines((i) => `# ${i}`)}Nonsense\n`,
}

t.test('hostile clients and .htaccess files', async (t) => {
  const loaded = (conf: string) => NEEDED.filter((name) => !conf.includes(`\nLoadModule ${name}_module`))
    .map((name) => loadModuleLines('shared', 'event', true).find((line) => line.startsWith(`LoadModule ${name}_module`))!)
  const site = await makeSite(t, {
    variant: 'shared',
    files: {
      'htdocs/loop/.htaccess': 'RewriteEngine On\nRewriteRule ^(.*)$ x$1\n',
      'htdocs/plain/file.html': 'hello',
      'htdocs/many/000': '',
      ...Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`htdocs/neg/doc.${String.fromCharCode(97 + i % 26, 97 + i / 26)}.html`, 'x'])),
      ...Object.fromEntries(Object.entries(GIANT).flatMap(([name, text]) => [[`htdocs/${name}/.htaccess`, text], [`htdocs/${name}/a.html`, name]])),
    },
    conf: ({ root }) => `${loaded(loadModuleLines('shared').map((line) => `\n${line}`).join('')).join('\n')}
AcceptPathInfo On
<Directory "${root}/htdocs">
  AllowOverride All
  Options Indexes FollowSymLinks MultiViews
</Directory>
RewriteEngine On
RewriteRule ^/round/(.*)$ /round/$1 [N]
`,
  })
  execFileSync('sh', ['-c', `cd '${join(site.root, 'htdocs/many')}' && seq -f 'file%05g.txt' ${NAMES} | xargs touch`])
  const server = await Server.startOn(t, site)

  t.equal((await server.get('/loop/a')).status, 500)
  t.match(server.errorLog, /AH00124: Request exceeded the limit of 10 internal redirects/)
  t.equal((await server.get('/round/a')).status, 500)
  t.match(server.errorLog, /AH10508|N flag|32000|10000/i)

  for (const [depth, path, status] of [
    [0, '/plain/file.html', 200], [3, '/plain/file.html', 200], [1900, '/plain/file.html', 200], [12, '/nowhere', 404],
    [1900, '/nowhere', 404], [9, '/plain', 404], [8, '/plain/file.html', 200], [10, '', 404],
  ] as const) t.equal((await server.get(path + '/a'.repeat(depth))).status, status, `${depth} names behind ${path}`)

  const list = (one: (i: number) => string, most: number) => Array.from({ length: most }, (_, i) => one(i)).join(',')
  const wishes = `Accept: ${list((i) => `a/b${i};q=0.${i % 9 + 1}`, 450)}\r\n` +
    `Accept-Language: ${list((i) => `x${i}-y${i};q=0.5`, 450)}\r\nAccept-Encoding: ${list((i) => `e${i};q=0.5`, 600)}\r\n`
  t.equal((await server.get('/neg/doc', wishes)).status, 406)
  const ranges = await server.get('/plain/file.html', `Range: bytes=${list((i) => `${i % 5}-`, 1500)}\r\n`)
  t.ok(ranges.body.length < 100_000, 'many ranges are few bytes')
  t.equal((await server.get('/', 'X-A: b\r\n'.repeat(101))).status, 400)

  const order: string[] = []
  const listing = server.get('/many/').then((got) => (order.push('listing'), got))
  for (let i = 0; i < 3; i++) t.equal((await server.get('/index.html').then((got) => (order.push('small'), got))).text, WELCOME)
  t.equal((await listing).text.match(/<a href="file/g)?.length, NAMES)
  t.strictSame(order.slice(0, 2), ['small', 'small'], 'a listing holds up nobody')

  for (const name of Object.keys(GIANT))
    for (const status of name === 'wrong' ? [500, 500] : [200, 200]) t.equal((await server.get(`/${name}/a.html`)).status, status, name)
  t.match(server.errorLog, /wrong\/\.htaccess: Invalid command 'Nonsense'/)
})
