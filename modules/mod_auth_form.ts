/*
 * mod_auth_form: name and password come in a form and stay in the session. A form may be posted to what is protected, which
 * is then answered, or to a handler of its own. Passwords are nowhere but in the session: not in notes, not in the log.
 */
import {
  after, authName, authnCore, authnProvider, authType, DECLINED, loadSession, methodNumber, M_INVALID, OK, registerChallenge,
  tableValue, tableUnset,
  type Answer, type AuthnProvider, type AuthnStatus, type Configured, type Expression, type Module, type Request, type Status,
} from 'httpd'
import { readForm } from './auth_form/form.ts'
import { directives, form } from './auth_form/settings.ts'
import { firstOf } from './shared/first.ts'
import { isEqual, md5 } from './shared/hashes.ts'

const LOGIN = 'form-login-handler', LOGOUT = 'form-logout-handler', REDIRECT = 'form-redirect-handler'
const [FOUND, TEMPORARY, UNAUTHORIZED, NOT_ALLOWED, FAULT] = [302, 307, 401, 405, 500]

/** What a form has said. */
interface Login {
  readonly user: string | undefined
  readonly password: string | undefined
  readonly location: string | undefined
  readonly method: string | undefined
  readonly mimetype: string | undefined
  readonly body: Buffer | undefined
}

/** By the request that the client has sent, and by realm: what comes after it goes on with what a form has said. */
const logins = new WeakMap<Request, Map<string, Login>>()

const loginOf = (r: Request, realm: string): Login | undefined => logins.get(firstOf(r))?.get(realm)

function remember(r: Request, realm: string, login: Login): void {
  const first = firstOf(r)
  logins.set(first, (logins.get(first) ?? new Map<string, Login>()).set(realm, login))
}

const isForm = (type: string | undefined): boolean => type?.toLowerCase() === 'form'

// The page of a 401 is where the form is: there is no field to ask with.
registerChallenge('form', () => undefined)

/** check_user_id */
export function authenticate(r: Request): Answer<Status> {
  const type = authType(r)
  if (!isForm(type)) return DECLINED
  const realm = authName(r)
  if (realm === undefined) {
    r.log('error', 'auth_form', `AH01810: need AuthName: ${r.uri}`)
    return FAULT
  }
  r.authType = type
  const login = loginOf(r, realm)
  if (login?.user && login.password) return verify(r, realm, login.user, login.password)
  const entries = loadSession(r)?.entries
  const of = (key: string): string | undefined => entries && tableValue(entries, `${realm}-${key}`)
  const [user, password, hash] = [of('user'), of('pw'), of('site')]
  // For the log: who it is said to be.
  if (user !== undefined) r.user = user
  if (user === undefined || password === undefined) return loginHere(r, realm, UNAUTHORIZED)
  const { site } = r.dir(form)
  if (site !== undefined && hash !== undefined && isEqual(hash, md5(`${user}:${site}`))) return letIn(r, user, password)
  return verify(r, realm, user, password)
}

const verify = (r: Request, realm: string, user: string, password: string): Answer<Status> =>
  after(checkPassword(r, user, password), (status) => status === OK ? letIn(r, user, password) : loginHere(r, realm, status))

function letIn(r: Request, user: string, password: string): Status {
  r.user = user
  if (r.dir(form).fakesBasic) {
    const text = Buffer.from(`${user}:${password}`, 'latin1').toString('base64')
    r.editHeadersIn().set('Authorization', `Basic ${text}`)
  }
  return OK
}

/** What providers say, as a status: OK, DECLINED if others may be asked, 401, 500. */
function checkPassword(r: Request, user: string, password: string): Answer<Status> {
  const { providers, authoritative } = r.dir(form)
  return after(askAll(r, user, password, providers.length > 0 ? providers : defaultProviders(r), 0), (answer) => {
    if (answer === 'granted') return OK
    if (!authoritative && answer !== 'denied') return DECLINED
    if (answer === 'error') return FAULT
    r.log('error', 'auth_form', answer === 'denied'
      ? `AH01807: user '${user}': authentication failure for "${r.uri}": password Mismatch`
      : `AH01808: user '${user}' not found: ${r.uri}`)
    return UNAUTHORIZED
  })
}

function defaultProviders(r: Request): readonly AuthnProvider[] {
  const file = authnProvider('file', undefined)
  if (file?.checkPassword !== undefined) return [file]
  r.log('error', 'auth_form', 'AH01806: no authn provider configured')
  return []
}

/** The first provider that knows the user decides. */
function askAll(r: Request, user: string, password: string, providers: readonly AuthnProvider[], at: number): Answer<AuthnStatus> {
  const provider = providers[at]
  if (provider === undefined) return providers.length === 0 ? 'error' : 'userNotFound'
  return after(provider.checkPassword!(r, user, password, r.dirVector), (status) =>
    status === 'userNotFound' ? askAll(r, user, password, providers, at + 1) : status)
}

/** Nobody is logged in: perhaps what is posted here is the form. */
function loginHere(r: Request, realm: string, status: Status): Answer<Status> {
  const isInitial = r.main === undefined && r.prev === undefined
  if (status !== UNAUTHORIZED || r.method !== 'POST' || !isInitial) return refuse(r, status)
  return loginByBody(r, realm)
}

async function loginByBody(r: Request, realm: string): Promise<Status> {
  const login = await read(r, realm)
  if (typeof login === 'number') return refuse(r, login)
  replace(r, login)
  const status = await enter(r, realm, login)
  if (status === OK) letIn(r, login.user!, login.password!)
  return status === OK || status === FOUND ? status : refuse(r, status, login.location)
}

/** The form of a request; a status if it cannot be read. */
async function read(r: Request, realm: string): Promise<Login | number> {
  const names = r.dir(form)
  const fields = await readForm(r, names.size)
  if (typeof fields === 'number') return fields
  const body = fields.get(names.body)
  const login = {
    user: fields.get(names.username), password: fields.get(names.password), location: fields.get(names.location),
    method: fields.get(names.method), mimetype: fields.get(names.mimetype),
    body: body === undefined ? undefined : Buffer.from(body, 'latin1'),
  }
  if (login.user !== undefined) r.user = login.user
  const missing = login.user === undefined ? ['AH02982', 'username', names.username]
    : login.password === undefined ? ['AH02983', 'password', names.password] : undefined
  if (missing === undefined) remember(r, realm, login)
  else {
    const [number, what, field] = missing
    r.log('debug', 'auth_form', `${number}: form parsed, but ${what} field '${field}' was missing or empty, unauthorized`)
  }
  return login
}

const EMPTY = Buffer.alloc(0)

/** From now on it is the request that was interrupted by the login, as far as the form says what that was. */
function replace(r: Request, { method, mimetype, body }: Login): void {
  const hasBody = mimetype !== undefined && body !== undefined
  r.putBody(hasBody ? body : EMPTY)
  if (hasBody) {
    const headers = r.editHeadersIn()
    headers.set('Content-Type', mimetype.replace(/[\0-\x1f\x7f]/g, ' '))
    headers.set('Content-Length', String(body.length))
    headers.unset('Transfer-Encoding')
  }
  if (method !== undefined && method !== r.method) r.handler = REDIRECT
}

/** Whether a form is right, and where to go then. */
async function enter(r: Request, realm: string, { user, password, location }: Login): Promise<Status> {
  if (user === undefined || password === undefined) return UNAUTHORIZED
  const status = await checkPassword(r, user, password)
  if (status !== OK) return status
  const { site, loginSuccess } = r.dir(form)
  write(r, realm, { user, pw: password, site: site === undefined ? undefined : md5(`${user}:${site}`) })
  if (location !== undefined) return goTo(r, location, FOUND)
  return loginSuccess === undefined ? OK : goToExpression(r, loginSuccess, FOUND, 'AH02340: Can\'t evaluate login success expression')
}

function write(r: Request, realm: string, said: Readonly<Record<'user' | 'pw' | 'site', string | undefined>>): void {
  const session = loadSession(r)
  if (session === undefined) return
  for (const [key, value] of Object.entries(said)) {
    tableUnset(session.entries, `${realm}-${key}`)
    if (value !== undefined) session.entries.set(`${realm}-${key}`, value)
  }
  session.dirty = true
}

function goTo(r: Request, location: string, status: Status): Status {
  r.headersOut.set('Location', location)
  return status
}

const goToExpression = (r: Request, where: Expression<string>, status: Status, failed: string): Answer<Status> =>
  where.resolve<Status>(r, 'auth_form', (location) => goTo(r, location, status), (reason) => {
    r.log('error', 'auth_form', `${failed}: ${reason}`)
    return FAULT
  })

/** Not logged in. @param location that the form has asked for */
function refuse(r: Request, status: Status, location?: string): Answer<Status> {
  const { loginRequired, mayStore } = r.dir(form)
  if (status === UNAUTHORIZED && loginRequired !== undefined)
    return goToExpression(r, loginRequired, FOUND, 'AH02339: Can\'t evaluate login required expression')
  if (location !== undefined) return goTo(r, location, FOUND)
  if (status === UNAUTHORIZED && !mayStore) noStore(r)
  return status
}

/** Nor may what comes after a login be had again with a button of the browser. */
function noStore(r: Request): void {
  r.headersOut.add('Cache-Control', 'no-store')
  r.errHeadersOut.add('Cache-Control', 'no-store')
}

/** form-login-handler */
export async function loginHandler(r: Request): Promise<Status> {
  if (r.method !== 'POST') {
    r.log('error', 'auth_form', `AH01811: the ${LOGIN} only supports the POST method for ${r.uri}`)
    return NOT_ALLOWED
  }
  const realm = authName(r) ?? ''
  const login = await read(r, realm)
  if (typeof login === 'number') return login
  const status = await enter(r, realm, login)
  const { loginRequired } = r.dir(form)
  if (status === UNAUTHORIZED && loginRequired !== undefined)
    return goToExpression(r, loginRequired, FOUND, 'AH02342: Can\'t evaluate login required expression')
  return status === OK ? 200 : status
}

/** form-logout-handler */
export function logoutHandler(r: Request): Answer<Status> {
  write(r, authName(r) ?? '', { user: undefined, pw: undefined, site: undefined })
  noStore(r)
  const { logout } = r.dir(form)
  return logout === undefined ? 200 : goToExpression(r, logout, TEMPORARY, 'AH02343: Can\'t evaluate logout expression')
}

/** Of the request that was interrupted: one that this server knows, and that does not show what came with the login. */
const mayReplay = (method: string): boolean => methodNumber(method) !== M_INVALID && !/^(TRACE|CONNECT)$/.test(method)

/** form-redirect-handler: the request that was interrupted, with its method and body. */
export async function redirectHandler(r: Request): Promise<Status> {
  const login = loginOf(r, authName(r) ?? '')
  if (login?.method === undefined || login.mimetype === undefined) {
    r.log('error', 'auth_form', 'AH01813: internal redirect requested but one or all of method, mimetype or body are NULL: ' +
      r.uri)
    return FAULT
  }
  const { method, mimetype, body = EMPTY } = login
  if (!mayReplay(method)) return NOT_ALLOWED
  r.log('debug', 'auth_form',
    `AH01812: internal redirect to method '${method}' and body mimetype '${mimetype}' for the uri: ${r.uri}`)
  const found = await r.subLookup(r.uri, r.args, method)
  if (found.status !== 200) return found.status
  found.asRequest?.putBody(body)
  return await r.runSubrequest(found)
}

export const module = {
  name: 'auth_form_module',
  file: 'mod_auth_form.c',
  settings: [form],
  directives,
  register({ checkUserId, handler }, on) {
    const when = (settings: Configured): boolean => {
      const { type } = settings.dir(authnCore)
      return typeof type === 'object' || isForm(type)
    }
    on(checkUserId, authenticate, { when })
    on(handler, loginHandler, { handler: LOGIN })
    on(handler, logoutHandler, { handler: LOGOUT })
    on(handler, redirectHandler, { handler: REDIRECT })
  },
} satisfies Module
