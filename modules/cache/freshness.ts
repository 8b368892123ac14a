/** How old a stored response is, and whether that is too old (RFC 9111 section 4.2). Pure. Times in ms, ages in seconds. */
import type { CachedHead, Field } from 'httpd'
import type { CacheControl } from './control.ts'

const YEAR = 365 * 86_400
/** From this age on a client is told that the end was only guessed. */
const HEURISTIC = 86_400

export const fieldOf = (fields: readonly Field[], name: string): string | undefined => {
  const lower = name.toLowerCase()
  const values = fields.filter(([each]) => each.toLowerCase() === lower).map(([, value]) => value)
  return values.length === 0 ? undefined : values.join(', ')
}

const seconds = (ms: number): number => Math.trunc(ms / 1000)

/** RFC 9111 section 4.2.3. */
export function currentAge({ date, requestTime, responseTime, fields }: CachedHead, now: number): number {
  const told = fieldOf(fields, 'Age')
  const received = Math.max(0, seconds(responseTime - date), told !== undefined && /^\d+$/.test(told) ? Number(told) : 0)
  return Math.max(0, received + seconds(responseTime - requestTime) + seconds(now - responseTime))
}

export interface Verdict {
  readonly fresh: boolean
  readonly age: number
  /** What `Warning` is to say, by its code. */
  readonly warnings: readonly string[]
}

export const STALE_WARNING = '110 Response is stale'

interface Asked {
  readonly head: CachedHead
  /** Of the stored response. */
  readonly stored: CacheControl
  /** Of the request, with nothing in it if that is not to count. */
  readonly wanted: CacheControl
  readonly now: number
}

export function judge({ head, stored, wanted, now }: Asked): Verdict {
  const age = currentAge(head, now)
  const { sMaxage } = stored
  // To a shared cache s-maxage says it in the place of max-age (RFC 9111 section 5.2.2.10).
  const limits = [sMaxage ?? stored.maxAge, wanted.maxAge].filter((each) => each !== undefined)
  const maxAge = limits.length === 0 ? undefined : Math.min(...limits)
  const untilExpires = seconds(head.expires - head.date)
  const slack = slackOf(stored, wanted)
  const fresh = (sMaxage !== undefined && age < sMaxage - (wanted.minFresh ?? 0)) ||
    (maxAge !== undefined && age < maxAge + slack) ||
    (sMaxage === undefined && maxAge === undefined && age < untilExpires + slack)
  const within = (sMaxage !== undefined && age < sMaxage) || (maxAge !== undefined && age < maxAge) || untilExpires > age
  const guessed = stored.maxAge === undefined && sMaxage === undefined && fieldOf(head.fields, 'Expires') === undefined
  return {
    fresh, age,
    warnings: [...(within ? [] : [STALE_WARNING]), ...(guessed && age > HEURISTIC ? ['113 Heuristic expiration'] : [])],
  }
}

/** Seconds that a client allows on top, or wants to be left. */
function slackOf({ mustRevalidate, proxyRevalidate, sMaxage }: CacheControl, { maxStale, minFresh }: CacheControl): number {
  const strict = mustRevalidate || proxyRevalidate || sMaxage !== undefined
  return (maxStale === undefined || strict ? 0 : Math.min(maxStale, YEAR)) - (minFresh ?? 0)
}

/** The fields as they leave, with the age, and with warnings that are not there yet. */
export function shownFields(fields: readonly Field[], { age, warnings }: Verdict): Field[] {
  const warned = fieldOf(fields, 'Warning') ?? ''
  const added = warnings.filter((warning) => !warned.includes(warning.slice(0, 3)))
  const shown = fields.filter(([name]) => !/^age$/i.test(name) && (added.length === 0 || !/^warning$/i.test(name)))
  shown.push(['Age', String(age)])
  if (added.length > 0) shown.push(['Warning', [warned, ...added].filter(Boolean).join(', ')])
  return shown
}

export interface Expiring {
  readonly date: number
  readonly control: CacheControl
  /** ms; NaN: not said. */
  readonly expires: number
  readonly lastModified: number
  /** ms. */
  readonly limits: { readonly least: number; readonly most: number; readonly otherwise: number; readonly factor: number }
}

/** When a response is to be asked for again. */
export function expiryOf({ date, control, expires, lastModified, limits }: Expiring): number {
  const between = (ms: number): number => Math.min(Math.max(ms, limits.least), limits.most)
  const age = control.sMaxage ?? control.maxAge
  if (age !== undefined) return date + between(age * 1000)
  if (!Number.isNaN(expires)) return expires
  return date + (lastModified < date ? between((date - lastModified) * limits.factor) : limits.otherwise)
}
