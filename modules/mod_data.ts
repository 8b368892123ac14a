/*
 * mod_data: the filter DATA, which makes a response body into a `data:` URL (RFC 2397), as text.
 */
import {
  FilterType, transform, type Module, type OutputFilter, type Request, type Sink,
} from 'httpd'

/** Base64 stands for three bytes at a time. */
const GROUP = 3

class Encoder {
  #held: Uint8Array = new Uint8Array(0)
  #header: string | undefined

  constructor(header: string) {
    this.#header = header
  }

  take(bytes: Uint8Array): Uint8Array {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    const end = all.length - all.length % GROUP
    this.#held = Uint8Array.prototype.slice.call(all, end)
    return this.#text(all.subarray(0, end))
  }

  rest(): Uint8Array {
    return this.#text(this.#held)
  }

  #text(bytes: Uint8Array): Uint8Array {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
    const header = this.#header ?? ''
    this.#header = undefined
    return Buffer.from(header + text, 'latin1')
  }
}

/** Up to the first blank, and what stands between that and the second one. */
function headerOf({ contentType = '' }: Request): string {
  const [type, charset = ''] = contentType.split(' ')
  return `data:${type}${charset};base64,`
}

function begin(r: Request, next: Sink): Sink | undefined {
  // Not what a redirect within the server, or a part of another response, has made.
  if (r.main !== undefined || r.prev !== undefined) return undefined
  const header = headerOf(r)
  const length = r.headersOut.get('Content-Length')
  if (length !== undefined) r.headersOut.set('Content-Length', String(header.length + 4 * Math.ceil(Number(length) / GROUP)))
  r.contentType = 'text/plain'
  const encoder = new Encoder(header)
  return transform(next, (bytes) => encoder.take(bytes), () => encoder.rest())
}

export const filter: OutputFilter = {
  name: 'DATA', type: FilterType.resource, quick: true, keepsLength: true, begin,
}

export const module = {
  name: 'data_module',
  file: 'mod_data.c',
  outputFilters: [filter],
} satisfies Module
