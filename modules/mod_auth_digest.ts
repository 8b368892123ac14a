/*
 * mod_auth_digest: a hash of name, password and a number of the server's with each request (RFC 7616 with MD5 and
 * qop=auth). What a client sends is taken apart once per request; a request without it is answered at once, looking a
 * user up is never left to a thread that must not be held up.
 */
import {
  after, allowedBy, authName, authnCore, authnProvider, authType, ConfigError, DECLINED, each, flag, OK, Order, parsed,
  registerChallenge, RSRC_CONF, serverName, serverPort, Settings, tableValue, word,
  type Answer, type AuthnProvider, type AuthnStatus, type Command, type Configured, type Module, type Request,
  type Startup, type Status,
} from 'httpd'
import { clientNumber, nonceCount, readHeader, type Header, type Said } from './auth_digest/header.ts'
import { LEAST_BYTES, MOST_COUNT, msOf, Nonces, stampOf } from './auth_digest/nonces.ts'
import { isSame, readUri } from './auth_digest/uri.ts'
import { firstOf } from './shared/first.ts'
import { isEqual, md5 } from './shared/hashes.ts'

interface Conf {
  readonly providers: readonly AuthnProvider[]
  /** Seconds; 0: for one request only; negative: for ever. */
  readonly lifetime: number
  readonly checksCount: boolean
  readonly domain: readonly string[]
}

const DEFAULT_LIFETIME = 300
const NOTHING: Conf = { providers: [], lifetime: DEFAULT_LIFETIME, checksCount: false, domain: [] }

// In one piece, since a section that says anything of it says all of it (Apache merges nothing here).
export const digest = new Settings('directory', { conf: NOTHING })

/** 64 KiB: some 4000 clients. Apache's default is enough for twelve. */
const DEFAULT_BYTES = 65_536
const sizes = new Settings('server', { bytes: 0 })

let nonces: Nonces | undefined
let memory: (() => ArrayBuffer) | undefined
const book = (): Nonces => (nonces ??= new Nonces(memory!()))

/** open_logs: the memory for all processes. Nothing of it is used before the first request that needs it. */
export function prepare(startup: Startup): Status {
  const said = startup.server.all.map((server) => server.get(sizes).bytes)
  nonces = undefined
  memory = startup.sharedMemory('auth-digest', Math.max(...said) || DEFAULT_BYTES)
  return OK
}

/** What is known of what a client has sent. One for a request and all that it leads to. */
interface State {
  readonly header: Header
  client: number
  /** The user has proved to be that: with this, and so that a request that leads to another one counts once. */
  proven: { readonly realm: string; readonly hash: string; readonly stamp: number } | undefined
}

const states = new WeakMap<Request, State>()

function stateOf(r: Request): State {
  const first = firstOf(r)
  let state = states.get(first)
  if (state === undefined) {
    const header = readHeader(first.headersIn.get('Authorization'))
    const client = header.kind === 'digest' ? clientNumber(header.opaque) : 0
    states.set(first, state = { header, client, proven: undefined })
  }
  return state
}

const isDigest = (type: string | undefined): boolean => type?.toLowerCase() === 'digest'

const opaqueIn = ({ header }: State): string | undefined => 'opaque' in header ? header.opaque : undefined

/** Clients are to be told apart. */
const keepsClients = ({ checksCount, lifetime }: Conf): boolean => checksCount || lifetime === 0

/** The field WWW-Authenticate. @param isStale the password was right: there is no need to ask for it again */
function ask(r: Request, isStale = false): void {
  const { conf } = r.dir(digest)
  const state = stateOf(r)
  const sent = opaqueIn(state)
  let opaque = sent
  let stamp = stampOf(r.requestTime)
  let stale = isStale
  if (sent === undefined ? keepsClients(conf) : !isKnown(r, state)) {
    stamp = book().stamp(r.requestTime)
    state.client = book().addClient(stamp)
    r.log('debug', 'auth_digest', `AH01768: allocated new client ${state.client}`)
    opaque = state.client.toString(16)
    stale ||= sent !== undefined
  } else if (state.client > 0) {
    stamp = book().stamp(r.requestTime)
  }
  const realm = authName(r) ?? ''
  const nonce = book().make(stamp, plain(realm), opaque)
  r.errHeadersOut.set('WWW-Authenticate', `Digest realm="${realm}", nonce="${nonce}", algorithm=MD5` +
    (opaque === undefined ? '' : `, opaque="${opaque}"`) +
    (conf.domain.length === 0 ? '' : `, domain="${conf.domain.join(' ')}"`) + (stale ? ', stale=true' : '') + ', qop="auth"')
}
registerChallenge('Digest', ask)

function isKnown(r: Request, { client }: State): boolean {
  const known = book().knows(client)
  r.log('debug', 'auth_digest', `${known ? 'AH01764' : 'AH01765'}: client ${client} ${known ? 'found' : 'not found'}`)
  return known
}

/** The realm as a client means it. */
const plain = (realm: string): string => realm.includes('\\') ? realm.replace(/\\([^])/g, '$1') : realm

function refuse(r: Request, message?: string, isStale = false, level: 'error' | 'info' = 'error'): Status {
  if (message !== undefined) r.log(level, 'auth_digest', message)
  ask(r, isStale)
  return 401
}

/** check_user_id, first: what is wrong before any provider is asked. */
export function checkHeader(r: Request): Status {
  const type = authType(r)
  if (!isDigest(type)) return DECLINED
  if (authName(r) === undefined) {
    r.log('error', 'auth_digest', `AH01780: need AuthName: ${r.uri}`)
    return 500
  }
  const { header } = stateOf(r)
  if (header.kind === 'none') return refuse(r)
  if (header.kind === 'other')
    return refuse(r, `AH01781: client used wrong authentication scheme \`${header.scheme}': ${r.uri}`)
  if (header.kind === 'invalid') {
    return refuse(r, 'AH01782: missing user, realm, nonce, uri, digest, cnonce, or nonce_count in authorization ' +
      `header: ${r.uri}`)
  }
  r.user = header.said.username
  r.authType = 'Digest'
  return DECLINED
}

function checkUri(r: Request, { uri }: Said): Status {
  const first = firstOf(r)
  if (uri === first.unparsedUri) return OK
  const [said, asked] = [readUri(uri), readUri(first.unparsedUri)]
  if (said === undefined || asked === undefined) {
    r.log('error', 'auth_digest', `AH01783: invalid uri <${uri}> in Authorization header`)
    return 400
  }
  const query = said.query === undefined && asked.query !== undefined && isForgiven(r) ? asked.query : said.query
  const server = { host: asked.host || serverName(first), port: asked.port ?? serverPort(first) }
  if (isSame({ ...said, query }, { ...asked, ...server })) return OK
  r.log('error', 'auth_digest', `AH01786: uri mismatch - <${uri}> does not match request-uri <${first.unparsedUri}>`)
  return 400
}

/** A browser that forgets the query (`BrowserMatch "MSIE" AuthDigestEnableQueryStringHack=On`). */
function isForgiven(r: Request): boolean {
  if (r.hasEnv === false || tableValue(r.env, 'AuthDigestEnableQueryStringHack') === undefined) return false
  r.log('info', 'auth_digest', `AH01784: applying AuthDigestEnableQueryStringHack to uri <${r.unparsedUri}>`)
  return true
}

/** check_user_id: whether the hash is right. */
export function authenticate(r: Request): Answer<Status> {
  if (!isDigest(authType(r))) return DECLINED
  const state = stateOf(r)
  const { header } = state
  if (header.kind !== 'digest') return refuse(r)
  const { said, opaque } = header
  const status = checkUri(r, said)
  if (status !== OK) return status
  if (opaque !== undefined && state.client === 0) return refuse(r, `AH01787: received invalid opaque - got \`${opaque}'`)
  const realm = plain(authName(r) ?? '')
  if (said.realm !== realm)
    return refuse(r, `AH01788: realm mismatch - got \`${said.realm}' but expected \`${realm}'`)
  if (said.algorithm !== undefined && said.algorithm.toLowerCase() !== 'md5')
    return refuse(r, `AH01789: unknown algorithm \`${said.algorithm}' received: ${r.uri}`)
  return after(lookUp(r, said.username, realm), (found) => typeof found === 'string'
    ? unknown(r, said.username, realm, found) : checkHash(r, state, said, found.hash))
}

type Found = AuthnStatus | { readonly hash: string }

function lookUp(r: Request, user: string, realm: string): Answer<Found> {
  const { providers } = r.dir(digest).conf
  if (providers.length > 0) return askAll(r, user, realm, providers, 0)
  const file = authnProvider('file', undefined)
  if (file?.realmHash !== undefined) return askAll(r, user, realm, [file], 0)
  r.log('error', 'auth_digest', 'AH01770: No Authn provider configured')
  return 'error'
}

/** The first provider that knows the user decides. */
function askAll(r: Request, user: string, realm: string, providers: readonly AuthnProvider[], at: number): Answer<Found> {
  const provider = providers[at]
  if (provider === undefined) return 'userNotFound'
  return after(provider.realmHash!(r, user, realm, r.dirVector), (found) =>
    found === 'userNotFound' ? askAll(r, user, realm, providers, at + 1) : found)
}

function unknown(r: Request, user: string, realm: string, why: AuthnStatus): Status {
  if (why === 'userNotFound') return refuse(r, `AH01790: user \`${user}' in realm \`${realm}' not found: ${r.uri}`)
  if (why === 'denied')
    return refuse(r, `AH01791: user \`${user}' in realm \`${realm}' denied by provider: ${r.uri}`)
  return 500
}

/** `request-digest` (RFC 7616 section 3.4.1), and with an empty method `rspauth` (3.5). */
const response = (hash: string, { nonce, nc, cnonce, qop, uri }: Said, method: string): string =>
  md5(`${hash}:${nonce}:${nc!}:${cnonce!}:${qop!}:${md5(`${method}:${uri}`)}`)

function checkHash(r: Request, state: State, said: Said, hash: string): Status {
  if (said.qop?.toLowerCase() !== 'auth') {
    return refuse(r, `AH10560: invalid or missing qop value '${said.qop ?? '(null)'}', RFC 2069 is no longer supported: ` +
      r.uri)
  }
  // An internal redirect goes on with GET; the client has signed its own method.
  if (!isEqual(response(hash, said, firstOf(r).method), said.response))
    return refuse(r, `AH01794: user ${said.username}: password mismatch: ${r.uri}`)
  const stamp = book().stampIn(said.nonce, said.realm, opaqueIn(state))
  if (stamp === undefined)
    return refuse(r, `AH01776: invalid nonce ${said.nonce} received - hash does not match`, true)
  const { conf } = r.dir(digest)
  const status = isOld(r, conf, said, stamp) ?? (state.proven === undefined ? checkUse(r, conf, state, said, stamp) : OK)
  if (status === OK) state.proven = { realm: said.realm, hash, stamp }
  return status
}

/** @returns undefined if it is not */
function isOld(r: Request, { lifetime }: Conf, { nonce, username }: Said, stamp: number): Status | undefined {
  if (lifetime <= 0) return undefined
  const age = Math.floor((r.requestTime - msOf(stamp)) / 1000)
  // A clock that was set back, or two requests that came at once.
  if (age < -1)
    return refuse(r, `AH01777: invalid nonce ${nonce} received - user attempted time travel`, true)
  if (age < lifetime) return undefined
  return refuse(r, `AH01778: user ${username}: nonce expired (${age.toFixed(2)} seconds old - max lifetime ` +
    `${lifetime.toFixed(2)}) - sending new nonce`, true, 'info')
}

/** Whether it is used for the first time; last of all, so that only who knows the password can use a nonce up. */
function checkUse(r: Request, conf: Conf, state: State, said: Said, stamp: number): Status {
  if (!keepsClients(conf)) return OK
  const isOnce = conf.lifetime === 0
  const count = conf.checksCount ? nonceCount(said.nc!) : 0
  if (count === undefined) return refuse(r, `AH01773: invalid nc ${said.nc!} received - not a number`)
  const use = state.client > 0 ? book().use(state.client, stamp, isOnce ? MOST_COUNT : count) : 'unknown'
  if (use === 'fresh') return OK
  if (use === 'unknown')
    return refuse(r, `AH10618: client ${state.client} is no longer known - sending new nonce`, true, 'info')
  if (use === 'worn')
    return refuse(r, `SY00170: user ${said.username}: nonce used ${MOST_COUNT} times - sending new nonce`, true, 'info')
  if (isOnce) {
    return refuse(r, `AH01779: user ${said.username}: one-time-nonce ${said.nonce} already used - sending new nonce`,
      true, 'info')
  }
  return refuse(r, 'AH01774: Warning, possible replay attack: nonce-count check failed: ' +
    `${count} is not above ${use.last} for nonce ${said.nonce}`)
}

/** A nonce that will be too old in so many seconds is exchanged for another one. */
const NEXT_BEFORE = 30

/** fixups: that the server knows the password, too, and what the next nonce is (Authentication-Info). */
export function addInfo(r: Request): Status {
  if (r.prev !== undefined || r.main !== undefined) return DECLINED
  const state = states.get(r)
  if (state?.proven === undefined || state.header.kind !== 'digest') return DECLINED
  const { said } = state.header
  const next = nextNonce(r, state, state.proven)
  r.headersOut.merge('Authentication-Info', `rspauth="${response(state.proven.hash, said, '')}"` +
    (next === undefined ? '' : `, nextnonce="${next}"`) +
    `, cnonce="${said.cnonce!.replace(/["\\]/g, '\\$&')}"` +
    // As sent, unless it would be read as something else.
    (/^[\w+-]*$/.test(said.nc!) ? `, nc=${said.nc!}` : '') + `, qop=${said.qop!}`)
  return DECLINED
}

function nextNonce(r: Request, state: State, { realm, stamp }: NonNullable<State['proven']>): string | undefined {
  const { lifetime } = r.dir(digest).conf
  if (lifetime < 0 || (r.requestTime - msOf(stamp)) / 1000 <= lifetime - NEXT_BEFORE) return undefined
  return book().make(state.client > 0 ? book().stamp(r.requestTime) : stampOf(r.requestTime), realm, opaqueIn(state))
}

// The table.

/** What a section has said so far, and something more. */
const say = (said: { conf?: Conf }, more: Partial<Conf>): void => void (said.conf = { ...(said.conf ?? NOTHING), ...more })

function provider(said: { conf?: Conf }, command: Command, names: readonly string[]): void {
  for (const name of names) {
    const found = authnProvider(name, command.table)
    if (found === undefined) throw new ConfigError(`Unknown Authn provider: ${name}`)
    if (found.realmHash === undefined)
      throw new ConfigError(`The '${name}' Authn provider doesn't support Digest Authentication`)
    say(said, { providers: [...(said.conf ?? NOTHING).providers, found] })
  }
}

const seconds = parsed((text) => {
  const number = /^\s*([+-]?\d+)(?:\s|$)/.exec(text)?.[1]
  if (number === undefined) throw new ConfigError(`Invalid time in AuthDigestNonceLifetime: ${text}`)
  return Number(number)
})

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 * 1024 }
/** Apache's least, so that what it takes is taken; and what the number of a slot is exact for. */
const [LEAST_SAID, MOST_SAID] = [Math.max(88, LEAST_BYTES), 2 ** 31]

const size = parsed((text) => {
  const [, number, unit] = /^\s*([+-]?\d+)\s*([bkm]?)/i.exec(text) ?? []
  const rest = text.replace(/^\s*[+-]?\d+\s*/, '')
  if (number === undefined || (unit === '' && rest !== '')) throw new ConfigError(`Invalid size in AuthDigestShmemSize: ${text}`)
  const bytes = Number(number) * UNITS[unit!.toLowerCase()]!
  if (bytes < LEAST_SAID) throw new ConfigError(`size in AuthDigestShmemSize too small: ${bytes} < ${LEAST_SAID}`)
  if (bytes > MOST_SAID) throw new ConfigError(`Invalid size in AuthDigestShmemSize: ${text} is above ${MOST_SAID} bytes`)
  return bytes
})

function algorithm(_: unknown, __: Command, name: string): void {
  if (name.toLowerCase() !== 'md5') throw new ConfigError(`Unsupported algorithm in AuthDigestAlgorithm: ${name}`)
}

function qop(_: unknown, __: Command, names: readonly string[]): void {
  if (names.some((name) => name.toLowerCase() !== 'auth'))
    throw new ConfigError("AuthDigestQop is deprecated: only 'auth' is supported")
}

const AUTHCFG = allowedBy('AuthConfig')

export const module = {
  name: 'auth_digest_module',
  file: 'mod_auth_digest.c',
  settings: [digest, sizes],
  directives: [
    digest.directive('AuthDigestProvider', [each(word)], provider, AUTHCFG,
      'specify the auth providers for a directory or location'),
    digest.directive('AuthDigestQop', [each(word)], qop, AUTHCFG, 'A list of quality-of-protection options'),
    digest.directive('AuthDigestNonceLifetime', [seconds], (said, _, lifetime) => say(said, { lifetime }), AUTHCFG,
      'Maximum lifetime of the server nonce (seconds)'),
    digest.directive('AuthDigestNcCheck', [flag], (said, _, checksCount) => say(said, { checksCount }), AUTHCFG,
      'Whether or not to check the nonce-count sent by the client'),
    digest.directive('AuthDigestAlgorithm', [word], (said, command, name) => {
      algorithm(said, command, name)
      say(said, {})
    }, AUTHCFG, 'The algorithm used for the hash calculation'),
    digest.directive('AuthDigestDomain', [each(word)], (said, _, uris) =>
      say(said, { domain: [...(said.conf ?? NOTHING).domain, ...uris] }), AUTHCFG,
    "A list of URI's which belong to the same protection space as the current URI"),
    sizes.directive('AuthDigestShmemSize', [size], 'bytes', RSRC_CONF,
      'The amount of shared memory to allocate for keeping track of clients'),
  ],
  register({ checkUserId, fixups, openLogs }, on) {
    const typeOf = (settings: Configured) => settings.dir(authnCore).type
    const when = (settings: Configured): boolean => {
      const type = typeOf(settings)
      return typeof type === 'object' || isDigest(type)
    }
    const isQuick = (settings: Configured): boolean => {
      const type = typeOf(settings)
      return typeof type !== 'object' || type.quick
    }
    on(openLogs, prepare)
    on(checkUserId, checkHeader, { order: Order.first, quick: true, when: (settings) => when(settings) && isQuick(settings) })
    on(checkUserId, checkHeader, { order: Order.first, when: (settings) => when(settings) && !isQuick(settings) })
    on(checkUserId, authenticate, { when })
    on(fixups, addInfo, { quick: true, when })
  },
} satisfies Module
