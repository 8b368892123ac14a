/*
 * mod_session: a table of names and values that stays with a client from one request to the next. It is loaded before the
 * handler runs and written when the head of the response is made; where it is kept is a store's matter (mod_session_cookie),
 * how it is written down that of coders (mod_session_crypto).
 */
import {
  ConfigError, DECLINED, flag, FilterType, numberOf, parsed, registerSessions, sessionCoders, SessionError, sessionStores,
  Settings, word,
  type Configured, type Module, type OutputFilter, type Request, type Session, type Status, type Where,
} from 'httpd'
import { add, written } from './session/entries.ts'

interface Conf {
  enabled: boolean
  /** Seconds; 0: for ever. */
  maxAge: number
  /** Seconds in which an unchanged session need not be written again; 0: it is written each time. */
  updateInterval: number
  /** A field of the response that says what is to be in the session. */
  header: string | undefined
  env: boolean
  includes: readonly string[]
  excludes: readonly string[]
}

const both = (outer: readonly string[], inner: readonly string[]): readonly string[] => [...outer, ...inner]

export const session = new Settings<Conf>('directory', {
  enabled: false, maxAge: 0, updateInterval: 0, header: undefined, env: false, includes: [], excludes: [],
}, { includes: both, excludes: both })

const SECOND = 1e6
const now = (): number => Date.now() * 1000

function isIncluded({ uri }: Request, { includes, excludes }: Readonly<Conf>): boolean {
  const begins = (prefix: string): boolean => uri.startsWith(prefix)
  return (includes.length === 0 || includes.some(begins)) && !excludes.some(begins)
}

/** The session of a request, empty if the client has none. */
export function load(r: Request): Session | undefined {
  const conf = r.dir(session)
  if (!conf.enabled) return undefined
  if (!isIncluded(r, conf)) {
    r.log('debug', 'session', `AH01814: excluded by configuration for: ${r.uri}`)
    return undefined
  }
  const found = loadFrom(r)
  if (found === undefined) {
    r.log('warn', 'session', 'AH01815: session is enabled but no session modules have been configured, session not loaded: ' +
      r.uri)
    return undefined
  }
  if (found.encoded !== undefined) decode(r, found, found.encoded)
  if (found.expiry !== 0 && found.expiry < now()) {
    r.log('trace2', 'session', 'session is expired')
    clear(found)
  }
  if (found.expiry === 0 && conf.maxAge !== 0) {
    found.expiry = now() + conf.maxAge * SECOND
    found.maxAge = conf.maxAge
  }
  return found
}
registerSessions(load)

function loadFrom(r: Request): Session | undefined {
  for (const store of sessionStores()) {
    const found = store.load(r)
    if (found !== undefined) return found
  }
  return undefined
}

function clear(found: Session): void {
  found.entries.clear()
  found.expiry = 0
}

function decode(r: Request, found: Session, encoded: string): void {
  found.encoded = undefined
  try {
    add(found, sessionCoders().reduceRight((text, coder) => coder.decode(r, text), encoded))
  } catch (error) {
    if (!(error instanceof SessionError)) throw error
    r.log('error', 'session', `AH01817: error while decoding the session, session not loaded: ${r.uri}`)
    clear(found)
  }
}

/** Whether it is as the client has it, and holds for long enough. */
function isFresh({ dirty, expiry }: Session, { maxAge, updateInterval }: Readonly<Conf>): boolean {
  if (dirty) return false
  return maxAge === 0 || (updateInterval !== 0 && now() + (maxAge - updateInterval) * SECOND < expiry)
}

function save(r: Request, found: Session, answer: Request): void {
  const conf = r.dir(session)
  if (found.expiry !== 0 && found.expiry < now()) {
    r.log('warn', 'session', 'AH01819: attempt made to save a session when the session had already expired, ' +
      `session not saved: ${r.uri}`)
    return
  }
  if (isFresh(found, conf)) return
  if (conf.maxAge !== 0) {
    found.expiry = now() + conf.maxAge * SECOND
    found.maxAge = conf.maxAge
  }
  found.written = store(r, found, answer)
}

function store(r: Request, found: Session, answer: Request): boolean {
  let text
  try {
    text = sessionCoders().reduce((plain, coder) => plain === '' ? plain : coder.encode(r, plain), written(found))
  } catch (error) {
    if (!(error instanceof SessionError)) throw error
    r.log('error', 'session', `AH01820: error while encoding the session, session not saved: ${r.uri}`)
    return false
  }
  for (const each of sessionStores()) if (each.save(r, found, text, answer)) return true
  r.log('warn', 'session', 'AH01821: session is enabled but no session modules have been configured, session not saved: ' +
    r.uri)
  return false
}

/** What a field of the response says goes into the session, and to nobody else. */
function takeHeader(answer: Request, found: Session, name: string): void {
  const said = answer.errHeadersOut.get(name) ?? answer.headersOut.get(name)
  if (said === undefined) return
  answer.errHeadersOut.unset(name)
  answer.headersOut.unset(name)
  add(found, said)
  found.dirty = true
}

/** Writes the sessions of a request and of those that have led to it; most often there is one. */
export function saveAll(r: Request): void {
  for (let at: Request | undefined = r; at !== undefined; at = at.prev) {
    const found = load(at)
    if (found === undefined || found.written) continue
    const { header } = at.dir(session)
    if (header !== undefined) takeHeader(r, found, header)
    save(at, found, r)
  }
}

const out: OutputFilter = {
  name: 'MOD_SESSION_OUT',
  type: FilterType.contentSet,
  keepsLength: true,
  // Only coders take time, and whoever has them has come to a thread that may block: see fixups.
  quick: true,
  begin(r) {
    saveAll(r)
    return undefined
  },
}

function insert(r: Request): void {
  if (r.main === undefined) r.addOutputFilter(out)
}

/** fixups: handlers and scripts find it (HTTP_SESSION). */
export function prepare(r: Request): Status {
  const found = load(r)
  if (!r.dir(session).env) return DECLINED
  if (found !== undefined) r.env.set('HTTP_SESSION', written(found))
  if (r.headersIn.get('Session') !== undefined) r.editHeadersIn().unset('Session')
  return DECLINED
}

const WHERE: Where = { rsrc: true, access: true, overrides: ['AuthConfig'] }

const interval = parsed((text) => {
  const seconds = numberOf(text)
  if (seconds < 0) throw new ConfigError('SessionExpiryUpdateInterval must be zero (disable) or a positive value')
  return seconds
})

export const module = {
  name: 'session_module',
  file: 'mod_session.c',
  settings: [session],
  outputFilters: [out],
  directives: [
    session.directive('Session', [flag], 'enabled', WHERE, 'on if a session should be maintained for these URLs'),
    session.directive('SessionMaxAge', [parsed(numberOf)], 'maxAge', WHERE,
      'length of time for which a session should be valid. Zero to disable'),
    session.directive('SessionHeader', [word], 'header', WHERE,
      'output header, if present, whose contents will be injected into the session.'),
    session.directive('SessionEnv', [flag], 'env', WHERE,
      'on if a session should be written to the CGI environment. Defaults to off'),
    session.directive('SessionInclude', [word], (said, _, prefix) => {
      said.includes = both(said.includes ?? [], [prefix])
    }, WHERE, 'URL prefixes to include in the session. Defaults to all URLs'),
    session.directive('SessionExclude', [word], (said, _, prefix) => {
      said.excludes = both(said.excludes ?? [], [prefix])
    }, WHERE, 'URL prefixes to exclude from the session. Defaults to no URLs'),
    session.directive('SessionExpiryUpdateInterval', [interval], 'updateInterval', WHERE,
      "time interval for which a session's expiry time may change without having to be rewritten. Zero to disable"),
  ],
  register({ fixups, insertFilter, insertErrorFilter }, on) {
    const when = (settings: Configured): boolean => settings.dir(session).enabled
    on(fixups, prepare, { when })
    on(insertFilter, insert, { quick: true, when })
    on(insertErrorFilter, insert, { when })
  },
} satisfies Module
