/* The fields of a form (application/x-www-form-urlencoded) as Apache reads them, and reading one from a request. */
import type { Request } from 'httpd'

/** One character per byte. */
export type Fields = ReadonlyMap<string, string>

const TYPE = 'application/x-www-form-urlencoded'
const NO_FIELDS: Fields = new Map()

/** The first of a name counts. A `%` without two hexadecimal digits stays; a NUL ends a text, as in C. */
export function fieldsIn(text: string): Fields {
  const fields = new Map<string, string>()
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    if (!fields.has(name)) fields.set(name, equals < 0 ? '' : decode(pair.slice(equals + 1)))
  }
  return fields
}

const decode = (text: string): string => text.replaceAll('+', ' ')
  .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).split('\0', 1)[0]!

const TOO_LARGE = 413

/** @returns the fields, none if the body is no form; or the status for one of more than `most` bytes */
export async function readForm(r: Request, most: number): Promise<Fields | number> {
  if (r.headersIn.get('Content-Type')?.toLowerCase().startsWith(TYPE) !== true || !r.hasBody) return NO_FIELDS
  if (Number(r.headersIn.get('Content-Length') ?? 0) > most) return TOO_LARGE
  const pieces: Uint8Array[] = []
  let length = 0
  for (let piece = await r.read(); piece !== null; piece = await r.read()) {
    length += piece.length
    if (length > most) return TOO_LARGE
    pieces.push(piece)
  }
  return fieldsIn(Buffer.concat(pieces, length).toString('latin1'))
}
