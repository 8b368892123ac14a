/*
 * The small pure parts of the generator, by their properties.
 */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { modules } from '../../modules/catalog.ts'
import { mpms } from '../../mpms/catalog.ts'
import { readCommandLine } from '../../generator/command_line.ts'
import { canonicalHost, hostMatches, hostOf, isForking, platformOf } from '../../generator/host.ts'
import { directoriesOf, directoryNames, layouts } from '../../generator/layout.ts'
import { editDistance as distance } from '../../core/base/edit_distance.ts'
import { nearest } from '../../generator/nearest.ts'
import { options } from '../../generator/options.ts'
import { niceText } from '../../generator/records.ts'

t.test('distance() is a distance', (test) => {
  const word = fc.string({ maxLength: 8 })
  fc.assert(fc.property(word, word, (a, b) => distance(a, b) === distance(b, a)))
  fc.assert(fc.property(word, word, (a, b) => (distance(a, b) === 0) === (a === b)))
  fc.assert(fc.property(word, word, (a, b) => distance(a, b) <= Math.max(a.length, b.length)))
  test.equal(distance('mpm', 'mmp'), 1, 'neighbours swapped')
  test.equal(nearest('rewirte', ['rewrite', 'write']), 'rewrite')
  test.equal(nearest('zzzzzz', ['rewrite']), undefined)
  test.end()
})

t.test('canonicalHost() leaves what it answers as it is', (test) => {
  for (const [given, usual] of [
    ['x86_64-linux-gnu', 'x86_64-pc-linux-gnu'], ['amd64-freebsd13', 'x86_64-pc-freebsd13'],
    ['mingw32', 'i686-pc-mingw32'], ['x86_64-w64-mingw32', 'x86_64-w64-mingw32'],
    ['aarch64-linux', 'aarch64-unknown-linux-gnu'], ['arm64-apple-darwin23.1.0', 'aarch64-apple-darwin23.1.0'],
    ['i386-pc-os2-emx', 'i386-pc-os2-emx'], ['i586-pc-netware', 'i586-pc-netware'],
  ] as const) {
    test.equal(canonicalHost(given), usual)
    test.equal(canonicalHost(usual), usual)
  }
  for (const bad of ['', 'bogus', 'x86_64', 'x86_64-pc', 'x86_64-pc-plan10', '-linux']) {
    test.equal(canonicalHost(bad), undefined, bad)
  }
  test.equal(platformOf('x86_64-w64-mingw32'), 'win32')
  test.equal(platformOf('sparc-sun-solaris2.10'), 'solaris')
  test.notOk(isForking('i386-pc-os2-emx'))
  test.ok(isForking('i686-pc-cygwin'))
  test.ok(hostMatches('i386-pc-os2-emx', '*os2-emx*'))
  test.notOk(hostMatches('i386-pc-os2xemx', 'i386-pc-os2.emx'))
  const machine = { arch: 'x64', platform: 'linux', release: '6.1', musl: true }
  test.equal(hostOf(machine), 'x86_64-pc-linux-musl')
  test.end()
})

t.test('every layout answers every directory with a path', (test) => {
  for (const name of Object.keys(layouts)) {
    const { paths } = directoriesOf(name, {})
    for (const key of directoryNames) {
      const fine = key === 'prefix' || key === 'exec_prefix' ? /^(\/[^$+]*)?$/ : /^\/[^$+]*$/
      test.match(paths[key], fine, `${name} ${key}`)
    }
  }
  test.end()
})

t.test('every switch is read with its value, and any text may be a value', (test) => {
  const switches = options.filter((row) => row.kind === 'switch').map((row) => row.name)
  fc.assert(fc.property(fc.constantFrom(...switches), fc.string(), (name, value) => {
    const { values } = readCommandLine([`--${name}=${value}`], 'configure')
    return values[name] === value && Object.keys(values).length === 1
  }), { numRuns: 60, examples: [[switches[0]!, '""'], [switches[0]!, "'quoted'"], [switches[0]!, '"']] })
  for (const row of switches.slice(0, 3)) {
    const off = row.replace(/^enable-/, 'disable-').replace(/^with-/, 'without-')
    test.equal(readCommandLine([`--${off}`], 'configure').values[row], 'no')
    test.equal(readCommandLine([`--${row}`], 'configure').values[row], 'yes')
  }
  test.end()
})

t.test('config.nice quotes any word for the shell', (test) => {
  const nothing = { values: {}, variables: [], notices: [], warnings: [] }
  test.equal(niceText('./configure', ['A=$x `y` "z" \\'], nothing, [['NODE', '/n o']]),
    '#! /bin/sh\n#\n# Created by configure\n\nNODE="/n o"; export NODE\n"./configure" \\\n' +
    '"A=\\$x \\`y\\` \\"z\\" \\\\" \\\n"$@"\n')
  test.end()
})

t.test('templates: a directive of a module that may be absent stands in an IfModule', (test) => {
  const always = new Set(modules.filter((row) => row.class === 'static').map((row) => row.name))
  const owners = new Set(modules.filter((row) => !always.has(row.name)).flatMap((row) => row.directives))
  const names = readdirSync('templates/extra').map((name) => `extra/${name}`)
  for (const name of ['httpd.conf.hbs', ...names]) {
    let depth = 0
    for (const line of readFileSync(`templates/${name}`, 'utf8').split('\n')) {
      const [word = ''] = line.trim().split(/[ >]/)
      if (word === '<IfModule') depth++
      else if (word === '</IfModule') depth--
      else if (depth === 0) test.notOk(owners.has(word.startsWith('<') ? `${word}>` : word), `${name}: ${line}`)
    }
    test.equal(depth, 0, name)
  }
  test.end()
})

t.test('the catalogs', (test) => {
  test.equal(new Set(modules.map((row) => row.name)).size, modules.length, 'no module stands twice')
  test.equal(new Set(options.map((row) => row.name)).size, options.length, 'no option stands twice')
  const owners = new Map<string, string>()
  for (const row of modules) {
    for (const directive of row.directives) {
      test.equal(owners.get(directive), undefined, `${directive} belongs to one module`)
      owners.set(directive, row.name)
    }
  }
  for (const row of mpms) test.equal(row.symbol, `mpm_${row.name}_module`)
  test.end()
})
