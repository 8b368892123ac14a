/* What two servers answered, side by side: everything that differs and must not. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { Answer, Answers } from './exchange.ts'
import type { Difference } from './rules.ts'

/** These are never the same on two servers. */
const NOT_COMPARED = new Set(['date', 'server'])
const NONE = '(none)'

/** The differences of what came on one connection, without those that name no answer. */
export function differences(apache: Answers, ours: Answers, probed: boolean): Difference[] {
  const found: Difference[] = []
  const note = (what: string, theirs: string, own: string): void => {
    if (theirs !== own) found.push({ what, apache: theirs, ours: own })
  }
  const course = ({ answers, end }: Answers): string => `${answers.length} answers, ${end}`
  note('connection', course(apache), course(ours))
  const count = Math.min(apache.answers.length, ours.answers.length)
  for (let i = 0; i < count; i++) {
    const [theirs, own] = [apache.answers[i]!, ours.answers[i]!]
    // Of the last one, the probe, only what became of it counts.
    if (probed && count > 1 && i === count - 1 && apache.answers.length === ours.answers.length) note('status', theirs.status, own.status)
    else found.push(...answerDifferences(theirs, own))
  }
  return found
}

function answerDifferences(apache: Answer, ours: Answer): Difference[] {
  const found: Difference[] = []
  const note = (what: string, theirs: string, own: string): void => {
    if (theirs !== own) found.push({ what, apache: theirs, ours: own })
  }
  note('status', apache.status, ours.status)
  const [theirs, own] = [fieldsOf(apache), fieldsOf(ours)]
  for (const name of new Set([...theirs.keys(), ...own.keys()]))
    note(`header ${name}`, theirs.get(name) ?? NONE, own.get(name) ?? NONE)
  const common = (one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): string =>
    [...one.keys()].filter((name) => other.has(name)).join(', ')
  note('order', common(theirs, own), common(own, theirs))
  note('body', readable(apache.body), readable(ours.body))
  return found
}

/** By lower-case name, values of repeated ones one after the other. */
function fieldsOf({ fields }: Answer): Map<string, string> {
  const all = new Map<string, string>()
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    if (NOT_COMPARED.has(key)) continue
    const before = all.get(key)
    const said = `${name}: ${readable(key === 'allow' ? sorted(value) : value)}`
    all.set(key, before === undefined ? said : `${before}; ${said}`)
  }
  return all
}

// Apache takes the methods out of a hash that is another one in each process.
const sorted = (list: string): string => list.split(',').sort().join(',')

const readable = (text: string): string =>
  text.replace(/[^\x20-\x7e\n]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** Takes out what cannot be the same: ports, names of the product, boundaries. */
export function masked({ answers, end }: Answers, port: number): Answers {
  return { end, answers: answers.map((answer) => maskedAnswer(answer, port)) }
}

const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = { gzip: gunzipSync, br: brotliDecompressSync }

/** Two libraries need not come to the same bytes: of a compressed body what it stands for counts. */
function decoded({ fields, body }: Answer): string {
  const coding = fields.find(([name]) => /^content-encoding$/i.test(name))?.[1]
  const decode = DECODERS[coding?.toLowerCase() ?? '']
  if (decode === undefined || body === '') return body
  try {
    return `(${coding!}) ${decode(Buffer.from(body, 'latin1')).toString('latin1')}`
  } catch {
    return body
  }
}

function maskedAnswer(answer: Answer, port: number): Answer {
  const { status, fields } = answer
  const body = decoded(answer)
  const type = fields.find(([name]) => /^content-type$/i.test(name))?.[1]
  const boundary = /boundary="?([^";]+)/.exec(type ?? '')?.[1]
  const mask = (text: string): string => {
    const plain = maskText(text, port)
    return boundary === undefined ? plain : plain.replaceAll(boundary, 'BOUNDARY')
  }
  // Apache's boundaries have 15 or 16 digits, and the length of the whole goes with them.
  const field = (name: string, value: string): string =>
    boundary !== undefined && /^content-length$/i.test(name) ? 'LENGTH'
      : /^expires$/i.test(name) ? sinceDate(value, fields)
      // How long ago it was stored depends on how fast the machine is.
      : /^age$/i.test(name) && /^\d{1,2}$/.test(value) ? 'SECONDS' : mask(value)
  return { status, body: mask(body), fields: fields.map(([name, value]) => [name, field(name, value)] as const) }
}

/** Seconds from Date on, to the next ten; a date in the past as it is. */
function sinceDate(value: string, fields: Answer['fields']): string {
  const date = fields.find(([name]) => /^date$/i.test(name))?.[1]
  const seconds = (Date.parse(value) - Date.parse(date ?? '')) / 1000
  return seconds > 1e8 ? 'YEARS' : seconds > -5 ? `Date + ${Math.round(seconds / 10) * 10} s` : value
}

/** Debian has changed the first line of the pages that the server makes. */
const DEBIAN_DOCTYPE = '"-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd"'

/** Of each server's own making: nonces and what is hashed with them, numbers of clients, when a session ends. */
const maskNonces = (text: string): string =>
  text.replace(/\b((?:next)?nonce="?|nonce )[A-Za-z0-9+/=]{12}[0-9a-f]{40}/g, '$1NONCE').replace(/\b(rspauth|opaque)="[0-9a-f]+"/g, '$1=OWN')
    .replace(/\bexpiry=\d+/g, 'expiry=TIME')
    .replace(/(\w=)[A-Za-z0-9+/]{60,}={0,2}(?=;)/g, '$1SEALED')

export const maskText = (text: string, port: number): string =>
  maskNonces(text).replace(DEBIAN_DOCTYPE, '"-//IETF//DTD HTML 2.0//EN"').replace(new RegExp(`\\b${port}\\b`, 'g'), 'PORT')
    .replace(/\bmax-age=\d{8,}/g, 'max-age=YEARS').replace(/\/\S+\/httpd\.conf:\d+/g, 'CONF:LINE').replace(/\b(Apache|Switchyard)(\/[\d.]+)?( \((Debian|Unix)\))?/g, 'PRODUCT')

/** Lines of logs that only one of the two wrote. The order is that of the threads, not of the requests. */
export function logDifferences(what: 'access' | 'error', apache: readonly string[], ours: readonly string[]): Difference[] {
  const found: Difference[] = []
  const rest = [...ours]
  const missing = apache.filter((line) => {
    const at = rest.indexOf(line)
    if (at < 0) return true
    rest.splice(at, 1)
    return false
  })
  for (let i = 0; i < Math.max(missing.length, rest.length); i++)
    found.push({ what, apache: missing[i] ?? NONE, ours: rest[i] ?? NONE })
  return found
}

export function shown({ what, apache, ours }: Difference): string {
  const indent = (text: string): string => text.split('\n').join('\n              ')
  return `    ${what}\n      apache: ${indent(apache)}\n      ours:   ${indent(ours)}`
}
