/*
 * mod_reqtimeout: how long a client may take to send a request, and how fast it has to. Loaded, it has limits even
 * where the configuration says nothing.
 */
import {
  ConfigError, each, parsed, RSRC_CONF, Settings, type Arg, type Module, type ReadLimit, type ReadLimits, type Server,
} from 'httpd'

type Stage = 'handshake' | 'header' | 'body'

/** In seconds, and bytes a second, as the directive has them. */
interface Said {
  readonly timeout: number
  /** 0: no limit. */
  readonly most: number
  readonly rate: number
}

const reqtimeout = new Settings('server', {
  /** For TLS; kept for whoever does the handshake. */
  handshake: { timeout: 0, most: 0, rate: 0 } as Said,
  header: { timeout: 20, most: 40, rate: 500 } as Said,
  body: { timeout: 20, most: 0, rate: 500 } as Said,
})

const STAGES: readonly Stage[] = ['handshake', 'header', 'body']
const INT_MAX = 0x7fffffff

/** A number as strtol reads it, and what follows it. */
function numberIn(text: string): [value: number, rest: string] {
  const match = /^\s*([+-]?\d+)([^]*)$/.exec(text)
  if (match === null) throw new ConfigError(`Value '${text}' not numerical`)
  const value = Number(match[1])
  if (value < 0) throw new ConfigError('Value must be non-negative')
  return [Math.min(value, INT_MAX), match[2]!]
}

/** `20`, `20-40,MinRate=500`. */
export function limitIn(text: string): Said {
  const rateAt = text.toLowerCase().indexOf(',minrate=')
  const rate = rateAt < 0 ? undefined : wholeNumber(text.slice(rateAt + ',minrate='.length))
  if (rate === 0) throw new ConfigError('Minimum data rate must be larger than 0')
  const times = rateAt < 0 ? text : text.slice(0, rateAt)
  const dash = times.indexOf('-')
  if (dash >= 0 && rate === undefined) throw new ConfigError('Must set MinRate option if using timeout range')
  const timeout = wholeNumber(dash < 0 ? times : times.slice(0, dash))
  const most = dash < 0 ? 0 : wholeNumber(times.slice(dash + 1))
  if (dash >= 0 && most <= timeout) throw new ConfigError('Maximum timeout must be larger than initial timeout')
  return { timeout, most, rate: rate ?? 0 }
}

function wholeNumber(text: string): number {
  const [value, rest] = numberIn(text)
  if (rest !== '') throw new ConfigError(`Cannot parse '${rest}'`)
  return value
}

const limit: Arg<readonly [Stage, Said]> = parsed((text) => {
  const equals = text.indexOf('=')
  if (equals < 0) throw new ConfigError("Invalid RequestReadTimeout parameter. Parameter must be in the form 'key=value'")
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)]
  try {
    const stage = STAGES.find((each) => each === name.toLowerCase())
    if (stage === undefined) throw new ConfigError('Unknown RequestReadTimeout parameter')
    return [stage, limitIn(value)]
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`RequestReadTimeout: ${name}=${value}: ${error.message}`) : error
  }
})

const inMs = ({ timeout, most, rate }: Said): ReadLimit | undefined =>
  timeout === 0 ? undefined : { timeout: timeout * 1000, most: most * 1000, rate }

/** read_limits */
export function limitsOf(server: Server): ReadLimits | undefined {
  const { header, body } = server.get(reqtimeout)
  const limits = { header: inMs(header), body: inMs(body), module: 'reqtimeout' }
  return limits.header === undefined && limits.body === undefined ? undefined : limits
}

export const module = {
  name: 'reqtimeout_module',
  file: 'mod_reqtimeout.c',
  settings: [reqtimeout],
  directives: [
    reqtimeout.directive('RequestReadTimeout', [each(limit)], (said: Partial<Record<Stage, Said>>, _, limits) => {
      for (const [stage, value] of limits) said[stage] = value
    }, RSRC_CONF,
    'Seconds for the handshake, the head or the body of a request: header=20-40,MinRate=500'),
  ],
  register({ readLimits }, on) {
    on(readLimits, limitsOf)
  },
} satisfies Module
