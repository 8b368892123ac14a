/* Filters for tests, loaded as any third-party module is. None promises to be quick but TEST-UPPER. */
import { createGzip } from 'node:zlib'
import {
  eachPiece, FilterType, transform, type InputFilter, type Module, type OutputFilter, type Wait,
} from 'httpd'

const upperCase = (bytes: Uint8Array): Uint8Array => Buffer.from(Buffer.from(bytes).toString('latin1').toUpperCase(), 'latin1')

const upper: OutputFilter = {
  name: 'TEST-UPPER', type: FilterType.resource, keepsLength: true, quick: true,
  begin: (_, next) => transform(next, upperCase),
}

// As a real one does: by a stream that takes its time.
const gzip: OutputFilter = {
  name: 'TEST-GZIP', type: FilterType.contentSet,
  begin(r, next) {
    if (r.status !== 200) return undefined
    r.contentEncoding = 'gzip'
    const stream = createGzip()
    let sent: Promise<void> = Promise.resolve()
    stream.on('data', (bytes: Buffer) => {
      stream.pause()
      sent = sent.then(() => next.write(bytes)).then(() => void stream.resume())
    })
    const ended = new Promise<void>((resolve, reject) => stream.on('end', resolve).on('error', reject))
    const push = (bytes: Uint8Array): Wait =>
      stream.write(bytes) ? undefined : new Promise((resolve) => void stream.once('drain', resolve))
    return {
      write: (data) => eachPiece(data, push),
      flush: () => undefined,
      end: async () => {
        stream.end()
        await ended
        await sent
        await next.end()
      },
      cancel: () => void stream.destroy(),
    }
  },
}

const reading: InputFilter = {
  name: 'TEST-UPPER-IN', type: FilterType.resource,
  begin: (_, source) => ({
    read: async () => {
      const piece = await source.read()
      return piece === null ? null : upperCase(piece)
    },
  }),
}

export const module = {
  name: 'test_filter_module',
  file: 'mod_test_filter.c',
  outputFilters: [upper, gzip],
  inputFilters: [reading],
} satisfies Module
