// mod_zstd on a library that stands in for node:zlib's: Node.js 20, which runs the tests, has no zstd.
import { brotliCompress, brotliCompressSync, brotliDecompressSync, createBrotliCompress } from 'node:zlib'
import t from 'tap'
import { zstd as probe } from '../../generator/probes.ts'
import { eachPiece, type Sink } from '../../core/hook/filter.ts'
import type { Coded } from '../../modules/shared/compress/coder.ts'
import { codingOf, module as here, moduleWith, type ZstdLibrary } from '../../modules/mod_zstd.ts'
import { configure, fakeRequest, refusal, type FakeRequest } from './harness.ts'

/** Codes as brotli does, and remembers what it was told. */
function library() {
  const told: unknown[] = []
  const stand: ZstdLibrary = {
    constants: { ZSTD_c_compressionLevel: 100, ZSTD_c_windowLog: 101 },
    zstdCompressSync: (bytes, options) => (told.push(options), brotliCompressSync(bytes)),
    zstdCompress: (bytes, options, done) => (told.push(options), brotliCompress(bytes, done)),
    createZstdCompress: (options) => (told.push(options), createBrotliCompress() as Coded),
  }
  return { told, stand }
}

async function answered(conf: string, size: number, accept = 'gzip, zstd, br'): Promise<{ r: FakeRequest; body: Buffer; told: unknown[] }> {
  const { told, stand } = library()
  const zstd = moduleWith(() => stand)
  const r = fakeRequest(configure([zstd], conf), { headers: { 'Accept-Encoding': accept } })
  r.headersOut.set('ETag', '"a"')
  const pieces: Uint8Array[] = []
  const out: Sink = { write: (data) => eachPiece(data, (bytes) => void pieces.push(bytes)), flush: () => undefined, end: () => undefined }
  const sink = zstd.outputFilters![0]!.begin(r, out) ?? out
  await sink.write(Buffer.alloc(size, 'x'))
  await sink.end()
  return { r, told, body: Buffer.concat(pieces) }
}

t.test('a response is compressed at once, in one go or in a stream, and its head says so', async (t) => {
  for (const size of [1000, 10_000, 100_000]) {
    const { r, body, told } = await answered('ZstdCompressionLevel 7\nZstdCompressionWindow 20\nZstdFilterNote Input in', size)
    t.equal(brotliDecompressSync(body).length, size)
    t.strictSame([...r.headersOut], [['ETag', '"a-zstd"'], ['Vary', 'Accept-Encoding'], ['Content-Encoding', 'zstd']])
    t.strictSame(told, [{ params: { 100: 7, 101: 20 }, ...(size < 100_000 && { pledgedSrcSize: size }) }])
    t.equal(r.notes.get('in'), String(size))
  }
})

t.test('what the client does not accept, and what is switched off, stays as it is', async (t) => {
  const { r, body, told } = await answered('ZstdAlterETag NoChange', 1000, 'gzip, zstd;q=0')
  t.equal(body.length, 1000)
  t.equal(r.headersOut.get('Content-Encoding'), undefined)
  t.strictSame(told, [])
})

t.test('the library decides on the window unless it is said', (t) => {
  const { told, stand } = library()
  codingOf({ level: 3, window: 0 }, stand).now(Buffer.from('a'))
  t.strictSame(told, [{ params: { 100: 3 }, pledgedSrcSize: 1 }])
  t.end()
})

t.test('refusals', (t) => {
  const is = (line: string, message: string) => t.equal(refusal([moduleWith(() => library().stand)], line), message)
  is('ZstdCompressionLevel 20', 'ZstdCompressionLevel must be between 1 and 19')
  is('ZstdCompressionWindow 24', 'ZstdCompressionWindow must be between 10 and 23')
  is('ZstdAlterETag Never', "ZstdAlterETag accepts only 'AddSuffix', 'NoChange' and 'Remove'")
  is('ZstdFilterNote a b', "Unknown ZstdFilterNote type 'a'")
  t.match(refusal([moduleWith(() => undefined)], ''), /^Cannot use mod_zstd: node:zlib of Node\.js \S+ has no zstd, it must be 22\.15, 23\.8 or later$/)
  t.end()
})

t.test('the probe, and the module where it really is', (t) => {
  t.throws(() => probe({}), /has no zstd; 22\.15 and 23\.8 are the first that have$/)
  t.match(probe({ createZstdCompress: 1 }), 'createZstdCompress')
  const zlib = process.getBuiltinModule('node:zlib') as object as ZstdLibrary & { zstdDecompressSync(bytes: Uint8Array): Buffer }
  if (!('createZstdCompress' in zlib)) return void t.match(refusal([here], ''), 'Cannot use mod_zstd', 'this Node.js has none'), t.end()
  const coded = codingOf({ level: 3, window: 20 }, zlib).now(Buffer.alloc(10_000, 'x'))
  return t.equal(zlib.zstdDecompressSync(coded).length, 10_000)
})
