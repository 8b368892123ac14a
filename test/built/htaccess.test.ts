/*
 * .htaccess as a whole server and its clients meet it, in text cases (test/cases/htaccess). Where Debian's apache2 is
 * installed it is held to the same answers; they were taken from it, and what is meant to differ stands in `differs`.
 *
 *   conf, conf-below, conf-match   lines for <Directory> of the case, for its `sub`, and for <DirectoryMatch>
 *   file, dir, socket PATH         below the case's directory; f.txt is there already. {x*9} {cr} {nul} {bin} {end}
 *   link PATH TARGET, mode PATH OCTAL
 *   ask                            lines `METHOD PATH`
 *   answers                        status and Content-Type of each, then what was logged of the case's files
 *   differs                        a sentence, and then the answers of apache2
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fetchPath } from '../support/http.ts'
import { end, until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import { makeSite, runsAsNobody, type Site } from '../support/site.ts'

const FOLDER = 'test/cases/htaccess'
const APACHE = '/usr/sbin/apache2'
const MODULES = '/usr/lib/apache2/modules'

interface Part { readonly kind: string; readonly words: readonly string[]; readonly body: string }
interface Case { readonly name: string; readonly title: string; readonly parts: readonly Part[] }

/** Parts of a file that begin with a line of this mark. */
const chunks = (text: string, mark: string): string[] => text.split(new RegExp(`^${mark} `, 'm')).slice(1)

function casesOf(file: string): Case[] {
  return chunks(readFileSync(join(FOLDER, file), 'latin1'), '====').map((chunk, n) => ({
    name: `${file.replace('.txt', '')}${n}`,
    title: chunk.split('\n')[0]!,
    parts: chunks(chunk, '----').map((part) => {
      const at = part.indexOf('\n')
      const [kind = '', ...words] = part.slice(0, at).trim().split(' ')
      return { kind, words, body: part.slice(at + 1).replace(/\n\n$/, '\n') }
    }),
  }))
}

const cases = readdirSync(FOLDER).sort().flatMap(casesOf)
const bodyOf = ({ parts }: Case, wanted: string): string | undefined => parts.find(({ kind }) => kind === wanted)?.body

const expanded = (text: string): string => text
  .replace(/\{x\*(\d+)\}/g, (_, count) => 'x'.repeat(Number(count)))
  .replace(/\{b\*(\d+)\}/g, (_, count) => ' '.repeat(Number(count)))
  .replaceAll('{cr}', '\r').replaceAll('{nul}', '\0').replace(/\{end\}\n/, '')
  .replaceAll('{bin}', String.fromCharCode(...Array.from({ length: 256 }, (_, n) => (n * 7 + 131) & 255)).replaceAll('\n', ''))

function confOf({ name, ...one }: Case, root: string): string {
  const section = (kind: string, what: string): string => {
    const body = bodyOf({ name, ...one }, kind)
    return body === undefined ? '' : `<${what}">\n${body}</${what.split(' ')[0]}>\n`
  }
  const path = `${root}/htdocs/${name}`
  return section('conf', `Directory "${path}`) + section('conf-below', `Directory "${path}/sub`) +
    section('conf-match', `DirectoryMatch "^${path}/`)
}

const common = (root: string): string =>
  'AccessFileName .htaccess .second\nDefine KIND x-kind\n' + cases.map((each) => confOf(each, root)).join('')

async function makeFiles(one: Case, root: string): Promise<void> {
  const base = join(root, 'htdocs', one.name)
  mkdirSync(base)
  writeFileSync(join(base, 'f.txt'), 'f\n')
  for (const { kind, words: [path = '', word = ''], body } of one.parts) {
    const at = join(base, path)
    if (['file', 'dir', 'socket', 'link'].includes(kind)) mkdirSync(dirname(at), { recursive: true })
    if (kind === 'file') writeFileSync(at, expanded(body.replaceAll('NAME', one.name)), 'latin1')
    else if (kind === 'dir') mkdirSync(at)
    else if (kind === 'link') symlinkSync(word, at)
    else if (kind === 'mode') chmodSync(at, Number.parseInt(word, 8))
    else if (kind === 'socket') await makeSocket(at)
  }
}

function makeSocket(path: string): Promise<void> {
  return new Promise((resolve) => {
    const server = createServer().listen(path, () => {
      server.unref()
      resolve()
    })
  })
}

interface Answering { readonly site: Site; readonly errorLog: () => string }

/** Status and type of each request of a case. */
async function statusesOf(one: Case, site: Site): Promise<string[]> {
  const lines: string[] = []
  for (const line of (bodyOf(one, 'ask') ?? '').split('\n').filter((text) => text !== '')) {
    const [method = 'GET', path = ''] = line.split(' ')
    const { status, headers, text } = await fetchPath(site, `/${one.name}/${path}`, '', method)
    const plain = status >= 400 && !text.startsWith('<') && method !== 'HEAD' ? ` ${text}` : ''
    lines.push(`${line}: ${status}${status < 300 ? ` ${headers['content-type'] ?? '-'}` : ''}${plain}`)
  }
  return lines
}

/** What was logged of the files of a case, each once. */
function loggedOf({ name }: Case, root: string, log: string): string[] {
  const lines = log.split('\n').filter((line) => line.includes(`${name}/`) && !/AH00128|AH01276|AH01797|AH01630/.test(line))
  return [...new Set(lines.map((line) => line.replace(/^\[[^\]]*\] \[(?:[a-z_]+:)?(\w+)\] (?:\[[^\]]*\] )*/, '$1: ')
    .replace(/\[client [^\]]*\] /, '').replaceAll(`${root}/htdocs/${name}`, 'DIR').replaceAll(name, 'NAME')))]
}

async function answersOf(all: readonly Case[], { site, errorLog }: Answering): Promise<Map<Case, string>> {
  const statuses = new Map<Case, string[]>()
  for (const one of all) statuses.set(one, await statusesOf(one, site))
  await sleep(50)
  const log = errorLog()
  return new Map([...statuses].map(([one, lines]) =>
    [one, [...lines, ...loggedOf(one, site.root, log)].map((line) => `${line}\n`).join('')]))
}

t.test('the cases', async (t) => {
  const conf = ({ root }: Site): string => `LogLevel info\n${common(root)}`
  const site = await makeSite(t, { variant: 'event', conf, workers: 2 })
  for (const one of cases) await makeFiles(one, site.root)
  const server = await Server.startOn(t, site)
  // Root may read everything.
  const skipped = runsAsNobody('event') ? [] : ['mode']
  const asked = cases.filter(({ parts }) => !parts.some(({ kind }) => skipped.includes(kind)))
  for (const [one, answers] of await answersOf(asked, { site, errorLog: () => server.errorLog }))
    t.equal(answers, bodyOf(one, 'answers') ?? '', `${one.name}: ${one.title}`)
})

const noOracle = !existsSync(APACHE) && 'apache2 is not installed'

t.test('the same from apache2', { skip: noOracle }, async (t) => {
  const site = await makeSite(t, { variant: 'event' })
  for (const one of cases) await makeFiles(one, site.root)
  const oracle = await startApache(t, site)
  for (const [one, answers] of await answersOf(cases, oracle)) {
    const differs = bodyOf(one, 'differs')
    const expected = differs === undefined ? bodyOf(one, 'answers') : differs.slice(differs.indexOf('\n') + 1)
    t.equal(answers, expected ?? '', `${one.name}: ${one.title}`)
  }
})

async function startApache(t: Test, site: Site): Promise<Answering> {
  const { root, port } = site
  const loads = ['mpm_event', 'authz_core', 'authz_host', 'mime', 'dir', 'alias']
    .map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so\n`)
  const conf = [
    ...loads, `ServerRoot "${root}"\nServerName localhost:${port}\nListen 127.0.0.1:${port}\nPidFile logs/apache.pid\n`,
    'ErrorLog logs/apache_log\nLogLevel info\nDefaultRuntimeDir logs\nTypesConfig /etc/mime.types\nDirectoryIndex index.html\n',
    process.getuid?.() === 0 ? 'User #65534\nGroup #65534\n' : '',
    `DocumentRoot "${root}/htdocs"\n<Directory />\nAllowOverride None\nRequire all denied\n</Directory>\n`,
    `<Directory "${root}/htdocs">\nRequire all granted\n</Directory>\n`, common(root),
  ].join('')
  const file = join(root, 'conf/apache.conf')
  writeFileSync(file, conf)
  execFileSync(APACHE, ['-t', '-f', file], { stdio: 'pipe' })
  const child = spawn(APACHE, ['-f', file, '-D', 'FOREGROUND'], { stdio: 'ignore' })
  t.teardown(() => end(child.pid!))
  await until('apache2 to answer', () => fetchPath(site, '/').then(() => true, () => false), 10_000)
  return { site, errorLog: () => readFileSync(join(root, 'logs/apache_log'), 'latin1') }
}
