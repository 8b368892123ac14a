/*
 * mod_deflate: the filter DEFLATE, which compresses responses for clients that accept `gzip` and inflates request
 * bodies that come compressed, and INFLATE, which undoes what a response came with.
 */
import { createGzip, gzip, gzipSync } from 'node:zlib'
import { optional, OR_ALL, RSRC_CONF, word, type Module, type Request } from 'httpd'
import { between } from './shared/compress/directives.ts'
import { compressingFilter, type Compression } from './shared/compress/filter.ts'
import { Kept, type Coded, type Coding } from './shared/compress/coder.ts'
import { inflateFilter, inputFilter } from './deflate/inflate.ts'
import {
  alterETag, bodyLimit, deflate, inflating, limit, note, pieceSize, say, type Conf, type InflatingSaid, type Said,
} from './deflate/settings.ts'

/** Head and end of the gzip format; Apache counts what is in between. */
const ENVELOPE = 18
/** A response of no more than this, complete, would be larger compressed: envelope, and what the head says of it. */
const NOT_WORTH_IT = ENVELOPE + 50
/** The library has no windows below 512 bytes. */
const LEAST_WINDOW = 9

const made = new WeakMap<Conf, Compression>()

export function compressionOf(conf: Conf): Compression {
  let compression = made.get(conf)
  if (compression === undefined) made.set(conf, compression = make(conf))
  return compression
}

function make({ level, window, memLevel, buffer, alterETag, notes }: Conf): Compression {
  const options = { level, memLevel, windowBits: window, chunkSize: pieceSize(buffer) }
  const coding: Coding = {
    now: (bytes) => gzipSync(bytes, { ...options, chunkSize: bytes.length + 1024 }),
    soon: (bytes, done) => gzip(bytes, options, done),
    stream: () => createGzip(options) as Coded,
  }
  return { coding: window < LEAST_WINDOW ? undefined : coding, kept: new Kept(), alterETag, notes }
}

function holding(r: Request): Compression {
  const { conf } = r.server.get(deflate)
  const compression = compressionOf(conf)
  if (compression.coding === undefined) r.log('error', 'deflate', `AH01383: unable to init Zlib: deflateInit2 returned -2: URL ${r.uri}`)
  return compression
}

const isHtml = (r: Request): boolean => r.contentType?.startsWith('text/html') === true

export const filter = compressingFilter({
  name: 'DEFLATE', coding: 'gzip', notAbove: NOT_WORTH_IT, envelope: ENVELOPE,
  isOff: (r) => r.env.has('no-gzip') || (r.env.get('gzip-only-text/html') === '1' && !isHtml(r)),
  isForced: (r) => r.env.has('force-gzip'),
  compressionOf: holding,
  log: (r, { before, after }) => r.log('debug', 'deflate', `AH01384: Zlib: Compressed ${before} to ${after} : URL ${r.uri}`),
})

export const module = {
  name: 'deflate_module',
  file: 'mod_deflate.c',
  settings: [deflate, inflating],
  outputFilters: [filter, inflateFilter],
  inputFilters: [inputFilter],
  directives: [
    deflate.directive('DeflateFilterNote', [word, optional(word)], (said: Said, _, first, second) => note(said, first, second),
      RSRC_CONF, 'Name of a note for the log: of the ratio, or behind Input, Output or Ratio of that'),
    deflate.directive('DeflateWindowSize', [between(1, 15, 'DeflateWindowSize must be between 1 and 15')],
      (said: Said, _, window) => say(said, { window }), RSRC_CONF, 'Size of the window, as a power of two from 1 to 15'),
    deflate.directive('DeflateBufferSize', [between(1, Infinity, 'DeflateBufferSize should be positive')],
      (said: Said, _, buffer) => say(said, { buffer }), RSRC_CONF, 'Bytes of a piece of compressed response'),
    deflate.directive('DeflateMemLevel', [between(1, 9, 'DeflateMemLevel must be between 1 and 9')],
      (said: Said, _, memLevel) => say(said, { memLevel }), RSRC_CONF, 'Memory for compression, from 1 to 9'),
    deflate.directive('DeflateCompressionLevel', [between(1, 9, 'Compression Level must be between 1 and 9')],
      (said: Said, _, level) => say(said, { level }), RSRC_CONF, 'Effort, from 1 (fast) to 9 (small)'),
    deflate.directive('DeflateAlterETag', [alterETag], (said: Said, _, value) => say(said, { alterETag: value }), RSRC_CONF,
      'What becomes of the ETag of a compressed response: AddSuffix, NoChange or Remove'),
    inflating.directive('DeflateInflateLimitRequestBody', [bodyLimit],
      (said: InflatingSaid, _, body) => limit(said, { body }), OR_ALL, 'Most bytes of a request body that was compressed'),
    inflating.directive('DeflateInflateRatioLimit', [between(1, Infinity, 'DeflateInflateRatioLimit must be positive')],
      (said: InflatingSaid, _, ratio) => limit(said, { ratio }), OR_ALL,
      'Bytes that one byte of a compressed request body may come to'),
    inflating.directive('DeflateInflateRatioBurst', [between(1, Infinity, 'DeflateInflateRatioBurst must be positive')],
      (said: InflatingSaid, _, burst) => limit(said, { burst }), OR_ALL, 'How often in a row the ratio may be above that'),
  ],
} satisfies Module
