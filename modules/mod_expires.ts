/*
 * mod_expires: how long a client may keep a response, as `Expires` and `Cache-Control: max-age`, by its type. A response
 * that says so itself is left alone, and so are errors.
 */
import {
  allowedBy, ConfigError, FilterType, flag, httpDate, numberOf, Order, Settings, word, wordsOf,
  type Command, type Configured, type Module, type OutputFilter, type Request,
} from 'httpd'

/** From when on, and for how many seconds. */
export interface Expiry {
  readonly base: 'access' | 'modification'
  readonly seconds: number
}

type ByType = Readonly<Record<string, Expiry>>

const perDirectory = new Settings('directory', {
  active: false,
  /** By media type in lower case; `text/*` stands for those that are not named. */
  byType: {} as ByType,
  otherwise: undefined as Expiry | undefined,
}, {
  byType: (outer, inner) => ({ ...outer, ...inner }),
})

const DAY = 86_400
/** Units by what they begin with, as Apache compares them: `mo` before `m` is what tells months from minutes. */
const UNITS: readonly (readonly [beginning: string, seconds: number])[] =
  [['y', 365 * DAY], ['mo', 30 * DAY], ['w', 7 * DAY], ['d', DAY], ['h', 3600], ['mi', 60], ['s', 1]]

/**
 * `A3600`, `M3600`, or `access plus 1 hour 30 minutes` with `now` and `modification` for other bases.
 * @throws ConfigError
 */
export function parseExpiry(text: string): Expiry {
  if (/^[AM]/.test(text)) return { base: text.startsWith('A') ? 'access' : 'modification', seconds: numberOf(text.slice(1)) }
  const [first = '', ...words] = wordsOf(text)
  const base = /^[na]/i.test(first) ? 'access' : /^m/i.test(first) ? 'modification' : undefined
  if (base === undefined) throw new ConfigError(`bad expires code, unrecognised <base> '${first}'`)
  if (/^p/i.test(words[0] ?? '')) words.shift()
  let seconds = 0
  for (let [number, unit] = words; number !== undefined && number !== ''; words.splice(0, 2), [number, unit] = words) {
    if (!/^[0-9]/.test(number)) throw new ConfigError(`bad expires code, numeric value expected <num> '${number}'`)
    if (unit === undefined) throw new ConfigError('bad expires code, missing <type>')
    const factor = UNITS.find(([beginning]) => unit.toLowerCase().startsWith(beginning))?.[1]
    if (factor === undefined) throw new ConfigError(`bad expires code, unrecognised <type>'${unit}'`)
    seconds += numberOf(number) * factor
  }
  return { base, seconds }
}

/** @param what begins the message of a refusal */
function expiryOf(text: string, what: string, command: Command): Expiry {
  try {
    const expiry = parseExpiry(text)
    if (/^[AM]\D/.test(text) && !/^[AM][+-]\d/.test(text)) {
      command.note('warn', `SY00130: ${what} at ${command.file}:${command.line} expires after ${expiry.seconds} seconds: ` +
        'after a capital A or M there are only digits; words begin with small letters')
    }
    return expiry
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`'${what}': ${error.message}`) : error
  }
}

type Held = Readonly<typeof perDirectory.defaults>

/** What is configured for a type. */
export function expiryFor({ byType, otherwise }: Pick<Held, 'byType' | 'otherwise'>, type: string | undefined): Expiry | undefined {
  if (type === undefined) return otherwise
  const plain = (type.includes(';') ? type.slice(0, type.indexOf(';')).trimEnd() : type).toLowerCase()
  const slash = plain.indexOf('/')
  return own(byType, plain) ?? (slash < 0 ? undefined : own(byType, `${plain.slice(0, slash)}/*`)) ?? otherwise
}

const own = (byType: ByType, type: string): Expiry | undefined =>
  Object.hasOwn(byType, type) ? byType[type] : undefined

export function setExpiry(r: Request): void {
  const table = r.errHeadersOut.has('Expires') ? r.errHeadersOut : r.headersOut
  if (table.has('Expires')) return
  const expiry = expiryFor(r.dir(perDirectory), r.contentType)
  if (expiry === undefined) return
  if (expiry.base === 'modification' && r.finfo.type === 'none') return
  const from = expiry.base === 'access' ? r.requestTime : r.finfo.mtimeMs
  const expires = Math.max(from + expiry.seconds * 1000, r.requestTime)
  table.merge('Cache-Control', `max-age=${Math.floor((expires - r.requestTime) / 1000)}`)
  table.set('Expires', httpDate(expires))
}

const filter: OutputFilter = {
  name: 'MOD_EXPIRES', type: FilterType.contentSet - 2, quick: true, keepsLength: true,
  begin: (r) => {
    setExpiry(r)
    return undefined
  },
}

/** insert_filter and insert_error_filter: neither an error nor a part of another response has an end of its own. */
export function insert(r: Request): void {
  if (r.status < 400 && r.main === undefined) r.addOutputFilter(filter)
}

const says = ({ active, byType, otherwise }: Held): boolean =>
  active && (otherwise !== undefined || Object.keys(byType).length > 0)

export const module = {
  name: 'expires_module',
  file: 'mod_expires.c',
  settings: [perDirectory],
  directives: [
    perDirectory.directive('ExpiresActive', [flag], 'active', allowedBy('Indexes'),
      'Whether responses are told when they expire'),
    perDirectory.directive('ExpiresByType', [word, word], (said, command, type, text) => {
      // This place's own: there may be any number of lines.
      const byType: Record<string, Expiry> = (said.byType ??= {})
      byType[type.toLowerCase()] = expiryOf(text, `ExpiresByType ${type} ${text}`, command)
    }, allowedBy('Indexes'), 'A media type, and when responses of it expire: A or M with seconds, or `access plus 1 month`'),
    perDirectory.directive('ExpiresDefault', [word], (said, command, text) => {
      said.otherwise = expiryOf(text, `ExpiresDefault ${text}`, command)
    }, allowedBy('Indexes'), 'When responses of types that are not named expire'),
  ],
  outputFilters: [filter],
  register({ insertFilter, insertErrorFilter }, on) {
    const place = { quick: true, order: Order.middle, when: (settings: Configured) => says(settings.dir(perDirectory)) }
    on(insertFilter, insert, place)
    on(insertErrorFilter, insert, place)
  },
} satisfies Module
