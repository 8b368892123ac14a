import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { DECLINED, HANDOVER, OK } from '../../core/hook/hook.ts'
import { guess } from '../../modules/mime_magic/guess.ts'
import { messagesOf } from '../../modules/mime_magic/match.ts'
import { parseRules } from '../../modules/mime_magic/rules.ts'
import { findType, judge, module, readMessages, readRules } from '../../modules/mod_mime_magic.ts'
import { configure, fakeRequest, fakeServer, fakeStartup, fileOf, type Wanted } from './harness.ts'

const PAD = '.'.repeat(70)
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** What rules say of a text, and what is wrong with them. */
function ask(rules: string, text: string): string | undefined {
  return messagesOf(parseRules(rules, (line, fault) => { throw new Error(`${line}: ${fault}`) }), bytes(text + PAD))
}

t.test('rules', (t) => {
  const is = (rules: string, text: string, wanted: string | undefined) => t.equal(ask(rules, text), wanted, rules)
  is('0 string AB x/a', 'AB', 'x/a')
  is('0 string AB x/a', 'AC', undefined)
  is('0 string A\\ B\\x41\\102 x/a', 'A BAB', 'x/a')
  is('1 string >a x/%s', '.bcd\nef', 'x/bcd')
  is('0 beshort 0xfffe x/a', '\xff\xfe', 'x/a')
  is('0 leshort 0xfffe x/a', '\xfe\xff', 'x/a')
  is('0 belong 0xcafebabe x/a', '\xca\xfe\xba\xbe', 'x/a')
  is('0 beshort <0 x/a', '\xff\xfe', 'x/a')
  is('0 ubeshort <0 x/a', '\xff\xfe', undefined)
  is('0 ubyte >0x80 x/%x', '\x90', 'x/90')
  is('0 byte&0xf0 0xa0 x/a', '\xa5', 'x/a')
  is('0 byte &5 x/a', '\x07', 'x/a')
  is('0 byte ^5 x/a', '\x07', undefined)
  is('0 byte !5 x/%03d%%', '\x07', 'x/007%')
  is('0 byte x x/a', 'z', 'x/a')
  is('0 string A x/\n>1 string B \\bb\n>>2 string C c\n>1 string D d', 'ABC', 'x/b c')
  is('0 string A x/\n>1 string B \\bb\n>>2 string C c\n>1 string D d', 'ADC', 'x/ d')
  is('0 string I x/\n>(1.b+1) string HERE \\bthere', 'I\x05....HERE', 'x/there')
  is('0 string I x/\n>(1.b-200) string HERE \\bthere', 'I\x05....HERE', 'x/')
  is('0 string I x/\n>(1.l) string HERE \\bthere', 'I\xff\xff\xff\xff', 'x/')
  is('# comment\n\n  0 string A x/a  ', 'A', 'x/a')
  t.equal(messagesOf(parseRules('0 string A x/a', () => undefined), bytes(`A${'.'.repeat(61)}`)), undefined, 'near the end of a file nothing is looked at')
  t.equal(messagesOf(parseRules('0 string A x/a', () => undefined), bytes(`A${'.'.repeat(62)}`)), 'x/a')
  t.end()
})

t.test('rules that are wrong', (t) => {
  const faults = (text: string) => {
    const found: string[] = []
    parseRules(text, (line, fault) => void found.push(`${line}: ${fault}`))
    return found
  }
  t.strictSame(faults('0 string A x/a\n0 regex A x/a'), ['2: AH01524: mod_mime_magic: type regex A x/a invalid'])
  t.strictSame(faults('>(0.q) byte 1 x'), ['1: AH01522: mod_mime_magic: indirect offset type q invalid'])
  t.strictSame(faults('>(0.l byte 1 x'), ["1: AH01523: mod_mime_magic: missing ')' in indirect offset"])
  t.match(faults('x byte 1 x'), [/^1: AH01521: mod_mime_magic: offset x byte 1 x invalid/, /AH01524/])
  t.match(faults(`0 string ${'a'.repeat(64)} x`), [/^1: AH01526: mod_mime_magic: string too long: a+ x$/])
  t.equal(messagesOf(parseRules('0 regex A x/a\n>0 byte x x/b\n0 byte x x/c', () => undefined), bytes(PAD)), 'x/c', 'what follows a wrong rule goes with it')
  const any = fc.string({ unit: fc.constantFrom('>', '(', ')', '.', '0', '9', 'x', ' ', '\t', '\n', '\\', '%', 's', 'byte', 'belong', 'string', '&', '<', '!', '-', 'l', 'b') })
  fc.assert(fc.property(any, fc.uint8Array({ minLength: 64, maxLength: 200 }), (text, file) => {
    messagesOf(parseRules(text, () => undefined), file)
    return true
  }), { numRuns: 300 })
  t.end()
})

t.test('what messages come to', (t) => {
  t.strictSame(readMessages('Text/HTML'), { type: 'text/html' })
  t.strictSame(readMessages(' application/x-tar  X-Gzip more'), { type: 'application/x-tar', encoding: 'x-gzip' })
  t.strictSame(readMessages('nothing of the kind/x'), {})
  t.end()
})

function tar(): Buffer {
  const block = Buffer.alloc(512)
  block.write('name.txt')
  block.write('0000644\0', 100)
  block.fill(0x20, 148, 156)
  block.write(block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0') + '\0 ', 148)
  return block
}

t.test('guesses', (t) => {
  const is = (text: string, type: string | undefined) => t.equal(guess(bytes(text)), type, text)
  is('.TH X', 'application/x-troff')
  is('./file', undefined)
  is('c  fortran', 'text/plain')
  is('x <title> y', 'text/html')
  is(`${' '.repeat(1030)}<title>`, undefined)
  is('a\0 <title>', undefined)
  is('Newsgroups: x', 'message/news')
  t.equal(guess(tar()), 'application/x-tar')
  t.equal(guess(Buffer.alloc(512)), undefined)
  t.end()
})

t.test('packed files', (t) => {
  const rules = parseRules('0 string A x/a', () => undefined)
  let broken = 0
  const is = (file: Uint8Array, wanted: object) => t.strictSame(judge(file, rules, () => void broken++), wanted)
  is(gzipSync(`A${PAD}`), { type: 'x/a', encoding: 'x-gzip' })
  is(gzipSync(`A${PAD.repeat(10_000)}`).subarray(0, 4096), { type: 'x/a', encoding: 'x-gzip' })
  is(gzipSync('nothing that is known'), { encoding: 'x-gzip' })
  t.equal(broken, 0)
  is(bytes(`\x1f\x8b${PAD}`), {})
  t.equal(broken, 1)
  t.end()
})

t.test('requests', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'magic-'))
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), bytes(text))
    return join(directory, name)
  }
  const configured = configure([module], `MimeMagicFile ${file('rules', '0 string A x/a\n0 regex x\n')}`)
  const notes: string[] = []
  const server = fakeServer(configured.conf)
  t.equal(readRules(fakeStartup(server, notes)), OK)
  t.match(notes, [/^error mime_magic: AH01524: .* \(.*rules:2\)$/])
  t.equal(readRules({ ...fakeStartup(server, notes), inChild: true }), OK)
  t.equal(notes.length, 1, 'children do not say it again')
  const request = (filename: string, more: Wanted = {}) =>
    fakeRequest(configured, { filename, finfo: { ...fileOf('file'), size: 100, ino: 7 }, ...more })
  const path = file('one', `A${PAD}`)
  const first = request(path)
  t.equal(findType(request(path, { mayBlock: false })), HANDOVER)
  t.equal(findType(first), OK)
  t.equal(first.contentType, 'x/a')
  const again = request(path, { mayBlock: false, finfo: first.finfo })
  t.equal(findType(again), OK, 'what is known needs no look')
  t.equal(findType(request(path, { mayBlock: false, finfo: { ...first.finfo, size: 101 } })), HANDOVER)
  t.equal(findType(request(path, { contentType: 'text/plain' })), DECLINED)
  t.equal(findType(request(path, { finfo: fileOf('none') })), DECLINED)
  const empty = request(path, { finfo: { ...fileOf('file'), ino: 8 } })
  findType(empty)
  t.equal(empty.contentType, 'text/plain')
  const pipe = request(path, { finfo: { ...fileOf('other'), size: 1 } })
  findType(pipe)
  t.equal(pipe.contentType, 'application/octet-stream')
  const gone = request(join(directory, 'gone'))
  t.equal(findType(gone), DECLINED)
  t.match(gone.logged, [{ message: /^\(2\)No such file or directory: AH01512: mod_mime_magic: can't read `.*gone'$/ }])
  const revision = request(`${path}@12`, { files: { [path]: { contentType: 'y/z', contentLanguages: ['de'] } } })
  t.equal(await findType(revision), DECLINED)
  t.match(revision, { contentType: 'y/z', contentLanguages: ['de'] })
  const missing = configure([module], 'MimeMagicFile /no/such/file')
  const said: string[] = []
  t.equal(readRules(fakeStartup(fakeServer(missing.conf), said)), OK)
  t.strictSame(said, ["error mime_magic: (2)No such file or directory: AH01515: mod_mime_magic: can't read magic file /no/such/file"])
})

t.test("Debian's rules", { skip: !existsSync('/etc/apache2/magic') }, (t) => {
  const faults: string[] = []
  const rules = parseRules(readFileSync('/etc/apache2/magic', 'latin1'), (line, fault) => void faults.push(`${line}: ${fault}`))
  t.strictSame(faults, [])
  t.ok(rules.length > 300)
  t.equal(messagesOf(rules, bytes(`\x89PNG\r\n${PAD}`)), 'image/png')
  t.equal(messagesOf(rules, bytes(`%PDF-1.4${PAD}`)), 'application/pdf')
  t.end()
})
