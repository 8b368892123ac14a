// The command line: each switch, in the ways getopt allows, and the usage text.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseCommandLine, usageText, wordsOf, type CommandLine, type Parsed } from '../../core/server/cli.ts'

const parse = (text: string, staticMpm = true): Parsed =>
  parseCommandLine('/opt/bin/httpd', text.split(' ').filter((word) => word !== ''), staticMpm)

const lines: readonly (readonly [args: string, want: Partial<CommandLine>])[] = [
  ['', { check: false, defines: [], signal: undefined }],
  ['-D A -DB', { defines: ['A', 'B'] }],
  ['-d /r -f conf/x -T', { serverRoot: '/r', configFile: 'conf/x', skipDocumentRoot: true, check: false }],
  ['-C A -c B -C C', { pre: ['A', 'C'], post: ['B'] }],
  ['-e INFO -E log', { level: 'info', errorFile: 'log' }],
  ['-e trace8', { level: 'trace8' }],
  ['-t', { check: true }],
  ['-tT', { check: true, skipDocumentRoot: true }],
  ['-tDX', { check: true, defines: ['X'] }],
  ['-S', { check: true, defines: ['DUMP_VHOSTS', 'DUMP_RUN_CFG'] }],
  ['-D A -M -D B', { check: true, defines: ['A', 'DUMP_MODULES', 'B'] }],
  ['-X', { check: false, defines: ['DEBUG'] }],
  ['-L', { check: true, listDirectives: true }],
  ['-kstop', { signal: 'stop', options: [] }],
  ['-k graceful-stop -D A', { signal: 'graceful-stop', options: [{ letter: 'D', value: 'A' }] }],
  ['-t --', { check: true }],
]

t.test('options', (t) => {
  for (const [args, want] of lines) {
    const parsed = parse(args)
    t.equal(parsed.kind, 'run', args)
    t.match(parsed.line, want, args)
  }
  t.end()
})

const answers: readonly (readonly [args: string, kind: Parsed['kind'], message?: string])[] = [
  ['-v', 'version'],
  ['-t -v -z', 'version'],
  ['-l -k foo', 'modules'],
  ['-V', 'settings'],
  ['-h', 'usage'],
  ['-?', 'usage'],
  ['-z', 'usage', 'httpd: illegal option -- z'],
  ['-tz', 'usage', 'httpd: illegal option -- z'],
  ['--help', 'usage', 'httpd: illegal option -- -'],
  ['-D', 'usage', 'httpd: option requires an argument -- D'],
  ['-k', 'usage', 'httpd: illegal option -- k'],
  ['-k foo', 'usage', 'httpd: illegal option -- k'],
  ['-k start -k stop', 'usage', 'httpd: illegal option -- k'],
  ['-e foo', 'usage'],
  ['extra', 'usage'],
  ['-', 'usage'],
  ['-t extra', 'usage'],
  ['-- -t', 'usage'],
]

t.test('answers at once', (t) => {
  for (const [args, kind, message] of answers) {
    const parsed = parse(args)
    t.equal(parsed.kind, kind, args)
    if (parsed.kind === 'usage') t.equal(parsed.message, message, args)
  }
  t.end()
})

t.test('-V reads the configuration if the MPM may come from there', (t) => {
  const parsed = parse('-V', false)
  t.equal(parsed.kind, 'run')
  t.match(parsed.line, { showSettings: true, check: true })
  t.equal(parse('-V -z', false).kind, 'usage', 'what follows is looked at')
  t.end()
})

t.test('a program name and the words of a line', (t) => {
  const { line } = parse('-DX -k start -T -f a')
  t.equal(line.program, 'httpd')
  t.same(wordsOf(line.options), ['-D', 'X', '-T', '-f', 'a'])
  t.match(parseCommandLine('httpd', ['-D', ''], true).line, { defines: [''] })
  t.end()
})

t.test('usage text', (t) => {
  t.equal(usageText('httpd'), readFileSync('test/cases/program/usage.txt', 'utf8'))
  const [first, second] = usageText('/opt/bin/httpd').split('\n')
  t.equal(first?.indexOf('[-D'), second?.indexOf('[-C'), 'continuation lines are aligned')
  t.end()
})
