import { readFileSync } from 'node:fs'
import t from 'tap'
import { coreDirectives } from '../../core/server/core_directives.ts'
import { dirCore, etagParts, globalCore, optionBits, serverCore } from '../../core/server/core_settings.ts'
import { http } from '../../core/server/http_module.ts'
import { inertDirectives } from '../../core/server/inert_directives.ts'
import { listenDirectives } from '../../core/server/listen_directives.ts'
import { logDirectives } from '../../core/server/log_directives.ts'
import { sectionSettings } from '../../core/server/section_directives.ts'
import { unixd } from '../../core/server/unixd_settings.ts'
import type { Module } from '../../core/hook/module.ts'
import { coreOptions } from '../../core/server/core_options.ts'
import { findAccount } from '../../core/server/accounts.ts'
import { module as unixdModule } from '../../modules/mod_unixd.ts'
import { configure, holdsOf, refusal } from './harness.ts'

const core = {
  name: 'core_module', file: 'core.c', settings: [serverCore, globalCore, dirCore],
  directives: [...coreDirectives, ...sectionSettings, ...logDirectives, ...listenDirectives, ...inertDirectives],
} satisfies Module
const modules = [core, http, unixdModule]

interface Case { readonly lines: string; readonly virtual: boolean; readonly expected: string[] }

function casesOf(text: string): Case[] {
  const cases: { lines: string; virtual: boolean; expected: string[] }[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    if (/^[!=~] /.test(line)) cases.at(-1)!.expected.push(line)
    else if (line.startsWith(' ')) cases.at(-1)!.lines += `\n${line.trim()}`
    else cases.push({ lines: line.replace(/^in vhost /, ''), virtual: line.startsWith('in vhost '), expected: [] })
  }
  return cases
}

t.test('directives of the core, case by case', (t) => {
  const cases = casesOf(readFileSync('test/cases/modules/core-directives.txt', 'utf8'))
  t.ok(cases.length > 100, 'the file was read')
  for (const { lines, virtual, expected } of cases) {
    t.ok(expected.length > 0, `"${lines}" says what to expect`)
    for (const line of expected) {
      const what = line.slice(2)
      if (line.startsWith('!')) t.equal(refusal(modules, lines, virtual), what, lines)
      else if (line.startsWith('~')) t.strictSame(configure(modules, lines, virtual).notes, [what], lines)
      else {
        const [, key, json] = /^(\S+) (.*)$/.exec(what)!
        const configured = configure(modules, lines, virtual)
        const all = Object.assign({}, ...[dirCore, globalCore, unixd, serverCore].map((s) => holdsOf(configured, s))) as
          Record<string, unknown>
        t.ok(key! in all, `${key!} is a setting`)
        t.equal(JSON.stringify(all[key!]), json, lines)
      }
    }
  }
  t.end()
})

t.test('every directive has a help text and no name stands twice', (t) => {
  const names = modules.flatMap(({ directives }) => directives.map(({ name }) => name.toLowerCase()))
  t.equal(new Set(names).size, names.length)
  for (const { name, help } of modules.flatMap(({ directives }) => directives)) t.match(help, /^[A-Z].{9,}/, name)
  t.end()
})

t.test('Options join with those outside', (t) => {
  const bits = (text: string) => optionBits(configure(modules, text).dir.holds(dirCore).options)
  t.equal(bits(''), 4, 'FollowSymLinks by default')
  t.equal(bits('Options +Indexes'), 5)
  t.equal(bits('Options Indexes\n<Directory /a/b>\nOptions +ExecCGI -Indexes\n</Directory>'), 16)
  t.equal(bits('<Directory /a>\nOptions +ExecCGI\n</Directory>\n<Directory /a/b>\nOptions Indexes\n</Directory>'), 1)
  t.equal(bits('<Directory /a>\nOptions +Indexes\nOptions -FollowSymLinks\n</Directory>'), 1)
  t.end()
})

t.test('FileETag with + and - joins with what is outside', (t) => {
  const parts = (text: string) => etagParts(configure(modules, text).dir.holds(dirCore).fileEtag)
  t.strictSame(parts(''), ['MTime', 'Size'])
  t.strictSame(parts('FileETag +INode'), ['MTime', 'Size', 'INode'])
  t.strictSame(parts('FileETag INode\n<Directory /a>\nFileETag +Size -INode\n</Directory>'), ['Size'])
  t.strictSame(parts('<Directory /a>\nFileETag +INode\n</Directory>\n<Directory /b>\nFileETag -Size\n</Directory>'),
    ['MTime', 'INode'])
  t.strictSame(parts('FileETag None'), [])
  t.end()
})

t.test('LogLevel in a section is the section\'s', (t) => {
  const configured = configure(modules, 'LogLevel error\n<Location /x>\nLogLevel debug\n</Location>')
  t.equal(configured.conf.vector.holds(serverCore).logLevel, 'error')
  t.equal(configured.dir.holds(dirCore).logLevel, 'debug')
  t.end()
})

t.test('findAccount() finds whole names and numbers only', (t) => {
  const table = 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/:/bin/false\nbroken\nwww-data:x:34:34::/:\n'
  t.same(findAccount(table, 'www'), { name: 'www', id: 33, group: 33, home: '/' })
  t.equal(findAccount(table, 'www-data')?.id, 34)
  t.equal(findAccount(table, 'ww'), undefined)
  t.equal(findAccount(table, 'broken'), undefined)
  t.equal(findAccount(table, 34)?.name, 'www-data')
  t.equal(findAccount(table, 3), undefined)
  t.same(findAccount('staff:x:50:amy,ben\n', 'staff'), { name: 'staff', id: 50, group: 50 }, 'a row of groups')
  t.end()
})

t.test('User refuses root', (t) => {
  t.match(refusal(modules, 'User root'), /^Error:\tApache has not been designed to serve pages while running as root\./)
  coreOptions.mayServeAsRoot = true
  t.teardown(() => { coreOptions.mayServeAsRoot = false })
  t.equal(configure(modules, 'User root').conf.vector.holds(unixd).userId, 0, 'unless the build allows it')
  t.end()
})
