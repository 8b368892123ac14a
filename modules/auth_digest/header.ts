/* The field Authorization as RFC 7616 section 3.4 writes it, read as Apache does. Pure. */

/** What a client says of itself. All texts without their quotes. */
export interface Said {
  readonly username: string
  readonly realm: string
  readonly nonce: string
  readonly uri: string
  readonly response: string
  readonly algorithm: string | undefined
  readonly qop: string | undefined
  readonly cnonce: string | undefined
  readonly nc: string | undefined
}

export type Header =
  | { readonly kind: 'none' }
  /** Another scheme. */
  | { readonly kind: 'other'; readonly scheme: string }
  /** Something is missing. `opaque`: what it has of that. */
  | { readonly kind: 'invalid'; readonly opaque: string | undefined }
  | { readonly kind: 'digest'; readonly opaque: string | undefined; readonly said: Said }

/** Letters of a nonce: 8 bytes of time in base64, 40 hexadecimal digits. */
export const NONCE_LENGTH = 52
/** Hexadecimal digits of an MD5. */
const RESPONSE_LENGTH = 32

/** A name, and what follows its equals sign: a quoted string (the quote at its end may be missing) or a token. */
const PARAMETER = /[\s,]*([^=,\s]*)\s*(?:=\s*(?:"((?:\\[^]|[^"\\])*)(?:\\?$|")|([^,\s]*)))?[^,]*/y

/** The parameters by name in lower case; the last of a name counts. */
function parametersOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  PARAMETER.lastIndex = 0
  while (PARAMETER.lastIndex < text.length) {
    const [all, name, quoted, token] = PARAMETER.exec(text)!
    if (all === '') break
    found.set(name!.toLowerCase(), quoted?.replace(/\\([^])/g, '$1') ?? token ?? '')
  }
  return found
}

export function readHeader(text: string | undefined): Header {
  if (text === undefined) return { kind: 'none' }
  const [, scheme, rest] = /^(\S*)\s*([^]*)$/.exec(text)!
  if (scheme!.toLowerCase() !== 'digest') return { kind: 'other', scheme: scheme! }
  const found = parametersOf(rest!)
  const opaque = found.get('opaque')
  const said = saidOf(found)
  return said === undefined ? { kind: 'invalid', opaque } : { kind: 'digest', opaque, said }
}

function saidOf(found: ReadonlyMap<string, string>): Said | undefined {
  const [username, realm, nonce, uri, response] = ['username', 'realm', 'nonce', 'uri', 'response'].map((name) => found.get(name))
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined || response === undefined)
    return undefined
  if (nonce.length !== NONCE_LENGTH || response.length !== RESPONSE_LENGTH) return undefined
  const [qop, cnonce, nc] = [found.get('qop'), found.get('cnonce'), found.get('nc')]
  if (qop !== undefined && (cnonce === undefined || nc === undefined)) return undefined
  return { username, realm, nonce, uri, response, qop, cnonce, nc, algorithm: found.get('algorithm') }
}

/** @returns the count, or undefined for what is no number */
export function nonceCount(nc: string): number | undefined {
  if (!/^\s*(?:0x)?[0-9a-f]*(?:\s|$)/i.test(nc)) return undefined
  return Number.parseInt(nc, 16) || 0
}

/** Apache's reading of an opaque value: 0 for what is none of ours. */
export const clientNumber = (opaque: string | undefined): number =>
  opaque !== undefined && /^[0-9a-f]{1,12}$/i.test(opaque) ? Number.parseInt(opaque, 16) : 0
