/* What RequestRateLimit and ConnectionLimit say: `10r/s burst=20 delay=5 key=%{HTTP:X-Key} zone=login ipv6prefix=56`. */
import { ConfigError, parseStringExpression, type Command, type Expression } from 'httpd'
import { clientKeys } from './client_key.ts'
import type { Rate } from './rate.ts'

/** What both have in common. */
export interface Rule {
  /** As written, for the log. */
  readonly text: string
  /** Keeps its keys apart from those of other rules: the same in all processes, and as long as the line stays where it is. */
  readonly id: number
  /** Undefined: the address of the client. */
  readonly key: Expression<string> | undefined
  /** Which addresses are one client. */
  readonly client: (address: string) => string
}

export interface RateRule extends Rule, Rate {
  /** Requests that come early and need not wait for their time; Infinity: none has to. */
  readonly delayAfter: number
}

export interface ConnectionRule extends Rule {
  readonly most: number
}

type Options = Readonly<Partial<Record<'burst' | 'delay' | 'key' | 'zone' | 'ipv6prefix', string>>>

const PERIODS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }
const MOST_BURST = 1_000_000
const MOST_CONNECTIONS = 1_000_000
/** An interval below that cannot be told from none. */
const MOST_PER_MS = 1000
const USUAL_PREFIX = 64

const refused = (text: string, why: string): ConfigError => new ConfigError(`Cannot use "${text}": ${why}`)

/** @throws ConfigError */
export function rateRule(words: readonly string[], command: Command): RateRule {
  const [rate = '', ...rest] = words
  const interval = intervalOf(rate)
  const options = optionsOf(rest, ['burst', 'delay', 'key', 'zone', 'ipv6prefix'])
  const burst = options.burst === undefined ? 0 : countIn('burst', options.burst, 0, MOST_BURST)
  const delayAfter = options.delay === undefined ? Infinity : countIn('delay', options.delay, 0, MOST_BURST)
  // Its numbers are counted in intervals: those of another rate mean something else.
  const rule = { interval, burst, delayAfter, ...common(words, options, `rate ${interval}`, command) }
  return options.zone === undefined ? rule : { ...rule, largest: largestOf(rule.id, burst) }
}

const zones = new Map<number, { burst: number }>()

/** Of the rules of a zone, also of those that are read later. */
function largestOf(id: number, burst: number): { readonly burst: number } {
  const zone = zones.get(id)
  if (zone === undefined) zones.set(id, { burst })
  else zone.burst = Math.max(zone.burst, burst)
  return zones.get(id)!
}

/** @throws ConfigError */
export function connectionRule(words: readonly string[], command: Command): ConnectionRule {
  const [count = '', ...rest] = words
  const options = optionsOf(rest, ['key', 'zone', 'ipv6prefix'])
  return { most: countIn('', count, 1, MOST_CONNECTIONS), ...common(words, options, 'connections', command) }
}

/** Ms between two requests. */
function intervalOf(text: string): number {
  const match = /^(\d+)r\/([smh])$/i.exec(text)
  const [count, period] = [Number(match?.[1]), PERIODS[match?.[2]?.toLowerCase() ?? '']]
  if (period === undefined) throw refused(text, 'a rate must be a number of requests in a second, a minute or an hour: 10r/s, 30r/m, 100r/h')
  if (count < 1 || count > MOST_PER_MS * 1000) throw refused(text, `there must be 1 to ${MOST_PER_MS * 1000} requests`)
  return period / count
}

function optionsOf(words: readonly string[], known: readonly (keyof Options)[]): Options {
  const options: Record<string, string> = {}
  for (const word of words) {
    const equals = word.indexOf('=')
    const name = (equals < 0 ? word : word.slice(0, equals)).toLowerCase()
    if (!known.includes(name as keyof Options)) throw refused(word, `what follows must be one of ${known.map((each) => `${each}=`).join(', ')}`)
    if (name in options) throw refused(word, `"${name}" is there twice`)
    // Of all options only this one stands without a value: all that come early wait.
    if (equals < 0 && name !== 'delay') throw refused(word, `"${name}=" must have a value`)
    options[name] = equals < 0 ? '0' : word.slice(equals + 1)
  }
  return options
}

function countIn(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  if (value < least || value > most) throw refused(name === '' ? text : `${name}=${text}`, `it must be a number from ${least} to ${most}`)
  return value
}

function common(words: readonly string[], { key, zone, ipv6prefix }: Options, kind: string, command: Command): Rule {
  if (zone === '' || key === '') throw refused(zone === '' ? 'zone=' : 'key=', 'it must have a value')
  return {
    text: words.join(' '), key: key === undefined ? undefined : keyOf(key, command),
    client: clientKeys(ipv6prefix === undefined ? USUAL_PREFIX : countIn('ipv6prefix', ipv6prefix, 1, 128)),
    id: idOf(`${kind} ${zone === undefined ? `${command.file}:${command.line} ${command.path ?? ''}` : `zone ${zone}`}`),
  }
}

function keyOf(text: string, command: Command): Expression<string> {
  const key = parseStringExpression(text, command, `Cannot use "key=${text}": `)
  if (!key.quick || !key.sync) throw refused(`key=${text}`, 'it must be known without reading files or asking for names')
  return key
}

/** FNV-1a. */
function idOf(text: string): number {
  let id = 0x811c9dc5
  for (let i = 0; i < text.length; i++) id = Math.imul(id ^ text.charCodeAt(i), 0x01000193)
  return id
}
