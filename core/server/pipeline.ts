/**
 * A request's way through the hooks. Each step is a function that answers OK
 * to go on; a promise makes the rest of the way wait for it. The order is
 * Apache's (ap_process_request_internal).
 */
import { faultText } from '../base/fault_text.ts'
import { parentDirectory } from '../base/path.ts'
import { MatchError } from '../config/regex.ts'
import { after, DECLINED, DONE, HANDOVER, OK, type Answer, type Chain, type Hook, type Status } from '../hook/hook.ts'
import type { Hooks } from '../hook/hooks.ts'
import { FilterError, type Sink } from '../hook/filter.ts'
import type { Request } from '../hook/types.ts'
import type { HttpFault } from '../http/fault.ts'
import { allowHeader, M_TRACE } from '../http/methods.ts'
import { invalidPath, normalisePath } from '../http/target.ts'
import type { Chains } from './chains.ts'
import { applyConditions } from './conditions.ts'
import { satisfiesAny } from './authn.ts'
import { dirCore } from './core_settings.ts'
import { defaultHandler } from './default_handler.ts'
import { fail } from './error_response.ts'
import { BodyError, BodyFault, bodyOf, ClientGone, limitBody } from './body_reader.ts'
import { locate, targetFor } from './locate.ts'
import { mapToStorage, mapUri } from './mapping.ts'
import { RequestRec } from './request_rec.ts'
import { withDeadline, withoutDeadline } from './deadline.ts'
import { handlerName } from './tally.ts'
import { traceHandler } from './trace_handler.ts'

type Step = (r: RequestRec) => Answer<Status>

const INTERNAL_ERROR = 500

/**
 * Walks the chain of a hook that stops at the first answer.
 * They are picked by functions: by a name in a variable the look-up would be slow.
 */
const hook = (
  chainOf: (chains: Chains) => Chain<Request, Status>, hookOf: (hooks: Hooks) => Hook<Request, Status>,
): Step => (r) => {
  const chain = chainOf(r.chains)
  return chain.length === 0 ? DECLINED : hookOf(r.connection.engine.hooks).walk(chain, r)
}

/** DECLINED by all is fine. */
const optional = (step: Step): Step => (r) => after(step(r), declinedIsOk)
const declinedIsOk = (status: Status): Status => (status === DECLINED ? OK : status)

/** The core acts where every module declined. */
const orElse = (step: Step, core: Step): Step => (r) => {
  const answer = step(r)
  // The usual case, without a function made for each request.
  if (answer === DECLINED) return core(r)
  return after(answer, (status) => (status === DECLINED ? core(r) : status))
}

const accessChecker = hook((chains) => chains.accessChecker, (hooks) => hooks.accessChecker)
const accessCheckerEx = hook((chains) => chains.accessCheckerEx, (hooks) => hooks.accessCheckerEx)
const checkUserId = hook((chains) => chains.checkUserId, (hooks) => hooks.checkUserId)
const authChecker = hook((chains) => chains.authChecker, (hooks) => hooks.authChecker)

/** Access by address, and by what Require says: both, or with Satisfy Any one of them. */
const admit: Step = (r) => {
  if (r.chains.accessChecker.length === 0) return authorise(r)
  return after(accessChecker(r), (status) => {
    if (status === HANDOVER) return HANDOVER
    const may = status === OK || status === DECLINED
    if (satisfiesAny(r)) return may ? OK : authorise(r)
    return may ? authorise(r) : status
  })
}

/** Authorisation without a user if that settles it, else authentication and then authorisation. */
const authorise: Step = (r) => {
  if (r.chains.accessCheckerEx.length === 0) return OK
  const answer = accessCheckerEx(r)
  return answer === OK ? OK : after(answer, (status) => (status === DECLINED ? authenticate(r) : status))
}

const authenticate: Step = (r) => {
  const before = provenBefore(r)
  if (before === undefined) return after(checkUserId(r), (known) => authenticated(r, known))
  takeUser(r, before)
  return authoriseUser(r)
}

// The same credentials under the same configuration: checking a password takes long, on purpose.
function provenBefore({ prev, main, resolved }: RequestRec): RequestRec | undefined {
  if (prev?.isProven === true && prev.resolved === resolved) return prev
  return main?.isProven === true && main.resolved === resolved ? main : undefined
}

function takeUser(r: RequestRec, { user, authType, isProven }: RequestRec): void {
  r.user = user
  r.authType = authType
  r.isProven = isProven
}

function authenticated(r: RequestRec, known: Status): Answer<Status> {
  if (known !== OK) return known === DECLINED ? undecided(r, 'check user') : known
  if (r.user !== undefined) {
    r.isProven = true
    return authoriseUser(r)
  }
  r.log('error', 'core', `${satisfiesAny(r) ? 'AH00028' : 'AH00027'}: No authentication done but request not allowed without authentication for ${r.uri}. Authentication not configured?`)
  return INTERNAL_ERROR
}

const authoriseUser: Step = (r) =>
  after(authChecker(r), (status) => (status === DECLINED ? undecided(r, 'check authorization') : status))

/** Nobody was there to say anything. */
const undecided = (r: RequestRec, what: string): Status => {
  r.log('crit', 'core', `AH00025: configuration error:  couldn't ${what}: ${r.uri}`)
  return INTERNAL_ERROR
}

const handlers: Step = (r) => {
  const chain = r.chains.handlers(r.handler ?? r.contentType ?? '')
  if (chain.length === 0) return DECLINED
  const { engine, output } = r.connection
  // It may take long: answers to the requests before this one do not wait for it.
  if (engine.mayBlock) {
    output.flush()
    // Nor do their log lines.
    engine.endTurn()
  }
  const { handler } = engine.hooks
  // The limit of the main request holds for what is made for it.
  if (r.main !== undefined) return handler.walk(chain, r)
  const { handlerTimeout, othersHaveLimits } = r.chains
  if (handlerTimeout > 0) return withDeadline(r, handlerTimeout, () => handler.walk(chain, r))
  return othersHaveLimits ? withoutDeadline(r, () => handler.walk(chain, r)) : handler.walk(chain, r)
}
const handlerOrDefault = orElse(handlers, defaultHandler)

const handle: Step = (r) => {
  const { insertFilter } = r.chains
  if (insertFilter.length === 0) return respond(r)
  return after(r.connection.engine.hooks.insertFilter.walk(insertFilter, r), () => respond(r))
}

const respond: Step = (r) => {
  if (r.mustHandOver) return HANDOVER
  if (r.main !== undefined) return handlerOrDefault(r)
  const status = openBody(r)
  return status === OK ? handlerOrDefault(r) : status
}

/** From here on the body may be read. Where an ErrorDocument stands for the answer it has been judged. */
const openBody = (r: RequestRec): Status => {
  if (r.prev !== undefined && r.status >= 300) return OK
  const fault = r.body === undefined ? undefined : limitBody(r)
  return fault === undefined ? OK : refuseBody(r, fault)
}

const refuseBody = (r: RequestRec, fault: HttpFault): Status => {
  logFault(r, fault, 'http')
  r.framingInDoubt = true
  return fault.status
}

/** As Apache: what was judged under the same configuration, on the way here, is not judged again, whatever came of it. */
const judge: Step = (r) => {
  const before = r.prev !== undefined && isJudgedAs(r, r.prev) ? r.prev
    : r.main !== undefined && isJudgedAs(r, r.main) ? r.main : undefined
  r.judgedFile = fileOf(r)
  if (before === undefined) return admit(r)
  takeUser(r, before)
  return OK
}

/**
 * Whether what was said of `before` holds for `r`, too. The same object is not enough: directories that no section tells
 * apart share it, and what Require asks about the URL may come out differently for the next one.
 */
function isJudgedAs(r: RequestRec, before: RequestRec): boolean {
  if (before.judgedFile === undefined || before.resolved !== r.resolved) return false
  // A method that was asked for on behalf of the client (a form that replays a request) is one that nobody has judged.
  if (r.method !== 'GET' && r.method !== before.method) return false
  const file = fileOf(r)
  if (r.resolved?.selective === true) return before.uri === r.uri && before.judgedFile === file
  return parentDirectory(before.judgedFile) === parentDirectory(file)
}

const fileOf = ({ filename = '', finfo }: RequestRec): string =>
  finfo.type === 'directory' && !filename.endsWith('/') ? `${filename}/` : filename

/** Not for what is made on behalf of another request. */
const mainOnly = (step: Step): Step => (r) => (r.main === undefined ? step(r) : OK)

const trace: Step = (r) => (r.methodNumber === M_TRACE ? traceHandler(r, openBody) : OK)

/** Whoever has the answer already, with nothing known of the request but its URL. */
const quickly: Step = (r) => {
  const chain = r.chains.quickHandler
  if (chain.length === 0) return OK
  return after(r.connection.engine.hooks.quickHandler.walk(chain, r), (status) =>
    status === DECLINED ? OK : status === OK ? DONE : status)
}

// What a look-up on behalf of another request goes through …
const LOOKUP: readonly Step[] = [
  applyConditions,
  orElse(hook((chains) => chains.translateName, (hooks) => hooks.translateName), mapUri),
  trace,
  orElse(hook((chains) => chains.mapToStorage, (hooks) => hooks.mapToStorage), mapToStorage),
  applyConditions,
  mainOnly(optional(hook((chains) => chains.headerParser, (hooks) => hooks.headerParser))),
  judge,
  optional(hook((chains) => chains.typeChecker, (hooks) => hooks.typeChecker)),
  optional(hook((chains) => chains.fixups, (hooks) => hooks.fixups)),
]
/** From map_to_storage on. */
const FILE_LOOKUP = LOOKUP.slice(3)
// … and a request, also one that another was redirected to.
const STEPS: readonly Step[] = [optional(hook((chains) => chains.postReadRequest, (hooks) => hooks.postReadRequest)), quickly, ...LOOKUP, handle]

/** Serves a request whose head has been read. OK: the response is complete, on its way or waiting to leave. */
export function processRequest(r: RequestRec): Answer<Status> {
  if (r.head.hasBody()) r.body = bodyOf(r)
  try {
    const fault = locate(r)
    if (fault !== undefined) {
      logFault(r, fault)
      return fail(r, fault.status, fault.note)
    }
  } catch (error) {
    return failRequest(r, error)
  }
  if (r.chains.movesAtOnce) return HANDOVER
  r.connection.engine.tally.begin(r)
  return run(r, STEPS)
}

function run(r: RequestRec, steps: readonly Step[]): Answer<Status> {
  try {
    const answer = walk(r, steps, 0)
    const ended = answer instanceof Promise ? answer.then((status) => conclude(r, status)) : conclude(r, answer)
    return ended instanceof Promise ? ended.catch((error: unknown) => failRequest(r, error)) : ended
  } catch (error) {
    return failRequest(r, error)
  }
}

// The first answer that is not OK, or OK if all are. What was decided on a look-up that is to be made anew counts for nothing.
function walk(r: RequestRec, steps: readonly Step[], from: number): Answer<Status> {
  for (let i = from; i < steps.length; i++) {
    const answer = steps[i]!(r)
    if (answer instanceof Promise) {
      return answer.then((status) => r.mustHandOver ? HANDOVER : status === OK ? walk(r, steps, i + 1) : status)
    }
    if (r.mustHandOver) return HANDOVER
    if (answer !== OK) return answer
  }
  return OK
}

function conclude(r: RequestRec, status: Status): Answer<Status> {
  if (r.abandoned) return OK
  if (status === HANDOVER || r.mustHandOver) return handOver(r)
  if (r.next !== undefined) return OK // An internal redirect has answered.
  if (status === OK || status === DONE) {
    const ended = r.finish()
    return ended === OK ? OK : after(ended, (instead) => (instead === OK ? OK : fail(r, instead)))
  }
  if (status < 100) {
    r.log('error', 'core', `AH00025: configuration error:  couldn't check access.  ${r.uri}`)
    return fail(r, INTERNAL_ERROR)
  }
  return fail(r, status)
}

// It begins anew on another thread, unless somebody has some of the answer.
function handOver(r: RequestRec): Status {
  if (!r.begun) return HANDOVER
  r.log('error', 'core', `SY00097: a function that may block was met when the answer to ${r.uri} had begun: given up`)
  r.cutOff()
  return OK
}

/** A module threw, or a promise of one was rejected: the request fails, nothing else does. */
export function failRequest(r: RequestRec, error: unknown): Answer<Status> {
  if (r.abandoned) return OK
  if (error instanceof BodyError) {
    r.framingInDoubt = true
    if (error instanceof ClientGone) r.log('info', 'core', `SY00004: ${error.message} while its request body was read`)
    if (error instanceof BodyFault) logFault(r, error.fault, 'http')
    return fail(r, error.status)
  }
  if (error instanceof MatchError) {
    r.log('error', 'core', `SY00073: ${error.message}`)
    return fail(r, INTERNAL_ERROR)
  }
  if (error instanceof FilterError) return fail(r, error.status)
  const text = faultText(error)
  r.log('error', 'core', `SY00002: fault in a module while serving ${r.method} ${r.uri}: ${text}`)
  return fail(r, INTERNAL_ERROR)
}

/** A handler has let its time pass: the client gets 503 instead, and whatever the handler still does is for nobody. */
export function giveUp(r: RequestRec): void {
  r.log('error', 'core', `SY00061: handler ${handlerName(r)} has not answered ${r.requestLine} within HandlerTimeout: given up`)
  for (let at: RequestRec | undefined = r; at !== undefined; at = at.prev) r.connection.engine.tally.disarm(at)
  r.framingInDoubt = true
  r.refused = true
  void fail(r, 503)
  for (let at: RequestRec | undefined = r; at !== undefined; at = at.prev) at.abandoned = true
}

/** Answers a request that could not be parsed, with the ErrorDocument of the connection's default server if it has one. */
export function refuseRequest(r: RequestRec, fault: HttpFault): Answer<Status> {
  logFault(r, fault)
  r.head.forgetBody()
  if (fault.status === 501) r.errHeadersOut.set('Allow', allowHeader([], r.served.settings.traceEnable !== 'off'))
  return fail(r, fault.status, fault.note)
}

export function logFault(r: RequestRec, fault: HttpFault, module = 'core'): void {
  if (fault.message === '') return
  r.log(fault.level, module, `${fault.aplogno === '' ? '' : `${fault.aplogno}: `}${fault.message}`)
}

/** ap_internal_redirect: a new request on the same connection, answered in the place of `r`. */
export function redirectInternally(r: RequestRec, target: string, carry?: (to: RequestRec) => void): Answer<Status> {
  const query = target.indexOf('?')
  const said = query < 0 ? target : target.slice(0, query)
  const args = query < 0 ? r.args : target.slice(query + 1)
  // It must not lead around what is said of its URL, nor above the root.
  const path = said.startsWith('/') ? normalisePath(said, r.served.settings.mergeSlashes) : said
  return path === undefined ? redirectTo(r, said, args, carry, [refuse(invalidPath(said))]) : redirectTo(r, path, args, carry)
}

/** The same for a URI as it was written. */
export function redirectAsWritten(r: RequestRec, uri: string, carry?: (to: RequestRec) => void): Answer<Status> {
  const target = targetFor(r, uri)
  return 'fault' in target ? redirectTo(r, uri, undefined, carry, [refuse(target.fault)])
    : redirectTo(r, target.path, target.args, carry)
}

function redirectTo(
  r: RequestRec, path: string, args: string | undefined, carry?: (to: RequestRec) => void, steps = STEPS,
): Answer<Status> {
  let depth = 0
  for (let at: RequestRec | undefined = r; at !== undefined; at = at.prev) depth++
  const most = r.served.settings.limitRedirects
  if (depth > most) {
    r.log('error', 'core', `AH00124: Request exceeded the limit of ${most} internal redirects due to probable configuration error. Use 'LimitInternalRecursion' to increase the limit if necessary. Use 'LogLevel debug' to get a backtrace.`)
    return INTERNAL_ERROR
  }
  const to = follower(r, path, args)
  r.next = to
  to.prev = r
  inheritEnvironment(to, r)
  if (r.hasErrHeaders) to.takeErrHeaders(r)
  to.variantListTag = r.variantListTag
  to.noCache = r.noCache
  carry?.(to)
  if (r.main !== undefined) return redirectSubrequest(r, to, steps)
  r.connection.request = to
  return after(run(to, steps), (status) => {
    if (status !== HANDOVER) return DONE
    // On event's listener: everything begins anew on a thread of the crew.
    r.next = undefined
    r.connection.request = r
    return HANDOVER
  })
}

/** And with what its headers say of how it came about. */
export function redirectToUri(r: RequestRec, uri: string): Answer<Status> {
  const vary = r.headersOut.get('Vary')
  return redirectAsWritten(r, uri, (to) => {
    to.unparsedUri = uri
    if (vary !== undefined) to.headersOut.set('Vary', vary)
  })
}

const refuse = (fault: HttpFault): Step => (r) => {
  logFault(r, fault)
  return fault.status
}

// It stays a part of its main request: its body goes where this one's would have gone.
async function redirectSubrequest(r: RequestRec, to: RequestRec, steps: readonly Step[]): Promise<Status> {
  to.main = r.main
  const status = await answerInto(to, r.into!, () => walk(to, steps, 0))
  return status === OK ? DONE : status
}

/** What scripts and logs are told of the request before: its variables with REDIRECT_ in front, and where it was. */
function inheritEnvironment(to: RequestRec, from: RequestRec): void {
  const { env } = to
  if (from.hasEnv) for (const [name, value] of from.env) env.set(`REDIRECT_${name}`, value)
  env.set('REDIRECT_STATUS', String(from.status))
    .set('REDIRECT_URL', from.dir(dirCore).qualifyRedirectUrl ? from.constructUrl(from.uri) : from.uri)
  if (from.args !== undefined) env.set('REDIRECT_QUERY_STRING', from.args)
}

/** ap_sub_req_lookup_uri: where a (decoded) path leads, without answering. */
export function lookUp(r: RequestRec, path: string, args = r.args, method?: string): Answer<RequestRec> {
  return lookUpBy(r, follower(r, path, args), LOOKUP, method)
}

/** The same for a URI as it was written: what a client that asked for it would get, with its query and not the request's. */
export function lookUpUri(r: RequestRec, uri: string): Answer<RequestRec> {
  const target = targetFor(r, uri)
  if (!('fault' in target)) return lookUpBy(r, follower(r, target.path, target.args), LOOKUP)
  return lookUpBy(r, follower(r, uri, undefined), [refuse(target.fault)])
}

/** ap_sub_req_lookup_file: what holds for a file, without a URL that leads there; a relative path is beside this request's. */
export function lookUpFile(r: RequestRec, path: string, inherits: boolean): Answer<RequestRec> {
  const isBeside = !path.startsWith('/')
  const pathInfo = inherits && isBeside ? r.pathInfo : ''
  const uri = isBeside ? parentDirectory(r.uri.slice(0, r.uri.length - r.pathInfo.length)) + path + pathInfo : ''
  const sub = follower(r, uri, inherits ? r.args : undefined)
  sub.filename = isBeside ? parentDirectory(r.filename ?? '/') + path : path
  sub.pathInfo = pathInfo
  return lookUpBy(r, sub, FILE_LOOKUP)
}

function lookUpBy(r: RequestRec, sub: RequestRec, steps: readonly Step[], method = 'GET'): Answer<RequestRec> {
  sub.main = r
  sub.method = method
  sub.status = 200
  sub.body = undefined
  if (r.hasEnv) for (const [name, value] of r.env) sub.env.set(name, value)
  r.adopt(sub)
  if (isTooDeep(r)) {
    sub.status = INTERNAL_ERROR
    return sub
  }
  return after(walk(sub, steps, 0), (status) => {
    // The whole request moves to the crew: this look-up is made anew there.
    if (status === HANDOVER) handOverAll(sub)
    else if (status !== OK) sub.status = status
    return sub
  })
}

function isTooDeep(r: RequestRec): boolean {
  let depth = 0
  for (let at = r.main; at !== undefined; at = at.main) depth++
  const most = r.served.settings.limitSubrequests
  if (depth < most) return false
  r.log('error', 'core', `AH00125: Request exceeded the limit of ${most} subrequest nesting levels due to probable configuration error. Use 'LimitInternalRecursion' to increase the limit if necessary. Use 'LogLevel debug' to get a backtrace.`)
  return true
}

/** ap_run_sub_req: answers what a look-up has found, into the body of another. @returns OK, or why it was not answered */
export async function runSubrequest(sub: RequestRec, into: Sink): Promise<Status> {
  return sub.status === 200 ? answerInto(sub, into, () => handle(sub)) : sub.status
}

// Whatever becomes of a part, it lets go of what it holds.
async function answerInto(part: RequestRec, into: Sink, act: () => Answer<Status>): Promise<Status> {
  part.divert(into)
  try {
    const status = await act()
    if (status === HANDOVER || part.mustHandOver) handOverAll(part)
    if (status !== OK && status !== DONE) return status
    return part.next === undefined ? await part.finish() : OK
  } finally {
    part.forget()
  }
}

/** A subrequest could not be decided here: nor can any that it is made for, whatever they have been told of it. */
function handOverAll(sub: RequestRec): void {
  for (let at: RequestRec | undefined = sub; at !== undefined; at = at.main) at.mustHandOver = true
}

function follower(r: RequestRec, path: string, args: string | undefined): RequestRec {
  const to = new RequestRec(r.connection, r.head, r.served)
  to.uri = path
  to.args = args
  to.unparsedUri = path
  to.hostname = r.hostname
  to.takeClient(r)
  to.status = r.status
  to.body = r.body
  to.continued = r.continued
  to.framingInDoubt = r.framingInDoubt
  to.deadline = r.deadline
  to.resolved = r.served.resolver.forLocation(to.uri)
  to.chains = r.connection.engine.chainsOf(r.server, to.resolved)
  return to
}
