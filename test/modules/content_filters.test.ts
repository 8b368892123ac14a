// Filters that change bodies: however a body is cut into pieces the result is the same, and what is held is bounded.
import fc from 'fast-check'
import t from 'tap'
import { eachPiece, type Data, type FilePart, type OutputFilter, type Sink, type Source, type Wait } from '../../core/hook/filter.ts'
import { outputFilter as bufferOut, inputFilter as bufferIn, module as bufferModule } from '../../modules/mod_buffer.ts'
import { filter as data } from '../../modules/mod_data.ts'
import { isCharset, loadCharsets, Translation } from '../../modules/charset_lite/translation.ts'
import { module as ext } from '../../modules/mod_ext_filter.ts'
import { parseDefinition } from '../../modules/ext_filter/define.ts'
import { Turns } from '../../modules/ext_filter/turns.ts'
import { filter as rateLimit } from '../../modules/mod_ratelimit.ts'
import { inputFilter as sedIn, module as sedModule, outputFilter as sedOut } from '../../modules/mod_sed.ts'
import { filter as substitute, module as substituteModule } from '../../modules/mod_substitute.ts'
import type { Ending } from '../../core/hook/types.ts'
import { configure, fakeRequest, refusal, type FakeRequest, type Wanted } from './harness.ts'
import { until } from '../support/processes.ts'

const modules = [substituteModule, sedModule, bufferModule, ext]
const request = (conf: string, wanted: Wanted = {}): FakeRequest => fakeRequest(configure(modules, conf), wanted)

/** What comes out of a filter; with `slow` each piece takes time. */
class Collected implements Sink {
  pieces: Data[] = []
  flushes = 0
  ended = false
  readonly #slow: boolean
  constructor(slow = false) {
    this.#slow = slow
  }

  write(piece: Data): Wait {
    this.pieces.push(piece)
    return this.#slow ? new Promise((resolve) => void setImmediate(resolve)) : undefined
  }

  flush(): Wait {
    this.flushes++
    return undefined
  }

  end(): Wait {
    this.ended = true
    return undefined
  }

  get text(): string {
    const all: Uint8Array[] = []
    for (const piece of this.pieces) void eachPiece(piece, (bytes) => void all.push(bytes))
    return Buffer.concat(all).toString('latin1')
  }
}

class FakeFile implements FilePart {
  readonly #bytes: Uint8Array
  read = 0
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  *pieces(): Iterable<Uint8Array> {
    this.read++
    yield this.#bytes
  }

  slice(from: number, length: number): FilePart {
    return new FakeFile(this.#bytes.subarray(from, from + length))
  }
}

async function through(filter: OutputFilter, r: FakeRequest, pieces: readonly Data[], slow = false): Promise<Collected> {
  const out = new Collected(slow)
  const sink = filter.begin(r, out) ?? out
  for (const piece of pieces) await sink.write(piece)
  await sink.end()
  t.ok(out.ended)
  return out
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

function cutAt(text: string, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort((a, b) => a - b)
  return places.slice(1).map((end, i) => bytes(text.slice(places[i], end)))
}

const lines = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '\n', '<', '\xe4') })
const cuts = fc.array(fc.nat(), { maxLength: 6 })

const SCRIPTS = ['s/a/bb/g', '$!{$!N;}', '1!G;h;$!d', 'N;P;D', '/a/,/b/s/^/+/', 'y/ab/ba/', '2q', '$=']

t.test('a body in pieces becomes what it becomes as a whole', async (t) => {
  const confs: [OutputFilter, string][] = [
    [substitute, 'Substitute s/a+/-/\nSubstitute s/-b/$0$0/q\nSubstitute s/B/x/ni'],
    ...SCRIPTS.map((script): [OutputFilter, string] => [sedOut, `OutputSed "${script}"`]),
    [data, ''], [bufferOut, '<Location />\nBufferSize 4\n</Location>'],
  ]
  for (const [filter, conf] of confs) {
    await fc.assert(fc.asyncProperty(lines, cuts, fc.boolean(), async (text, cuts, slow) => {
      const whole = await through(filter, request(conf), text === '' ? [] : [bytes(text)])
      const pieces = await through(filter, request(conf), text === '' ? [] : cutAt(text, cuts), slow)
      return whole.text === pieces.text
    }), { numRuns: 60 })
    t.pass(`${filter.name} ${conf}`)
  }
})

t.test('DATA is base64', (t) => fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
  const r = request('', { contentType: 'image/png; a b' })
  r.headersOut.set('Content-Length', String(body.length))
  const { text } = await through(data, r, body.length === 0 ? [] : [body])
  t.equal(text, `data:image/png;a;base64,${Buffer.from(body).toString('base64')}`)
  t.equal(r.headersOut.get('Content-Length'), String(text.length))
  t.equal(r.contentType, 'text/plain')
})))

t.test('no line is longer than it may be', async (t) => {
  const conf = 'SubstituteMaxLineLength 10\nSubstitute s/a/bb/'
  const fails = async (...pieces: string[]) => {
    const r = request(conf)
    await t.rejects(async () => through(substitute, r, pieces.map(bytes)), /^AH/)
    t.match(r.logged.at(-1)?.message, /^AH01328: Line too long, URI /)
  }
  await fails('12345678901')
  await fails('12345', '678901')
  await fails('1234567890\n')
  await fails('aaaaaa')
  t.equal((await through(substitute, request(conf), [bytes('aa34567\n'), bytes('1234567890')])).text, 'bbbb34567\n1234567890')
})

t.test('a pattern that matches nothing in particular ends', async (t) => {
  t.equal((await through(substitute, request('Substitute s/x*/-/'), [bytes('axb')])).text, '-a--b-')
})

t.test('a script that does not end is given up, and so is one that grows', async (t) => {
  for (const [script, message] of [['s/x/x/', /SY00165/], ['G;h', /out of memory/], ['p', /out of memory/]] as const) {
    const r = request(`OutputSed :a\nOutputSed "${script}"\nOutputSed "b a"`)
    await t.rejects(async () => through(sedOut, r, [bytes('xxxxxxxxxx\n')]), /^AH/)
    t.match(r.logged.map((line) => line.message).join('\n'), message)
    t.match(r.logged.at(-1)?.message, /AH10394/)
  }
})

t.test('what comes behind q is not read', async (t) => {
  const file = new FakeFile(bytes('x\n'))
  const out = await through(sedOut, request('OutputSed q'), [bytes('a\nb\n'), file])
  t.equal(out.text, 'a\n')
  t.equal(file.read, 0)
})

const sourceOf = (...pieces: string[]): Source => ({ read: () => Promise.resolve(pieces.length === 0 ? null : bytes(pieces.shift()!)) })

async function readAll(source: Source): Promise<string[]> {
  const all: string[] = []
  for (let piece = await source.read(); piece !== null; piece = await source.read()) all.push(Buffer.from(piece).toString('latin1'))
  t.equal(await source.read(), null, 'the end stays the end')
  return all
}

t.test('request bodies', async (t) => {
  const r = request('<Location />\nBufferSize 3\nInputSed s/a/b/g\n</Location>')
  t.same(await readAll(bufferIn.begin(r, sourceOf('1', '2', '34', '5'))!), ['1234', '5'])
  t.equal((await readAll(sedIn.begin(r, sourceOf('a', 'a\n', 'x'))!)).join(''), 'bb\nx\n')
  t.equal(sedIn.begin(request(''), sourceOf()), undefined)
})

t.test('a long line in pieces of one byte takes no more than its length', async (t) => {
  const r = request('<Location />\nInputSed s/xy/z/\n</Location>')
  const body = `${'x'.repeat(400_000)}y\nb\n`
  let at = 0
  const source = sedIn.begin(r, { read: () => Promise.resolve(at < body.length ? bytes(body[at++]!) : null) })!
  const out: Uint8Array[] = []
  for (let piece = await source.read(); piece !== null; piece = await source.read()) out.push(piece)
  t.ok(Buffer.concat(out).equals(bytes(`${'x'.repeat(399_999)}z\nb\n`)))
})

t.test('a part of a file stays one', async (t) => {
  const file = new FakeFile(bytes('0123456789'))
  const gathered = await through(bufferOut, request('<Location />\nBufferSize 100\n</Location>'), [bytes('a'), bytes('b'), file, bytes('c')])
  t.equal(gathered.pieces[1], file)
  t.equal(gathered.text, 'ab0123456789c')
  const limited = await through(rateLimit, request('', { env: new Map([['rate-limit', '1000']]) }), [file])
  t.equal(limited.pieces[0], file)
})

t.test('a rate lets portions out, and nothing is read of a file for that', async (t) => {
  const file = new FakeFile(new Uint8Array(1100))
  const out = await through(rateLimit, request('', { env: new Map([['rate-limit', '5']]) }), [file])
  t.same(out.pieces.map(({ length }) => length), [1024, 76])
  t.equal(file.read, 0)
  const burst = await through(rateLimit, request('', { env: new Map([['rate-limit', '5'], ['rate-initial-burst', '1']]) }), [file])
  t.same(burst.pieces.map(({ length }) => length), [1100])
})

t.test('who leaves while a portion waits does not leave a timer behind', async (t) => {
  const out = new Collected()
  const sink = rateLimit.begin(request('', { env: new Map([['rate-limit', '1']]) }), out)!
  const writing = sink.write(new Uint8Array(100_000))
  await new Promise((resolve) => void setImmediate(resolve))
  sink.cancel!()
  await writing
  t.equal(out.pieces.length, 1)
})

t.test('no rate, no filter', (t) => {
  for (const rate of ['0', '-1', 'x', '9999999999']) {
    const r = request('', { env: new Map([['rate-limit', rate]]) })
    t.equal(rateLimit.begin(r, new Collected()), undefined, rate)
    t.match(r.logged[0]?.message, /^AH03488/)
  }
  t.equal(rateLimit.begin(request(''), new Collected()), undefined)
  t.end()
})

t.test('ExtFilterDefine', (t) => {
  const defined = (line: string) => parseDefinition(line)
  t.same(defined('Up mode=Output intype=a/b outtype=c/d ftype=20 EnableEnv=X disableenv=Y PreservesContentLength cmd="/bin/tr \\"a b\\" \'c d\'"'), {
    name: 'up', mode: 'output', words: ['/bin/tr', '"a', 'b"', 'c d'], type: 20, inType: 'a/b', outType: 'c/d', keepsLength: true, enabledBy: 'X', disabledBy: 'Y',
  })
  t.same(defined('x cmd=/bin/cat').words, ['/bin/cat'])
  t.end()
})

const extConf = (words: string, options = 'NoLogStderr'): string =>
  `ExtFilterDefine x cmd="${words}"\n<Location />\nExtFilterOptions ${options}\n</Location>`

/** What the core knows of a request beside what modules see. */
const ofCore = (r: FakeRequest): FakeRequest => Object.assign(r, { served: { settings: {} } })

async function filtered(words: string, options: string, pieces: readonly Data[], slow = false): Promise<[Collected, FakeRequest]> {
  const configured = configure([ext], extConf(words, options))
  const r = ofCore(fakeRequest(configured))
  return [await through(configured.modules.filters.output('X')!, r, pieces, slow), r]
}

t.test('a program as a filter', async (t) => {
  const [out] = await filtered('/bin/cat', 'NoLogStderr', Array.from({ length: 30 }, () => new Uint8Array(50_000)), true)
  t.equal(out.text.length, 1_500_000)
  const [first] = await filtered('/usr/bin/head -c 3', 'NoLogStderr', Array.from({ length: 30 }, () => bytes('abc'.repeat(20_000))))
  t.equal(first.text, 'abc', 'a program need not read all of it')
  const [, complaining] = await filtered("/bin/sh -c 'echo oops >&2; exec cat'", 'LogStderr', [bytes('x')])
  // What it complains of comes by another pipe than its output, which may end before that is read.
  await until('the complaint to be logged', () => complaining.logged.length > 0)
  t.same(complaining.logged.map(({ message }) => message), ['SY00166: x: oops'])
  const [removed, r] = await filtered('/nonexistent/program', 'Onfail=remove', [bytes('x')])
  t.equal(removed.text, 'x')
  await new Promise((resolve) => void setTimeout(resolve, 20))
  t.match(r.logged.map(({ message }) => message), [/^AH01458/, /^AH01467.*removing$/])
  await t.rejects(filtered('/nonexistent/program', 'Onfail=abort', [bytes('x')]), /AH01467/)
})

const ended = (pid: number): boolean => { try { process.kill(pid, 0); return false } catch { return true } }

t.test('a program that nobody waits for ends', async (t) => {
  const configured = configure([ext], extConf("/bin/sh -c 'echo $$; exec sleep 1000'"))
  const out = new Collected()
  const sink = configured.modules.filters.output('x')!.begin(ofCore(fakeRequest(configured)), out)!
  await sink.write(bytes('x'))
  while (out.pieces.length === 0) await new Promise((resolve) => void setTimeout(resolve, 5))
  const pid = Number(out.text)
  t.notOk(ended(pid))
  sink.cancel!()
  while (!ended(pid)) await new Promise((resolve) => void setTimeout(resolve, 5))
  t.pass('it has ended')
})

t.test('a program whose output nobody reads to the end ends with the request', async (t) => {
  const configured = configure([ext], `ExtFilterDefine x mode=input cmd="/bin/sh -c 'echo $$; exec cat'"`)
  const endings: Ending[] = []
  const r = ofCore(fakeRequest(configured, { onEnd: (ending) => void endings.push(ending) }))
  let reads = 0
  const source = configured.modules.filters.input('x')!.begin(r, { read: () => (reads++, Promise.resolve(new Uint8Array(50_000))) })!
  const pid = Number(/^\d+/.exec(Buffer.from((await source.read())!).toString('latin1'))![0])
  for (let before = -1; before !== reads;) {
    before = reads
    await new Promise((resolve) => void setTimeout(resolve, 20))
  }
  t.notOk(ended(pid))
  for (const ending of endings) ending.over(false)
  const before = reads
  for (let i = 0; i < 500 && !ended(pid); i++) await new Promise((resolve) => void setTimeout(resolve, 10))
  t.ok(ended(pid))
  if (!ended(pid)) process.kill(-pid, 'SIGKILL')
  t.equal(reads, before, 'what comes behind the request is not read')
})

t.test('character sets', async (t) => {
  await loadCharsets()
  const over = (from: string, to: string, pieces: readonly Uint8Array[]): Buffer => {
    const translation = new Translation(from, to)
    return Buffer.concat([...pieces.map((piece) => translation.take(piece)), translation.end()])
  }
  const texts: [string, fc.Arbitrary<string>][] = [
    ['ISO-8859-1', fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })],
    ['UTF-16LE', fc.string({ unit: 'binary' })], ['gb18030', fc.string({ unit: 'grapheme-ascii' })],
    ['windows-1251', fc.string({ unit: fc.constantFrom('\u0416', '\u044f', 'a', '?') })],
    ['SHIFT_JIS', fc.string({ unit: fc.constantFrom('\u3042', '\u6f22', 'x', '?', '\uff71') })],
    ['EUC-JP', fc.string({ unit: fc.constantFrom('\u3042', '\u6f22', 'x', '?') })],
  ]
  for (const [name, text] of texts) {
    fc.assert(fc.property(text, cuts, (text, cuts) => {
      const there = over('UTF-8', name, cutAt(Buffer.from(text).toString('latin1'), cuts))
      const back = over(name, 'utf-8', cutAt(there.toString('latin1'), cuts))
      return back.toString() === text && (name !== 'SHIFT_JIS' || new TextDecoder('shift_jis').decode(there) === text)
    }), { numRuns: 50 })
    t.pass(name)
  }
  t.throws(() => over('UTF-8', 'ISO-8859-1', [Buffer.from('\u20ac')]), /AH02198/)
  t.throws(() => over('UTF-8', 'ISO-8859-1', [bytes('a\xe4b')]), /AH02198/)
  t.throws(() => over('UTF-8', 'UTF-16', [bytes('caf\xc3')]), { message: 'AH02196: xlate filter - incomplete char at end of input - c3' })
  t.throws(() => over('SHIFT_JIS', 'UTF-8', [bytes('\xff\xff')]), /AH02198/)
  for (const name of ['nonsense', 'base64', 'hex', '_internals', 'internal', 'constructor', '']) t.notOk(isCharset(name), name)
  for (const name of ['utf8', 'ISO-8859-15', 'cp1252', 'KOI8-R', 'Big5', 'EUC-KR', 'US-ASCII']) t.ok(isCharset(name), name)
})

t.test('turns', async (t) => {
  const turns = new Turns(1)
  t.equal(turns.take(), undefined)
  const order: number[] = []
  const waiting = [1, 2].map((who) => turns.take()!.then(() => void order.push(who)))
  turns.give()
  turns.give()
  await Promise.all(waiting)
  t.same(order, [1, 2])
  turns.give()
  t.equal(turns.take(), undefined)
})

// Texts that `apache2 -t` says.
const REFUSED: readonly (readonly [line: string, text: string])[] = [
  ['Substitute x/a/b/', 'Bad Substitute format, must be an s/// pattern'],
  ['Substitute s/a', 'Bad Substitute format, must be a complete s/// pattern'],
  ['Substitute s//b/', 'Bad Substitute format, must be a complete s/// pattern'],
  ['Substitute s/a\\/b/c/', 'Bad Substitute flag, only s///[infq] are supported'],
  ['Substitute s/(/b/', 'Substitute could not compile regex'],
  ['SubstituteMaxLineLength 1kb', "SubstituteMaxLineLength must be a non-negative integer optionally suffixed with 'b', 'k', 'm' or 'g'."],
  ['SubstituteMaxLineLength 9999999999999g', 'SubstituteMaxLineLength value too large'],
  ['BufferSize 0', 'BufferSize must be a size in bytes, and greater than zero'],
  ['OutputSed s//x/', 'Failed to compile sed expression. first RE may not be null'],
  ['OutputSed s/a/b', 'Failed to compile sed expression. ending delimiter missing on substitution: s/a/b'],
  ['OutputSed s/a/b/2g', 'Failed to compile sed expression. command garbled: s/a/b/2g'],
  ['OutputSed s/a/b/513', 'Failed to compile sed expression. suffix too large: s/a/b/513'],
  ['OutputSed s/a/\\1/', "Failed to compile sed expression. ``\\digit'' out of range: s/a/\\1/"],
  ['OutputSed s/[a/b/', 'Failed to compile sed expression. [ ] imbalance: s/[a/b/'],
  ['OutputSed s/\\(a/b/', 'Failed to compile sed expression. \\( \\) imbalance: s/\\(a/b/'],
  ['OutputSed s/a\\{2,1\\}/b/', 'Failed to compile sed expression. First number exceeds second in \\{ \\}: s/a\\{2,1\\}/b/'],
  ['OutputSed s/a\\{300\\}/b/', 'Failed to compile sed expression. Range endpoint too large: s/a\\{300\\}/b/'],
  ['OutputSed y/abc/xyz', 'Failed to compile sed expression. ending delimiter missing on string: y/abc/xyz'],
  ['OutputSed }', "Failed to compile sed expression. too many }'s"],
  ['OutputSed {p}', 'Failed to compile sed expression. command garbled: {p}'],
  ['OutputSed 1,2q', 'Failed to compile sed expression. only one address allowed: 1,2q'],
  ['OutputSed 2:x', 'Failed to compile sed expression. no addresses allowed: 2:x'],
  ['OutputSed :averylong', 'Failed to compile sed expression. label too long: :averylong'],
  ['ExtFilterDefine x cmd=/bin/cat foo=1', "Unexpected parameter: `foo=1'"],
  ['ExtFilterDefine x mode=foo cmd=/bin/cat', "Invalid mode: `foo'"],
  ['ExtFilterDefine x preservescontentlengthx', "mangled argument `preservescontentlengthx'"],
  ['ExtFilterDefine x cmd="/bin/cat', 'Expected cmd= delimiter'],
  ['ExtFilterDefine x cmd=""', 'Invalid cmd= parameter'],
  ['ExtFilterDefine x cmd=/a\nExtFilterDefine X cmd=/a', 'ExtFilter X is already defined'],
  ['ExtFilterOptions foo', 'Invalid ExtFilterOptions option: foo'],
  ['OutputSed k', 'Failed to compile sed expression. unrecognized command: k'],
  ['OutputSed w/tmp/x', 'Failed to compile sed expression. Space missing before filename: w/tmp/x'],
]

t.test('what is refused', (t) => {
  for (const [line, text] of REFUSED) t.equal(refusal(modules, line), text, line)
  t.end()
})
