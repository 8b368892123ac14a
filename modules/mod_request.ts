/*
 * mod_request: request bodies are set aside (KeptBodySize), so that whoever comes after the first reader reads them, too:
 * the handler after a filter, and what a request leads to. A body above the limit is refused with 413 wherever it goes.
 */
import { ACCESS_CONF, ConfigError, DECLINED, Order, parsed, Settings, type Module, type Request, type Status } from 'httpd'

export const request = new Settings('directory', { keptBodySize: 0 })

const kept = new WeakMap<Request, Buffer>()

/** The body that was set aside for a request, or for the one that has led to it. */
const keptFor = (r: Request): Buffer | undefined => {
  for (let at: Request | undefined = r; at !== undefined; at = at.main ?? at.prev) {
    const body = kept.get(at)
    if (body !== undefined) return body
  }
  return undefined
}

const TOO_LARGE = 413

function refuse(r: Request, number: string, bytes: number): Status {
  r.log('error', 'request',
    `${number}: Requested content-length of ${bytes} is larger than the configured limit of ${r.dir(request).keptBodySize}`)
  return TOO_LARGE
}

/** handler, before all others, when the filters of the request are in their places. */
export async function keep(r: Request): Promise<Status> {
  const before = keptFor(r)
  if (before !== undefined) {
    r.putBody(before)
    return DECLINED
  }
  if (!r.hasBody) return DECLINED
  const limit = r.dir(request).keptBodySize
  const stated = Number(r.headersIn.get('Content-Length') ?? 0)
  if (stated > limit) return refuse(r, 'AH01412', stated)
  const pieces: Uint8Array[] = []
  let length = 0
  for (let piece = await r.read(); piece !== null; piece = await r.read()) {
    length += piece.length
    if (length > limit) return refuse(r, 'AH01413', length)
    pieces.push(piece)
  }
  const body = Buffer.concat(pieces, length)
  kept.set(r, body)
  r.putBody(body)
  return DECLINED
}

const size = parsed((text) => {
  if (!/^\s*\+?\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new ConfigError('KeptBodySize must be a valid size in bytes, or zero.')
  return Number(text)
})

export const module = {
  name: 'request_module',
  file: 'mod_request.c',
  settings: [request],
  directives: [
    request.directive('KeptBodySize', [size], 'keptBodySize', ACCESS_CONF,
      'Maximum size of request bodies kept aside for use by filters'),
  ],
  register({ handler }, on) {
    on(handler, keep, { order: Order.reallyFirst, when: (settings) => settings.dir(request).keptBodySize > 0 })
  },
} satisfies Module
