/*
 * mod_reflector: the handler `reflector`, which answers a POST with its own body, through the filters of the request and
 * of the response.
 */
import {
  allowedBy, allowHeader, httpDate, methodNumber, OK, optional, serverCore, Settings, word, type Module, type Request, type Status,
} from 'httpd'

interface Reflected {
  /** Of the request, and of the response. */
  readonly name: string
  readonly as: string
}

/** All that sections say counts, the inner ones first. */
const reflecting = new Settings('directory', { headers: [] as readonly Reflected[] }, {
  headers: (outer, inner) => [...inner, ...outer],
})

/** The last line for a name counts within a place. */
function add(said: { headers?: readonly Reflected[] }, name: string, as: string): void {
  const others = (said.headers ?? []).filter((other) => other.name.toLowerCase() !== name.toLowerCase())
  said.headers = [...others, { name, as }]
}

const METHODS = ['POST', 'OPTIONS'].map(methodNumber)

const allow = (r: Request): string => allowHeader(METHODS, r.server.get(serverCore).traceEnable !== 'off')

async function reflect(r: Request): Promise<Status> {
  if (r.method === 'OPTIONS') {
    r.headersOut.set('Allow', allow(r))
    return OK
  }
  if (r.method !== 'POST') {
    r.errHeadersOut.set('Allow', allow(r))
    return 405
  }
  if (r.main !== undefined) return OK
  describe(r)
  for (let piece = await r.read(); piece !== null; piece = await r.read()) await r.write(piece)
  return OK
}

function describe(r: Request): void {
  for (const { name, as } of r.dir(reflecting).headers) {
    const value = r.headersIn.get(name)
    if (value !== undefined) r.headersOut.set(as, value)
  }
  if (!r.headersOut.has('Last-Modified')) r.headersOut.set('Last-Modified', httpDate(r.requestTime))
  r.headersOut.set('Accept-Ranges', 'bytes')
  const type = r.headersIn.get('Content-Type')
  if (type !== undefined) r.contentType = type
}

export const module = {
  name: 'reflector_module',
  file: 'mod_reflector.c',
  settings: [reflecting],
  directives: [
    reflecting.directive('ReflectorHeader', [word, optional(word)], (said, _, name, as) => add(said, name, as ?? name),
      allowedBy('Options'), 'A request header that goes into the response, and its name there if that is another one'),
  ],
  register({ handler }, on) {
    on(handler, reflect, { handler: 'reflector' })
  },
} satisfies Module
