/*
 * mod_usertrack: a cookie by which the requests of one client are known in a log, as the note `cookie` (%{cookie}n).
 * As in Apache, a section that says anything of this module says all of it: settings are not merged one by one.
 */
import {
  allowedBy, ConfigError, DECLINED, flag, numberOf, OK, oneOf, Order, parsed, Settings, wordsOf,
  type Command, type Configured, type Module, type Request, type Status,
} from 'httpd'

type Style = 'netscape' | 'cookie' | 'cookie2'

interface Tracking {
  readonly enabled: boolean
  readonly style: Style
  readonly name: string
  readonly domain: string | undefined
  /** `SameSite=…` */
  readonly sameSite: string | undefined
  readonly secure: boolean
  readonly httpOnly: boolean
  /** Of .htaccess alone: for a file that anybody may write does not change the server. */
  readonly expires: number | undefined
  /** Finds it in a header, in its first or second group. */
  readonly pattern: RegExp
}

/** The name is a text, not an expression. */
const patternOf = (name: string): RegExp => {
  const text = name.replace(/[^A-Za-z0-9_]/g, '\\$&')
  return new RegExp(`^${text}=([^;,]+)|[;,][ \t]*${text}=([^;,]+)`)
}

const DEFAULT_NAME = 'Apache'
const OFF: Tracking = {
  enabled: false, style: 'netscape', name: DEFAULT_NAME, domain: undefined, sameSite: undefined, secure: false,
  httpOnly: false, expires: undefined, pattern: patternOf(DEFAULT_NAME),
}

const perDirectory = new Settings('directory', { tracking: OFF })
/** Seconds that a cookie lives; 0: as long as the browser runs. CookieExpires holds for its server, wherever it stands. */
const perServer = new Settings('server', { expires: 0 })

type Said = { tracking?: Tracking }

const say = (said: Said, what: Partial<Tracking>): void => void (said.tracking = { ...(said.tracking ?? OFF), ...what })

const setter = <K extends keyof Tracking>(key: K) => (said: Said, _: Command, value: Tracking[K]): void =>
  say(said, { [key]: value })

const UNITS: readonly (readonly [begins: RegExp, seconds: number])[] = [
  [/^y/i, 365 * 86400], [/^mo/i, 30 * 86400], [/^w/i, 7 * 86400], [/^d/i, 86400], [/^h/i, 3600], [/^mi/i, 60], [/^s/i, 1],
]

/** A number of seconds, or `[plus] {NUMBER UNIT}`. @throws ConfigError */
export function secondsOf(text: string): number {
  if (/^\d(?:.*\d)?$/s.test(text)) return numberOf(text)
  const words = wordsOf(text)
  if (/^p/i.test(words[0] ?? '')) words.shift()
  let seconds = 0
  for (let at = 0; at < words.length; at += 2) {
    if (!/^\d/.test(words[at]!)) throw new ConfigError('bad expires code, numeric value expected.')
    const unit = words[at + 1]
    if (unit === undefined) throw new ConfigError('bad expires code, missing <type>')
    const factor = UNITS.find(([begins]) => begins.test(unit))?.[1]
    if (factor === undefined) throw new ConfigError('bad expires code, unrecognized type')
    seconds += factor * numberOf(words[at]!)
  }
  return Math.min(seconds, 0x7fffffff)
}

const style = parsed((text): Style => {
  const found = STYLES[text.toLowerCase()]
  if (found === undefined) throw new ConfigError(`Invalid CookieStyle keyword: '${text}'`)
  return found
})

const STYLES: Readonly<Record<string, Style>> = {
  netscape: 'netscape', cookie: 'cookie', rfc2109: 'cookie', cookie2: 'cookie2', rfc2965: 'cookie2',
}

/** What would end the cookie, or the header, must not get into it. */
const noBreak = (text: string, what: string): string => {
  if (/[\0-\x1f\x7f;]/.test(text)) throw new ConfigError(`Cannot use ${what} "${text}": it must have no semicolon and no control character`)
  return text
}

const domain = parsed((text) => {
  if (text === '') throw new ConfigError('CookieDomain values may not be null')
  if (!text.startsWith('.')) throw new ConfigError('CookieDomain values must begin with a dot')
  if (!text.includes('.', 1)) throw new ConfigError('CookieDomain values must contain at least one embedded dot')
  return noBreak(text, 'domain')
})

const name = parsed((text) => noBreak(text, 'cookie name'))

function cookieName(said: Said, _: Command, text: string): void {
  say(said, { name: text, pattern: patternOf(text) })
}

function cookieExpires(said: Said, command: Command, seconds: number): void {
  say(said, command.htaccess ? { expires: seconds } : {})
  if (!command.htaccess) command.vector('server').said(perServer).expires = seconds
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (number: number): string => String(number).padStart(2, '0')

/** Netscape's form, with a year of two digits: `Thu, 02-Jan-25 03:04:05 GMT`. */
export function netscapeDate(ms: number): string {
  const at = new Date(ms)
  const day = `${DAYS[at.getUTCDay()]!}, ${two(at.getUTCDate())}-${MONTHS[at.getUTCMonth()]!}-${two(at.getUTCFullYear() % 100)}`
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} GMT`
}

/** Random number and time in microseconds, as Apache has them. */
const newValue = (now: number): string =>
  `${Math.floor(Math.random() * 2 ** 32).toString(16)}.${Math.floor(now * 1000).toString(16)}`

function cookieFor(value: string, tracking: Tracking, expires: number, now: number): string {
  const { name, style, domain, sameSite, secure, httpOnly } = tracking
  return [
    `${name}=${value}; path=/`,
    ...(expires === 0 ? [] : [style === 'netscape' ? `expires=${netscapeDate(now + expires * 1000)}` : `max-age=${expires}`]),
    ...(domain === undefined ? [] : [`domain=${domain}${style === 'cookie2' ? '; version=1' : ''}`]),
    ...(sameSite === undefined ? [] : [sameSite]), ...(secure ? ['Secure'] : []), ...(httpOnly ? ['HttpOnly'] : []),
  ].join('; ')
}

/** fixups: the client's cookie becomes a note; who has none gets one, errors included. */
export function track(r: Request): Status {
  if (r.main !== undefined) return DECLINED
  const { tracking } = r.dir(perDirectory)
  const found = tracking.pattern.exec(r.headersIn.get('Cookie') ?? '')
  if (found !== null) {
    r.notes.set('cookie', (found[1] ?? found[2])!)
    return DECLINED
  }
  const value = newValue(r.requestTime)
  const expires = tracking.expires ?? r.server.get(perServer).expires
  const header = tracking.style === 'cookie2' ? 'Set-Cookie2' : 'Set-Cookie'
  r.errHeadersOut.add(header, cookieFor(value, tracking, expires, r.requestTime))
  r.notes.set('cookie', value)
  return OK
}

const SAME_SITE = oneOf(['Strict', 'Lax', 'None'], "CookieSameSite accepts 'Strict', 'Lax', or 'None'")
const FILEINFO = allowedBy('FileInfo')

export const module = {
  name: 'usertrack_module',
  file: 'mod_usertrack.c',
  settings: [perDirectory, perServer],
  directives: [
    perDirectory.directive('CookieExpires', [parsed(secondsOf)], cookieExpires, FILEINFO, 'an expiry date code'),
    perDirectory.directive('CookieDomain', [domain], setter('domain'), FILEINFO, 'domain to which this cookie applies'),
    perDirectory.directive('CookieStyle', [style], setter('style'), FILEINFO,
      "'Netscape', 'Cookie' (RFC2109), or 'Cookie2' (RFC2965)"),
    perDirectory.directive('CookieTracking', [flag], setter('enabled'), FILEINFO, 'whether or not to enable cookies'),
    perDirectory.directive('CookieName', [name], cookieName, FILEINFO, 'name of the tracking cookie'),
    perDirectory.directive('CookieSameSite', [SAME_SITE], (said, _, value) => say(said, { sameSite: `SameSite=${value}` }),
      FILEINFO, 'SameSite setting'),
    perDirectory.directive('CookieSecure', [flag], setter('secure'), FILEINFO, 'is cookie secure'),
    perDirectory.directive('CookieHttpOnly', [flag], setter('httpOnly'), FILEINFO, 'is cookie http only'),
  ],
  register({ fixups }, on) {
    on(fixups, track, {
      order: Order.reallyFirst, quick: true,
      when: (settings: Configured) => settings.dir(perDirectory).tracking.enabled,
    })
  },
} satisfies Module
