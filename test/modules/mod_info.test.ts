// mod_info: lines of a configuration, what is not shown of them, and a page that nothing gets out of.
import fc from 'fast-check'
import t from 'tap'
import type { TreeNode } from '../../core/config/reading.ts'
import { setRunning } from '../../core/server/running.ts'
import { Scoreboard } from '../../core/server/scoreboard.ts'
import { configLines, dumpText } from '../../modules/info/lines.ts'
import { module as alias } from '../../modules/mod_alias.ts'
import { module as info } from '../../modules/mod_info.ts'
import { configure, fakeRequest, fakeServer, fakeStartup } from './harness.ts'

const node = (name: string, args: string, line: number, body?: TreeNode[], file = '/etc/a.conf'): TreeNode =>
  ({ name, args, file, line, ...(body && { body }) })

const TREE = [
  node('ServerName', 'www.example.org', 1),
  node('<VirtualHost', '*:80>', 3, [
    node('Redirect', '/a   "/b <c>"', 4),
    node('<Directory', '"/srv">', 5, [node('Require', 'all granted', 1, undefined, '/etc/b.conf')]),
  ]),
  node('SessionCryptoPassphrase', 'sesame', 9),
  node('SSLPassPhraseDialog', 'builtin', 10),
  node('AuthLDAPBindPassword', '"sesame 2"', 11),
]

t.test('dumpText() is a configuration with its places', (t) => {
  t.equal(dumpText(TREE), [
    '# In file: /etc/a.conf', '#   1:', 'ServerName www.example.org', '#   3:', '<VirtualHost *:80>',
    '  #   4:', '  Redirect /a   "/b <c>"', '  #   5:', '  <Directory "/srv">', '# In file: /etc/b.conf',
    '    #   1:', '    Require all granted', '  </Directory>', '</VirtualHost>', '# In file: /etc/a.conf',
    '#   9:', 'SessionCryptoPassphrase (not shown)', '#  10:', 'SSLPassPhraseDialog builtin',
    '#  11:', 'AuthLDAPBindPassword (not shown)', '',
  ].join('\n'))
  t.end()
})

t.test('configLines() of one module have the sections that they stand in', (t) => {
  const lines = configLines(TREE, (name) => name === 'Redirect')
  t.same(lines.map(({ name, depth }) => `${depth}${name}`), ['0', '0<VirtualHost', '1Redirect', '0</VirtualHost>'])
  t.end()
})

function page(text: string, args: string | undefined, tree: readonly TreeNode[] = TREE, method = 'GET') {
  const conf = configure([info, alias], text)
  const board = new Scoreboard(new ArrayBuffer(Scoreboard.bytes(1, 1)), 1, 1)
  setRunning({
    board, extended: false, traits: { name: 'event', processes: 'dynamic', threads: 'fixed', async: true }, slot: 0, thread: 0,
    population: {
      startServers: 1, serverLimit: 1, threadLimit: 1, threadsPerChild: 1, maxServers: 3, minSpare: 1, maxSpare: 1, buckets: 1,
    },
    description: 'Switchyard/0 <x>', built: 'today',
  })
  void conf.modules.hooks.postConfig.run({ ...fakeStartup(fakeServer(conf.conf)), modules: conf.modules, tree })
  let body = ''
  const r = fakeRequest(conf, {
    args, method, isHead: method === 'HEAD', write: (data) => void (body += Buffer.from(data as Uint8Array).toString('latin1')),
  })
  const { handler } = conf.modules.hooks
  return { status: handler.walk(handler.chain(({ place }) => place.handler === 'server-info'), r), body, type: r.contentType }
}

const sections = (body: string): string[] => [...body.matchAll(/<section id="([^"]*)"/g)].map(([, id]) => id!)

t.test('each query has its sections', (t) => {
  t.same(sections(page('', undefined).body),
    ['modules', 'server', 'startup_hooks', 'request_hooks', 'other_hooks', 'providers', 'mod_alias.c', 'mod_info.c'])
  t.same(sections(page('', 'config').body), ['config'])
  t.same(sections(page('', 'SERVER').body), ['server'])
  t.same(sections(page('', 'list').body), ['list'])
  t.same(sections(page('', 'hooks').body), ['startup_hooks', 'request_hooks', 'other_hooks'])
  t.same(sections(page('', 'providers').body), ['providers'])
  t.same(sections(page('', 'mod_Alias.c').body), ['mod_alias.c'])
  t.match(page('', 'nix').body, 'No such module')
  t.match(page('', 'server').body, /<b>Server Version:<\/b> Switchyard\/0 &lt;x&gt;<\/dt>/)
  t.end()
})

t.test('a module with its directives, its lines, and what is said of it', (t) => {
  const { body } = page('AddModuleInfo mod_alias.c "<b>more</b>"\nAddModuleInfo mod_alias.c again', 'mod_alias.c')
  t.match(body, '<b>Request Phase Participation:</b> Translate Name, Fixups')
  t.match(body, '<b>Redirect</b> /a   &quot;/b &lt;c&gt;&quot;')
  t.match(body, '<div><b>more</b></div>', 'the first counts')
  t.notMatch(body, 'again')
  t.notMatch(page('', 'config').body, 'sesame')
  t.end()
})

t.test('methods', (t) => {
  t.match(page('', 'list', TREE, 'HEAD'), { status: 0, body: '', type: 'text/html; charset=ISO-8859-1' })
  t.match(page('', 'list', TREE, 'POST'), { status: -1, body: '' })
  t.end()
})

t.test('no text of the configuration becomes markup', (t) => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(fc.property(text, text, text, (name, args, file) => {
    const { body } = page('', 'config', [node(`x${name}`, args, 1, undefined, file)])
    const shown = body.slice(body.indexOf('<section'), body.indexOf('</section>'))
    return (shown.match(/<[^>]*>?/g) ?? []).every((tag) => /^<(?:\/?(?:h2|h3|pre|i|b)|section id="config"|h3 class="file"|pre class="conf")>$/.test(tag))
  }), { numRuns: 30 })
  t.end()
})
