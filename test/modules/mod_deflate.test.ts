// mod_deflate and mod_brotli: what is compressed, how it goes through, what request bodies may come to.
import { randomBytes } from 'node:crypto'
import { brotliDecompressSync, createGzip, gunzipSync, gzip, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { eachPiece, FilterError, type Sink, type Source, type Wait } from '../../core/hook/filter.ts'
import { Coder, Kept, type Coded, type Coding, type Totals } from '../../modules/shared/compress/coder.ts'
import { accepts, alterETag } from '../../modules/shared/compress/negotiation.ts'
import { withoutGzip } from '../../modules/deflate/inflate.ts'
import { filter as brotliFilter, module as brotli } from '../../modules/mod_brotli.ts'
import { filter, module as deflate } from '../../modules/mod_deflate.ts'
import { Headers } from '../../core/server/header_table.ts'
import { configure, fakeRequest, fileOf, holdsOf, refusal, type FakeRequest, type Wanted } from './harness.ts'

const modules = [deflate, brotli]
const request = (conf: string, wanted: Wanted = {}): FakeRequest =>
  fakeRequest(configure(modules, conf), { headers: { 'Accept-Encoding': 'gzip, br' }, ...wanted })

/** What comes out of a filter, in pieces; `slow` makes each of them take time. */
class Collected implements Sink {
  pieces: Uint8Array[] = []
  flushes = 0
  ended = false
  readonly #slow: boolean
  constructor(slow = false) {
    this.#slow = slow
  }

  write(data: Parameters<Sink['write']>[0]): Wait {
    return eachPiece(data, (bytes) => {
      this.pieces.push(bytes)
      return this.#slow ? new Promise((resolve) => void setImmediate(resolve)) : undefined
    })
  }

  flush(): Wait {
    this.flushes++
    return undefined
  }

  end(): Wait {
    this.ended = true
    return undefined
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

const coding: Coding = { now: (bytes) => gzipSync(bytes), soon: (bytes, done) => gzip(bytes, done), stream: () => createGzip() as Coded }

t.test('Accept-Encoding', (t) => {
  const yes = (header: string, name = 'gzip') => t.ok(accepts(header, name), header)
  const no = (header: string | undefined, name = 'gzip') => t.notOk(accepts(header, name), header ?? 'none')
  for (const header of ['gzip', ' GZip ', 'br, gzip', 'x;q=0,gzip', 'gzip;q=0.001', 'gzip;q=1', 'gzip;', 'gzip;q', 'gzip;q=']) yes(header)
  for (const header of [undefined, '', 'x-gzip', 'gzipped', '*', 'gzip;q=0', 'gzip; q=0.0', 'gzip;q=0.000', 'gzip;q=0,gzip', ',gzip', 'br,,gzip']) no(header)
  t.end()
})

t.test('a header of any length is looked at once', (t) => {
  t.notOk(accepts('a;'.repeat(500_000), 'gzip'))
  t.notOk(accepts('a,'.repeat(500_000), 'gzip'))
  t.end()
})

t.test('ETags', (t) => {
  const after = (etag: string, alter: 'AddSuffix' | 'NoChange' | 'Remove') => {
    const headers = new Headers()
    headers.set('ETag', etag)
    alterETag(headers, 'gzip', alter)
    return headers.get('ETag')
  }
  t.equal(after('"a"', 'AddSuffix'), '"a-gzip"')
  t.equal(after('W/"a"', 'AddSuffix'), 'W/"a-gzip"')
  t.equal(after('""', 'AddSuffix'), '""', 'as Apache')
  t.equal(after('"a"', 'NoChange'), '"a"')
  t.equal(after('"a"', 'Remove'), undefined)
  t.end()
})

t.test('Content-Encoding without its gzip', (t) => {
  const cases: [string | undefined, string | undefined][] = [
    ['gzip', ''], ['X-GZIP', ''], ['br, gzip', 'br'], ['br,gzip, identity ,', 'br'], ['gzip, br', undefined], ['', undefined],
    [undefined, undefined], ['identity', undefined],
  ]
  for (const [value, rest] of cases) t.equal(withoutGzip(value), rest, value ?? 'none')
  t.end()
})

t.test('bodies of any size, in any pieces, come out as they went in', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.nat(40_000), { maxLength: 8 }), fc.boolean(), fc.boolean(), async (sizes, slow, flushes) => {
    const out = new Collected(slow)
    let totals: Totals | undefined
    const sink = new Coder(coding, out, undefined, (told) => void (totals = told))
    const pieces = sizes.map((size) => randomBytes(size))
    for (const piece of pieces) {
      await sink.write(piece)
      if (flushes) await sink.flush()
    }
    await sink.end()
    const whole = Buffer.concat(pieces)
    return out.ended && gunzipSync(out.bytes).equals(whole) && totals!.before === whole.length && totals!.after === out.bytes.length
  }), { numRuns: 40 })
})

t.test('what has been flushed can be read before the end', async (t) => {
  const out = new Collected()
  const sink = new Coder(coding, out, undefined, () => undefined)
  await sink.write(Buffer.from('so far'))
  t.equal(out.bytes.length, 0)
  await sink.flush()
  t.equal(out.flushes, 1)
  t.equal(gunzipSync(out.bytes, { finishFlush: 2 }).toString(), 'so far')
  sink.cancel()
})

t.test('a stream that is given up lets whoever writes to it go on', async () => {
  const sink = new Coder(coding, new Collected(true), undefined, () => undefined)
  const writing = sink.write(randomBytes(2_000_000))
  setImmediate(() => sink.cancel())
  await writing
  await sink.end()
})

t.test('a filter behind a stream that fails is a failure of whoever writes', async (t) => {
  const next: Sink = { write() { throw new FilterError('too long') }, flush: () => undefined, end: () => undefined }
  const sink = new Coder(coding, next, undefined, () => undefined)
  await t.rejects(async () => {
    await sink.write(randomBytes(2_000_000))
    await sink.end()
  }, /too long/)
})

t.test('bodies of the same bytes in memory are compressed twice, then kept', async (t) => {
  let times = 0
  const counted: Coding = { ...coding, now: (bytes) => (times++, coding.now(bytes)), soon: (bytes, done) => (times++, coding.soon(bytes, done)) }
  for (const size of [1000, 10_000]) {
    times = 0
    const kept = new Kept()
    const bytes = randomBytes(size)
    for (let i = 0; i < 4; i++) {
      const out = new Collected()
      const sink = new Coder(counted, out, kept, () => undefined)
      await sink.write(bytes)
      await sink.end()
      t.ok(gunzipSync(out.bytes).equals(bytes))
    }
    t.equal(times, 2)
  }
})

async function answered(r: FakeRequest, which = filter, body: Uint8Array = Buffer.alloc(1000, 'x')): Promise<Buffer> {
  const out = new Collected()
  const sink = which.begin(r, out) ?? out
  await sink.write(body)
  await sink.end()
  return out.bytes
}

t.test('a response is compressed, and its head says so', async (t) => {
  const r = request('DeflateFilterNote ratio\nDeflateFilterNote Input in\nDeflateFilterNote output out')
  r.contentEncoding = 'identity'
  r.headersOut.set('ETag', '"a"')
  r.headersOut.set('Vary', 'Cookie, accept-encoding')
  r.headersOut.set('Content-Length', '1000')
  t.equal(gunzipSync(await answered(r)).length, 1000)
  t.strictSame([...r.headersOut], [['ETag', '"a-gzip"'], ['Vary', 'Cookie, accept-encoding'], ['Content-Encoding', 'gzip']])
  t.equal(r.contentEncoding, undefined)
  t.equal(r.notes.get('in'), '1000')
  t.equal(r.notes.get('ratio'), String(Math.trunc(Number(r.notes.get('out')) / 10)))
  const b = request('')
  t.equal(brotliDecompressSync(await answered(b, brotliFilter)).length, 1000)
  t.equal(b.headersOut.get('Content-Encoding'), 'br')
})

t.test('what is not compressed', async (t) => {
  const plain = async (wanted: Wanted, change: (r: FakeRequest) => void, vary: boolean, size = 1000) => {
    const r = request('', wanted)
    change(r)
    t.equal((await answered(r, filter, Buffer.alloc(size, 'x'))).toString(), 'x'.repeat(size))
    t.equal(r.headersOut.get('Vary'), vary ? 'Accept-Encoding' : undefined)
  }
  await plain({ headers: {} }, () => undefined, true)
  await plain({}, (r) => r.env.set('no-gzip', '1'), false)
  await plain({ contentType: 'text/css' }, (r) => r.env.set('gzip-only-text/html', '1'), false)
  await plain({ contentEncoding: 'br' }, () => undefined, false)
  await plain({}, (r) => r.headersOut.set('Content-Range', 'bytes 0-1/2'), false)
  await plain({ status: 204 }, () => undefined, false)
  await plain({}, () => undefined, false, 68)
  const forced = request('', { headers: {} })
  forced.env.set('force-gzip', '1')
  t.equal(gunzipSync(await answered(forced)).length, 1000)
  const window = request('DeflateWindowSize 8')
  t.equal((await answered(window)).length, 1000)
  t.match(window.logged, [{ message: /^AH01383: unable to init Zlib/ }])
})

t.test("event's listener compresses only what is small", (t) => {
  const quick = filter.quick as (r: FakeRequest) => boolean
  t.ok(quick(request('', { finfo: { ...fileOf('file'), size: 16_384 } })))
  t.notOk(quick(request('', { finfo: { ...fileOf('file'), size: 16_385 } })))
  t.notOk(quick(request('', { finfo: { ...fileOf('file'), size: 1 }, handler: 'some' })))
  t.ok(quick(request('', { finfo: { ...fileOf('file'), size: 16_385 }, headers: {} })), 'it goes on as it is')
  t.end()
})

t.test('a virtual host that says something inherits nothing of the rest', (t) => {
  const { conf } = configure(modules, 'DeflateMemLevel 5\nDeflateAlterETag Remove')
  const inner = configure(modules, 'DeflateCompressionLevel 9', true)
  const merged = conf.vector.mergedWith(inner.conf.vector, deflate.settings)
  t.match(holdsOf({ ...inner, conf: Object.assign(inner.conf, { vector: merged }) }, deflate.settings[0]!),
    { conf: { level: 9, memLevel: 9, alterETag: 'AddSuffix' } })
  t.end()
})

const sourceOf = (bytes: Uint8Array, size: number): Source => {
  let at = 0
  return { read: () => Promise.resolve(at >= bytes.length ? null : bytes.subarray(at, at += size)) }
}

async function inflatedBy(conf: string, bytes: Uint8Array, size = 1000): Promise<{ body: Buffer; error: { status?: number; message?: string } | undefined }> {
  const r = request(conf, { headers: { 'Content-Encoding': 'gzip' } })
  const source = deflate.inputFilters[0]!.begin(r, sourceOf(bytes, size))!
  const pieces: Uint8Array[] = []
  try {
    for (let piece = await source.read(); piece !== null; piece = await source.read()) pieces.push(piece)
    return { body: Buffer.concat(pieces), error: undefined }
  } catch (error) {
    return { body: Buffer.concat(pieces), error: error as Error }
  }
}

t.test('request bodies are inflated', async (t) => {
  const body = randomBytes(300_000)
  for (const size of [1, 7, 100_000]) {
    const few = size === 1 ? body.subarray(0, 500) : body
    t.ok((await inflatedBy('', gzipSync(few), size)).body.equals(few))
  }
  t.equal(deflate.inputFilters[0]!.begin(request(''), sourceOf(body, 1)), undefined, 'not without Content-Encoding')
  const r = request('', { headers: { 'Content-Encoding': 'br, gzip' } })
  r.editHeadersIn().set('Content-Encoding', 'br, gzip')
  r.editHeadersIn().set('Content-Length', '5')
  deflate.inputFilters[0]!.begin(r, sourceOf(body, 1))
  t.strictSame([...r.editHeadersIn()], [['Content-Encoding', 'br']], 'what is left to be undone')
})

t.test('request bodies that are bad, or too much', async (t) => {
  const bomb = gzipSync(Buffer.alloc(20_000_000))
  t.match((await inflatedBy('', bomb, 60_000)).error, { status: 400, message: /^AH02649: Inflated content ratio/ })
  const limited = await inflatedBy('DeflateInflateLimitRequestBody 100000\nDeflateInflateRatioLimit 100000', bomb)
  t.match(limited.error, { status: 413, message: /^AH02648: Inflated content length/ })
  t.ok(limited.body.length <= 100_000)
  t.match((await inflatedBy('', Buffer.from('nothing of the kind'))).error, { status: 400, message: 'AH01387: Zlib: Invalid header' })
  t.match((await inflatedBy('', gzipSync(randomBytes(5000)).subarray(0, 3000))).error, { status: 400, message: /^AH02481/ })
  const wrong = gzipSync('abc')
  wrong[wrong.length - 8]! ^= 1
  t.match((await inflatedBy('', wrong)).error, { status: 400, message: /^AH01394/ })
  const failing = request('', { headers: { 'Content-Encoding': 'gzip' } })
  const source = deflate.inputFilters[0]!.begin(failing, { read: () => Promise.reject(new Error('client gone')) })!
  await t.rejects(source.read(), { message: 'client gone' })
})

t.test('INFLATE undoes what a response came with', async (t) => {
  const inflate = deflate.outputFilters[1]!
  const r = request('')
  r.headersOut.set('Content-Encoding', 'gzip')
  r.headersOut.set('ETag', '"a"')
  t.equal((await answered(r, inflate, gzipSync('hello'))).toString(), 'hello')
  t.strictSame([...r.headersOut], [['ETag', '"a-gunzip"']])
  t.equal((await answered(request(''), inflate, Buffer.from('plain'))).toString(), 'plain')
  const bad = request('', { contentEncoding: 'gzip' })
  await t.rejects(answered(bad, inflate, Buffer.from('not gzip')))
})

t.test('refusals', (t) => {
  const is = (conf: string, message: string) => t.match(refusal(modules, conf), message, conf)
  is('DeflateWindowSize 0', 'DeflateWindowSize must be between 1 and 15')
  is('DeflateMemLevel 10', 'DeflateMemLevel must be between 1 and 9')
  is('DeflateCompressionLevel 0', 'Compression Level must be between 1 and 9')
  is('DeflateBufferSize 0', 'DeflateBufferSize should be positive')
  is('DeflateFilterNote a b', 'Unknown note type a')
  is('DeflateFilterNote a b c', 'DeflateFilterNote takes 1-2 arguments, ')
  is('DeflateAlterETag no', "DeflateAlterETAG accepts only 'NoChange', 'AddSuffix', and 'Remove'")
  is('DeflateInflateLimitRequestBody 1x', 'DeflateInflateLimitRequestBody requires a non-negative integer.')
  is('DeflateInflateLimitRequestBody 99999999999999999999', 'DeflateInflateLimitRequestBody is not parsable.')
  is('DeflateInflateRatioLimit 0', 'DeflateInflateRatioLimit must be positive')
  is('DeflateInflateRatioBurst -1', 'DeflateInflateRatioBurst must be positive')
  is('BrotliCompressionQuality 12', 'BrotliCompressionQuality must be between 0 and 11')
  is('BrotliCompressionWindow 9', 'BrotliCompressionWindow must be between 10 and 24')
  is('BrotliCompressionMaxInputBlock 0', 'BrotliCompressionMaxInputBlock must be between 16 and 24')
  is('BrotliAlterETag x', "BrotliAlterETag accepts only 'AddSuffix', 'NoChange' and 'Remove'")
  is('BrotliFilterNote a b', "Unknown BrotliFilterNote type 'a'")
  t.end()
})
