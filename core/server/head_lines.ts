/** The lines of a response's head that the core has to say, besides `Date` and `Server`, and how they join the others. */
import { CONTROLS, type Headers } from './header_table.ts'

/** What the core has to say of one response. */
export interface Own {
  /** Lines about the connection, each with CRLF. */
  readonly connection: string
  readonly chunked: boolean
  /** Undefined: not told. */
  readonly length: number | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly contentLanguages: readonly string[]
}

export const CLOSE = 'Connection: close\r\n'

/** False where they count the requests of a connection: a head with such lines is not worth remembering. */
export const isUsual = (connection: string): boolean => connection === '' || connection === CLOSE

/** @param tables those for all statuses first; no field of `own` is in them, see settled_fields.ts */
export function plainLines(tables: readonly Headers[], own: Own): string {
  let lines = ''
  for (const table of tables) lines += table.text()
  if (own.length !== undefined) lines += `Content-Length: ${own.length}\r\n`
  lines += own.connection
  if (own.chunked) lines += 'Transfer-Encoding: chunked\r\n'
  if (own.contentType !== undefined) lines += `Content-Type: ${own.contentType}\r\n`
  if (own.contentEncoding !== undefined) lines += `Content-Encoding: ${own.contentEncoding}\r\n`
  if (own.contentLanguages.length > 0) lines += `Content-Language: ${own.contentLanguages.join(',')}\r\n`
  return lines
}

/** The value of a field, by its name in lower case; undefined: the core says nothing of it. */
export function valueOf(own: Own, name: string): string | undefined {
  const line = (lineName: string) => new RegExp(`^${lineName}: (.*)\r$`, 'm').exec(own.connection)?.[1]
  switch (name) {
    case 'content-type': return own.contentType
    case 'content-encoding': return own.contentEncoding
    case 'content-language': return own.contentLanguages.length > 0 ? own.contentLanguages.join(',') : undefined
    case 'transfer-encoding': return own.chunked ? 'chunked' : undefined
    case 'content-length': return own.length === undefined ? undefined : String(own.length)
    case 'connection': return line('Connection')
    case 'keep-alive': return line('Keep-Alive')
    default: return undefined
  }
}

/** Most responses have a type that another had: the last that was found to be sound. */
let sound: string | undefined
export const isSoundType = (type: string | undefined): boolean => {
  if (type === sound || type === undefined) return true
  if (CONTROLS.test(type)) return false
  sound = type
  return true
}
