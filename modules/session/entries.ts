/* How a session is written: as a form, `name=value&name=value` (application/x-www-form-urlencoded). Pure. */
import { unescapeUrl, type Session } from 'httpd'

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

/**
 * Adds what a text says: a name without a value goes, what cannot be decoded is left out. Names as they stand there already
 * are found by their lower case: whoever sends a cookie decides how many there are.
 */
export function add(session: Session, text: string): void {
  const { entries } = session
  const spellings = new Map([...entries.keys()].map((name) => [name.toLowerCase(), name]))
  for (const pair of text.split('&')) {
    const [, name, value] = /^=*([^=]+)=?([^]*)$/.exec(pair) ?? []
    if (name === undefined) continue
    if (value === '') {
      const lower = name.toLowerCase()
      const there = spellings.get(lower)
      spellings.delete(lower)
      if (there !== undefined) entries.delete(there)
      continue
    }
    const key = unescape(name)
    const said = unescape(value!)
    if (key !== undefined && said !== undefined) set(session, spellings, key, said)
  }
}

function set(session: Session, spellings: Map<string, string>, name: string, value: string): void {
  if (name === EXPIRY) {
    session.expiry = microseconds(value)
    return
  }
  const lower = name.toLowerCase()
  const key = spellings.get(lower) ?? name
  spellings.set(lower, key)
  session.entries.set(key, value)
}

/** As C's atoi, but for what no number is exact for. */
const microseconds = (text: string): number => {
  const number = Number.parseInt(text, 10)
  return Number.isFinite(number) ? Math.min(number, 1e17) : 0
}
