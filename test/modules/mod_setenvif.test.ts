import t from 'tap'
import { DECLINED } from '../../core/hook/hook.ts'
import { module as env, setVariables } from '../../modules/mod_env.ts'
import { module as setenvif, setEarly, setLate } from '../../modules/mod_setenvif.ts'
import { plainText } from '../../modules/setenvif/rules.ts'
import { configure, fakeRequest, refusal, type Wanted } from './harness.ts'

/** Variables of a request, as `NAME=VALUE` in the order of their names. */
function variables(text: string, wanted: Wanted = {}): string {
  const r = fakeRequest(configure([setenvif, env], text), { requestLine: 'GET /x', uri: '/x', ...wanted })
  for (const set of [setEarly, setLate]) if (set(r) !== DECLINED) return `failed: ${r.logged.map(({ message }) => message).join()}`
  setVariables(r)
  return [...r.env].map(([name, value]) => `${name}=${value}`).sort().join(' ')
}

t.test('what a line looks at, and what it does', (t) => {
  const is = (text: string, expected: string, wanted: Wanted = {}) => t.equal(variables(text, wanted), expected, text)
  const headers = { 'X-One': 'abc', 'User-Agent': 'Mozilla/5.0 (X)' }
  is('SetEnvIf Remote_Addr ^192\\.0 a', 'a=1')
  is('SetEnvIf remote_HOST 2.7 a=b c=d', 'a=b c=d')
  is('SetEnvIf Server_Addr (.)$ a=$1', 'a=1')
  is('SetEnvIf Request_URI ^/x$ a=$0', 'a=/x')
  is('SetEnvIf Request_Method G a', 'a=1')
  is('SetEnvIf Request_Protocol 1.1 a', 'a=1')
  is('SetEnvIf X-One ^(.)(.) "a=$2 $1 $3 \\$1"', 'a=b a  $1', { headers })
  is('SetEnvIf X-One ABC a\nSetEnvIfNoCase X-One ABC b', 'b=1', { headers })
  is('SetEnvIf X-One b a=$0', 'a=$0', { headers })
  is('SetEnvIf X-One a\\.c a\nSetEnvIf X-One a.c b', 'b=1', { headers })
  is('SetEnvIf ^X-O b a', 'a=1', { headers })
  is('SetEnvIf ^X-N .* a', 'a=1', { headers })
  is('SetEnvIf X-None ^$ none', 'none=1', { headers })
  is('BrowserMatch ^Mozilla/(\\d) m=$1\nBrowserMatchNoCase MOZILLA n\nBrowserMatch MOZILLA o', 'm=5 n=1', { headers })
  is('SetEnvIf X-One b a=1 A=2', 'A=2', { headers })
  is('SetEnvIf X-One b a\nSetEnvIf a 1 b !a', 'b=1', { headers })
  is('SetEnvIf X-One b a=!\nSetEnvIf X-One c b=!x', '', { headers })
  is('SetEnvIf X-One b a=', 'a=1', { headers })
  is('SetEnvIfExpr "%{REQUEST_URI} =~ /(x)/" e=($1)', 'e=(x)')
  is('SetEnvIfExpr "-n req(\'X-One\')" e !f\nSetEnvIfExpr false g', 'e=1', { headers })
  is('SetEnvIf X-One . a=out\n<Location /x>\nSetEnvIf a out b=in\nSetEnvIf b in a=in\n</Location>', 'a=in b=in', { headers })
  t.end()
})

t.test('lines with the same test are one', (t) => {
  const { conf } = configure([setenvif], 'SetEnvIf a b c\nSetEnvIf A b d C=2\nSetEnvIfNoCase a b e\nSetEnvIf a b f')
  const { rules } = conf.vector.holds(setenvif.settings[0]!)
  t.strictSame(rules.map(({ changes }) => changes.map(({ name, value }) => `${name}=${value ?? ''}`)),
    [['d=1', 'C=2'], ['e=1'], ['f=1']])
  t.end()
})

t.test('what is only text, and what is a regular expression', (t) => {
  t.strictSame(['abc', 'a\\.c', 'a.c', '\\d', '^a', '\\\\', 'a\\'].map(plainText),
    ['abc', 'a.c', undefined, undefined, undefined, '\\', 'a'])
  t.end()
})

t.test('a value that gets too long', (t) => {
  t.equal(variables(`SetEnvIf X-One (.*) a=${'$1'.repeat(100)}`, { headers: { 'X-One': 'x'.repeat(1000) } }),
    'failed: AH01505: Regular expression replacement failed: value too long?')
  t.end()
})

t.test('refusals', (t) => {
  const is = (text: string, expected: string) => t.equal(refusal([setenvif, env], text)?.split('\n')[0], expected, text)
  is('SetEnvIf', 'Missing header-field name for SetEnvIf')
  is('SetEnvIf a', 'Missing regular expression for SetEnvIf')
  is('BrowserMatchNoCase', 'Missing regular expression for BrowserMatchNoCase')
  is('SetEnvIf a b', 'Missing envariable expression for SetEnvIf')
  is('SetEnvIf a ( b', 'SetEnvIf regex could not be compiled.')
  is('SetEnvIfNoCase ( a b', 'SetEnvIfNoCaseHeader name regex could not be compiled.')
  is('SetEnvIfExpr', 'Missing expression for SetEnvIfExpr')
  is('SetEnvIfExpr true', 'Missing envariable expression for SetEnvIfExpr')
  t.match(refusal([setenvif], 'SetEnvIfExpr "(((" a'), /^Could not parse expression "\(\(\(": syntax error/)
  t.match(refusal([env], 'SetEnv'), /^SetEnv takes 1-2 arguments, /)
  t.match(refusal([env], 'UnsetEnv'), /^UnsetEnv requires at least one argument, /)
  t.end()
})

t.test('SetEnv, UnsetEnv, PassEnv', (t) => {
  const is = (text: string, expected: string) => t.equal(variables(text), expected, text)
  is('SetEnv a\nSetEnv b c', 'a= b=c')
  is('SetEnv a b\nSetEnv A c', 'A=c')
  is('SetEnv a b\nUnsetEnv a', 'a=b')
  is('SetEnv a b\nSetEnv c d\n<Location /x>\nUnsetEnv A\n</Location>', 'c=d')
  is('SetEnv a b\n<Location /x>\nUnsetEnv a\nSetEnv A c\n</Location>', 'A=c')
  is('SetEnv a b\nSetEnvIf Request_URI x A=early', 'A=early')
  process.env['SWITCHYARD_TEST'] = 'ä'
  is('PassEnv SWITCHYARD_TEST', `SWITCHYARD_TEST=${Buffer.from('ä').toString('latin1')}`)
  delete process.env['SWITCHYARD_TEST']
  t.strictSame(configure([env], 'PassEnv SWITCHYARD_TEST').notes,
    ['warn: AH01506: PassEnv variable SWITCHYARD_TEST was undefined'])
  t.end()
})
