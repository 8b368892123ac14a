/* How a session is written: as a form, `name=value&name=value` (application/x-www-form-urlencoded). Pure. */
import { tableUnset, unescapeUrl, type Session } from 'httpd'

const EXPIRY = 'expiry'

const escape = (text: string): string => text.replace(/[^A-Za-z0-9.*_ -]/g, hex).replaceAll(' ', '+')
const hex = (char: string): string => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`

/** Undefined for what cannot be decoded. */
function unescape(text: string): string | undefined {
  const plain = unescapeUrl(text.replaceAll('+', ' '))
  return plain?.includes('\0') === true ? undefined : plain
}

export function written({ entries, expiry }: Session): string {
  const pairs = [...entries].map(([name, value]) => `${escape(name)}=${escape(value)}`)
  if (expiry !== 0) pairs.push(`${EXPIRY}=${expiry}`)
  return pairs.join('&')
}

/** Adds what a text says: a name without a value goes, what cannot be decoded is left out. */
export function add(session: Session, text: string): void {
  for (const pair of text.split('&')) {
    const [, name, value] = /^=*([^=]+)=?([^]*)$/.exec(pair) ?? []
    if (name === undefined) continue
    const key = unescape(name)
    const said = unescape(value!)
    if (value === '') tableUnset(session.entries, name)
    else if (key !== undefined && said !== undefined) set(session, key, said)
  }
}

function set(session: Session, name: string, value: string): void {
  if (name === EXPIRY) session.expiry = microseconds(value)
  else session.entries.set(spelling(session.entries, name), value)
}

/** A name as it stands there already. */
function spelling(entries: ReadonlyMap<string, string>, name: string): string {
  if (entries.has(name)) return name
  const lower = name.toLowerCase()
  for (const key of entries.keys()) if (key.toLowerCase() === lower) return key
  return name
}

/** As C's atoi, but for what no number is exact for. */
const microseconds = (text: string): number => {
  const number = Number.parseInt(text, 10)
  return Number.isFinite(number) ? Math.min(number, 1e17) : 0
}
