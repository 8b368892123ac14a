import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LANGUAGE_LEVEL } from '../../core/base/version.ts'
import { readConfig } from '../../core/config/reader.ts'
import { carryOut } from '../../core/config/walk.ts'
import { ModuleList } from '../../core/hook/modules.ts'
import { core } from '../../core/server/core_module.ts'
import { dirCore, serverCore } from '../../core/server/core_settings.ts'
import { http } from '../../core/server/http_module.ts'
import { module as alias } from '../../modules/mod_alias.ts'
import { module as authzCore } from '../../modules/mod_authz_core.ts'
import { module as authzHost } from '../../modules/mod_authz_host.ts'
import { module as dir } from '../../modules/mod_dir.ts'
import { module as logConfig } from '../../modules/mod_log_config.ts'
import { module as mime } from '../../modules/mod_mime.ts'
import { module as unixd } from '../../modules/mod_unixd.ts'
import { module as version } from '../../modules/mod_version.ts'

const root = mkdtempSync(join(tmpdir(), 'whole-'))
mkdirSync(join(root, 'htdocs'))
t.teardown(() => rmSync(root, { recursive: true }))

function carried(text: string) {
  const modules = new ModuleList()
  for (const module of [core, http, alias, authzCore, authzHost, dir, logConfig, mime, unixd, version])
    modules.add({ module, symbol: module.name, linkage: 'static' })
  writeFileSync(join(root, 'httpd.conf'), text)
  const notes: string[] = []
  const note = (level: string, text: string) => void notes.push(`${level}: ${text}`)
  const read = readConfig({
    serverRoot: root, file: 'httpd.conf', pre: [], post: [], defines: [], table: modules, env: {},
      languageLevel: LANGUAGE_LEVEL,
    loadModule: () => undefined, note,
  })
  const configuration = carryOut(read.tree, {
    table: modules, serverRoot: read.serverRoot, checking: true, defines: read.defines, note, program: 'httpd',
  })
  return { ...configuration, notes, messages: [...read.faults, ...configuration.faults].map(({ line,
    message }) => `${line}: ${message}`) }
}

t.test('a usual configuration is carried out', (t) => {
  const { main, virtual, messages, notes } = carried(`
    ServerName www.example.org:80
    Listen 8080
    User #1000
    DocumentRoot htdocs
    <IfVersion >= 2.4>
      LogLevel warn core:info
    </IfVersion>
    <Directory />
      AllowOverride none
      Require all denied
    </Directory>
    <Directory "htdocs/..">
      Options Indexes FollowSymLinks
      <RequireAll>
        Require all granted
        <RequireNone>
          Require ip 192.0.2
        </RequireNone>
      </RequireAll>
    </Directory>
    <IfModule dir_module>
      DirectoryIndex index.html
    </IfModule>
    <Files ".ht*">
      Require all denied
    </Files>
    LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined
    CustomLog "logs/access_log" combined
    ScriptAlias /cgi-bin/ "cgi-bin/"
    <Location /status>
      LogLevel debug
      SetHandler server-status
      <Limit POST>
        Require all denied
      </Limit>
    </Location>
    AddType application/x-compress .Z
    <VirtualHost *:80>
      ServerName one.example
      ServerAlias two.example
      Redirect permanent /old http://one.example/new
    </VirtualHost>`.replace('"htdocs/.."', `"${root}/htdocs"`))
  t.strictSame(messages, [])
  t.strictSame(notes, [])
  t.equal(main.vector.holds(serverCore).documentRoot, join(root, 'htdocs'))
  t.strictSame(main.vector.holds(serverCore).moduleLogLevels, { core: 'info' })
  t.equal(main.vector.holds(serverCore).logLevel, 'warn', 'LogLevel in <Location> is not the server\'s')
  const location = main.sections.find(({ kind }) => kind === 'Location')!
  t.match(location.vector.holds(dirCore), { logLevel: 'debug', setHandler: 'server-status' })
  t.equal(virtual[0]!.vector.holds(serverCore).serverName, 'one.example')
  t.equal(virtual[0]!.vector.holds(serverCore).documentRoot, join(root, 'htdocs'), 'a virtual host inherits')
  t.end()
})

t.test('refusals come with their lines', (t) => {
  const text = 'Timeout\n<Directory />\nListen 80\nRequire all maybe\n</Directory>\nAllowOverride All'
  t.strictSame(carried(text).messages, [
    '1: Timeout takes one argument, Timeout duration (sec)',
    '3: Listen not allowed in <Directory> context',
    "4: Argument for 'Require all' must be 'granted' or 'denied'",
    '6: AllowOverride not allowed here',
  ])
  t.strictSame(carried('<VirtualHost *:80>\nPidFile x\n</VirtualHost>').messages,
    ['2: PidFile cannot occur within <VirtualHost> section'])
  t.end()
})
