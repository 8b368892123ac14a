/*
 * mod_zstd: the filter ZSTD_COMPRESS for clients that accept `zstd` (RFC 8878, RFC 9659). node:zlib has the coding from
 * Node.js 22.15 and 23.8 on: configure builds the module where it is there, and it refuses to be loaded elsewhere.
 */
import { ConfigError, optional, RSRC_CONF, Settings, word, type Arg, type Module } from 'httpd'
import { alterETagArg, between, withNote } from './shared/compress/directives.ts'
import { compressingFilter, type Compression, type Notes } from './shared/compress/filter.ts'
import { Kept, type Coded, type Coding } from './shared/compress/coder.ts'
import type { AlterETag } from './shared/compress/negotiation.ts'

interface Options {
  readonly params: Readonly<Record<number, number>>
  readonly pledgedSrcSize?: number
}

/** What of node:zlib is used; types of Node.js 20 do not know it. */
export interface ZstdLibrary {
  readonly constants: { readonly ZSTD_c_compressionLevel: number; readonly ZSTD_c_windowLog: number }
  zstdCompressSync(bytes: Uint8Array, options: Options): Uint8Array
  zstdCompress(bytes: Uint8Array, options: Options, done: (error: Error | null, coded: Uint8Array) => void): void
  createZstdCompress(options: Options): Coded
}

interface Conf {
  readonly level: number
  /** Binary logarithm of bytes; 0: the library decides. */
  readonly window: number
  readonly alterETag: AlterETag
  readonly notes: Notes
}

const DEFAULTS: Conf = { level: 3, window: 0, alterETag: 'AddSuffix', notes: {} }

/** One value, as those of mod_brotli: a virtual host that says any of it inherits nothing of the rest. */
const zstd = new Settings('server', { conf: DEFAULTS })
type Said = Partial<typeof zstd.defaults>

const say = (said: { conf?: Conf }, more: Partial<Conf>): void => void (said.conf = { ...(said.conf ?? DEFAULTS), ...more })

const limited = (name: string, least: number, most: number): Arg<number> =>
  between(least, most, `${name} must be between ${least} and ${most}`)

const alterETag = alterETagArg("ZstdAlterETag accepts only 'AddSuffix', 'NoChange' and 'Remove'")

function note(said: { conf?: Conf }, first: string, second: string | undefined): void {
  const { notes } = said.conf ?? DEFAULTS
  say(said, { notes: withNote(notes, first, second, (kind) => `Unknown ZstdFilterNote type '${kind}'`) })
}

/** Undefined where this Node.js has none. */
function libraryHere(): ZstdLibrary | undefined {
  const zlib = process.getBuiltinModule('node:zlib')
  return 'createZstdCompress' in zlib ? zlib as unknown as ZstdLibrary : undefined
}

/** @param library asked for the first response that is compressed */
export function codingOf({ level, window }: Pick<Conf, 'level' | 'window'>, library: ZstdLibrary): Coding {
  const { ZSTD_c_compressionLevel, ZSTD_c_windowLog } = library.constants
  const params = { [ZSTD_c_compressionLevel]: level, ...(window > 0 && { [ZSTD_c_windowLog]: window }) }
  const sized = (bytes: Uint8Array): Options => ({ params, pledgedSrcSize: bytes.length })
  return {
    now: (bytes) => library.zstdCompressSync(bytes, sized(bytes)),
    soon: (bytes, done) => library.zstdCompress(bytes, sized(bytes), done),
    stream: () => library.createZstdCompress({ params }),
  }
}

/** @param libraryOf injected by tests: Node.js 20 has none */
export function moduleWith(libraryOf: () => ZstdLibrary | undefined): Module {
  const made = new WeakMap<Conf, Compression>()
  const compressionOf = (conf: Conf): Compression => {
    let compression = made.get(conf)
    if (compression === undefined) {
      const { alterETag, notes } = conf
      made.set(conf, compression = { coding: codingOf(conf, libraryOf()!), kept: new Kept(), alterETag, notes })
    }
    return compression
  }
  return {
    name: 'zstd_module',
    file: 'mod_zstd.c',
    settings: [zstd],
    outputFilters: [compressingFilter({
      name: 'ZSTD_COMPRESS', coding: 'zstd', notAbove: -1, envelope: 0,
      isOff: (r) => r.env.has('no-zstd'),
      isForced: () => false,
      compressionOf: (r) => compressionOf(r.server.get(zstd).conf),
      log: () => undefined,
    })],
    directives: [
      zstd.directive('ZstdFilterNote', [word, optional(word)], (said: Said, _, first, second) => note(said, first, second),
        RSRC_CONF, 'Name of a note for the log: of the ratio, or behind Input, Output or Ratio of that'),
      // Above 19 the window would be larger than clients have to take (RFC 9659: 8 MiB).
      zstd.directive('ZstdCompressionLevel', [limited('ZstdCompressionLevel', 1, 19)],
        (said: Said, _, level) => say(said, { level }), RSRC_CONF, 'Effort, from 1 (fast) to 19 (small)'),
      zstd.directive('ZstdCompressionWindow', [limited('ZstdCompressionWindow', 10, 23)],
        (said: Said, _, window) => say(said, { window }), RSRC_CONF, 'Size of the window, as a power of two from 10 to 23'),
      zstd.directive('ZstdAlterETag', [alterETag], (said: Said, _, value) => say(said, { alterETag: value }), RSRC_CONF,
        'What becomes of the ETag of a compressed response: AddSuffix, NoChange or Remove'),
    ],
    register() {
      if (libraryOf() !== undefined) return
      throw new ConfigError(`Cannot use mod_zstd: node:zlib of Node.js ${process.versions.node} has no zstd, it must be 22.15, 23.8 or later`)
    },
  }
}

export const module: Module = moduleWith(libraryHere)
