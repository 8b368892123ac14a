/*
 * One request's way through one list of rules (Apache's apply_rewrite_list). One rule: what matches is found out without
 * making anything; only a rule that matches costs more than its pattern.
 */
import {
  after, mightLog, serverCore,
  type Answer, type RegexMatch, type Request,
} from 'httpd'
import { holds } from './conditions.ts'
import { cookieOf } from './cookie.ts'
import type { RewriteMap } from './maps.ts'
import type { Condition, Rule } from './rule.ts'
import type { Groups, Scope, TraceLevel } from './scope.ts'
import { constructed, reducedBy } from './self.ts'
import type { Marks } from './template.ts'
import { trace } from './trace.ts'
import { schemeOf, splitQuery } from './uri.ts'

/** What came of the rules: nothing was substituted, a status answers, or there is a new file name or URL. */
export type Outcome = 'none' | 'answered' | 'rewritten' | 'verbatim'

/** What a rule came to: its pattern or conditions did not hold, it changed nothing but what it notes, or the name. */
type Applied = 'no' | 'noted' | 'substituted' | 'refused'

export interface Found {
  readonly outcome: Outcome
  /** The answer, or what a redirect is sent with. */
  readonly status: number
  /** The last rule that has substituted something. */
  readonly last: Rule | undefined
  readonly passThrough: boolean
  readonly proxy: boolean
  /** The name was a URL of this very server. */
  readonly reduced: boolean
}

export interface Ground {
  readonly rules: readonly Rule[]
  readonly maps: ReadonlyMap<string, RewriteMap>
  /** Undefined for rules of the server. */
  readonly directory: string | undefined
}

export const FORCED_TYPE = 'rewrite-forced-mimetype'
export const FORCED_HANDLER = 'rewrite-forced-handler'

/** Requests that a rule with END has ended for. */
const ended = new WeakSet<Request>()

/** Whether a rule has said that no others hold any more, for this request or one that it was redirected from. */
export function isEnded(request: Request): boolean {
  for (let at: Request | undefined = request; at !== undefined; at = at.prev) if (ended.has(at)) return true
  return false
}

export class Pass implements Scope {
  readonly request: Request
  readonly maps: ReadonlyMap<string, RewriteMap>
  readonly traces = mightLog('trace1')
  ruleGroups: RegexMatch | undefined
  conditionGroups: Groups
  readonly #rules: readonly Rule[]
  readonly #directory: string | undefined
  #headers: string[] = []
  #round = 1
  #outcome: Outcome = 'none'
  #status: number
  #last: Rule | undefined
  #passThrough = false
  #proxy = false
  #reduced = false
  /** What the rule makes of the name, not yet in its place; and whether that is a URL for the client or a proxy to go to. */
  #new = ''
  #leads = false

  constructor(request: Request, { rules, maps, directory }: Ground) {
    this.request = request
    this.maps = maps
    this.#rules = rules
    this.#directory = directory
    this.#status = request.status
  }

  /** The names of request and file are changed as the rules say. */
  run(): Answer<Found> {
    return after(this.#from(0), () => ({
      outcome: this.#outcome, status: this.#status, last: this.#last, passThrough: this.#passThrough,
      proxy: this.#proxy, reduced: this.#reduced,
    }))
  }

  trace(level: TraceLevel, text: string, general?: true): void {
    trace(this.request, level, general ? undefined : this.#directory, text)
  }

  dependsOn(header: string): void {
    // Caches tell hosts apart without being told to (RFC 9110 section 12.5.5).
    if (header.toLowerCase() !== 'host') this.#headers.push(header)
  }

  #from(start: number): Answer<void> {
    const isSub = this.request.main !== undefined
    for (let i = start; i < this.#rules.length;) {
      const rule = this.#rules[i]!
      if (isSub && (rule.flags.noSubrequests || rule.flags.redirect)) {
        i++
        continue
      }
      const applied = this.#matches(rule) ? this.#apply(rule) : 'no'
      if (applied instanceof Promise) {
        return applied.then((late) => {
          const next = this.#next(i, late)
          return next < 0 ? undefined : this.#from(next)
        })
      }
      i = this.#next(i, applied)
      if (i < 0) return
    }
  }

  /** Which rule is the next one; -1: none. */
  #next(i: number, applied: Applied): number {
    const { flags, pattern } = this.#rules[i]!
    if (applied === 'no') {
      while (this.#rules[i]?.flags.chain) i++
      return i + 1
    }
    if (applied === 'substituted' && this.request.filename!.length > this.#longest()) {
      this.#refuse(`RewriteRule '${pattern}' and URI '${this.request.uri}' exceeded maximum length (${this.#longest()})`)
      return -1
    }
    if (flags.answer || applied === 'refused') {
      this.#outcome = 'answered'
      return -1
    }
    if (applied === 'substituted') this.#outcome = flags.noEscape ? 'verbatim' : 'rewritten'
    if (this.#stops(flags)) return -1
    if (flags.again) return this.#again(i)
    return i + 1 + Math.max(0, flags.skip)
  }

  #longest(): number {
    return 2 * this.request.server.get(serverCore).limitRequestLine
  }

  #stops({ passThrough, end, proxy, final }: Rule['flags']): boolean {
    if (passThrough) {
      if (this.traces)
        this.trace(2, `forcing '${this.request.filename}' to get passed through to next API URI-to-filename handler`)
      this.#passThrough = true
      this.#outcome = 'rewritten'
    } else if (end) {
      if (this.traces) this.trace(8, 'Rule has END flag, no further rewriting for this request')
      ended.add(this.request)
    }
    return passThrough || end || proxy || final
  }

  #again(i: number): number {
    const { flags: { rounds }, pattern } = this.#rules[i]!
    if (++this.#round < rounds) return 0
    this.#refuse(`AH02596: RewriteRule '${pattern}' and URI '${this.request.uri}' exceeded maximum number of rounds (${rounds}) ` +
      'via the [N] flag')
    return -1
  }

  #refuse(message: string, status = 500): void {
    this.request.log('error', 'rewrite', message)
    this.#outcome = 'answered'
    this.#status = status
  }

  /** What the pattern is held against: in a directory what follows its path, the path behind the file included. */
  #subject(): string {
    const { request } = this
    const name = request.filename ?? request.uri
    const directory = this.#directory
    if (directory === undefined) return name
    const whole = request.pathInfo === '' ? name : name + request.pathInfo
    if (this.traces && request.pathInfo !== '') this.trace(3, `add path info postfix: ${name} -> ${whole}`)
    if (!whole.startsWith(directory)) return whole
    const below = whole.slice(directory.length)
    if (this.traces) this.trace(3, `strip per-dir prefix: ${whole} -> ${below}`)
    return below
  }

  #matches({ regex, negated, pattern }: Rule): boolean {
    const subject = this.#subject()
    if (this.traces) this.trace(3, `applying pattern '${pattern}' to uri '${subject}'`)
    const match = regex.exec(subject)
    if ((match === null) !== negated) return false
    this.ruleGroups = match ?? undefined
    return true
  }

  #apply(rule: Rule): Answer<Applied> {
    this.conditionGroups = undefined
    const subject = this.traces ? this.#subjectAgain() : ''
    if (rule.conditions.length === 0) return this.#act(rule, subject)
    const vary: string[] = []
    return after(this.#hold(rule.conditions, 0, vary), (met) => (met ? this.#act(rule, subject, vary) : 'no'))
  }

  #subjectAgain(): string {
    const { filename, uri, pathInfo } = this.request
    const whole = (filename ?? uri) + (this.#directory === undefined ? '' : pathInfo)
    return this.#directory !== undefined && whole.startsWith(this.#directory) ? whole.slice(this.#directory.length) : whole
  }

  /** Whether all conditions hold; of those with OR between them one is enough. */
  #hold(conditions: readonly Condition[], start: number, vary: string[]): Answer<boolean> {
    for (let i = start; i < conditions.length;) {
      const condition = conditions[i]!
      this.#headers = []
      const met = holds(condition, this)
      if (met instanceof Promise) {
        return met.then((late) => {
          const next = this.#after(conditions, i, late, vary)
          return next < 0 ? false : this.#hold(conditions, next, vary)
        })
      }
      i = this.#after(conditions, i, met, vary)
      if (i < 0) return false
    }
    return true
  }

  #after(conditions: readonly Condition[], i: number, met: boolean, vary: string[]): number {
    const { or, noVary } = conditions[i]!
    if (!met && !or) return -1
    if (met && !noVary) vary.push(...this.#headers)
    // The other ones of the same list need not be asked.
    if (met && or) while (conditions[i]?.or) i++
    return i + 1
  }

  #act(rule: Rule, subject: string, vary: readonly string[] = []): Answer<Applied> {
    this.#headers = []
    return after(this.#substitute(rule, subject), (applied) => {
      if (applied === 'refused') return this.#toldLast(rule, applied)
      const noted = this.#note(rule.flags, 0)
      const finish = (): Answer<Applied> => after(this.#finish(rule, applied), (done) => {
        for (const header of vary) addVary(this.request, header)
        return done
      })
      return noted instanceof Promise ? noted.then(finish) : finish()
    })
  }

  #substitute({ output, flags }: Rule, subject: string): Answer<Applied> {
    if (output === undefined) return 'noted'
    const marks: Marks = { last: flags.last, question: 'none' }
    return after(output.expandMarked(this, flags.escaping, marks), (text) => {
      if (this.traces) this.trace(2, `rewrite '${subject}' -> '${text}'`)
      this.#new = text
      if (marks.question !== 'inserted' || flags.unsafeAllow3F) return 'substituted'
      this.#refuse('AH10508: Unsafe URL with %3f URL rewritten without UnsafeAllow3F', 403)
      return 'refused'
    })
  }

  /** Variables and cookies. */
  #note(flags: Rule['flags'], from: number): Answer<void> {
    const { env, cookies } = flags
    for (let i = from; i < env.length + cookies.length; i++) {
      const isEnv = i < env.length
      const text = (isEnv ? env[i]! : cookies[i - env.length]!).expand(this)
      const take = (value: string): void => (isEnv ? this.#setEnv(value) : this.#addCookie(value))
      if (text instanceof Promise) {
        return text.then((late) => {
          take(late)
          return this.#note(flags, i + 1)
        })
      }
      take(text)
    }
  }

  #setEnv(text: string): void {
    const { env } = this.request
    if (text.startsWith('!')) {
      env.delete(text.slice(1))
      if (this.traces) this.trace(5, `unsetting env variable '${text.slice(1)}'`, true)
      return
    }
    const colon = text.indexOf(':')
    const [name, value] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
    env.set(name, value)
    if (this.traces) this.trace(5, `setting env variable '${name}' to '${value}'`, true)
  }

  #addCookie(text: string): void {
    let main = this.request
    while (main.main !== undefined) main = main.main
    const cookie = cookieOf(text, main.requestTime)
    if (cookie === undefined) return
    const key = `${cookie.name}_rewrite`
    if (isSet(main, key)) {
      if (this.traces) this.trace(5, `skipping already set cookie '${cookie.name}'`, true)
      return
    }
    main.notes.set(key, 'set')
    main.errHeadersOut.add('Set-Cookie', cookie.text)
    if (this.traces) this.trace(5, `setting cookie '${cookie.text}'`, true)
  }

  #finish(rule: Rule, applied: Applied): Answer<Applied> {
    const { flags } = rule
    if (applied === 'noted') {
      return after(this.#force(rule), () => {
        if (flags.answer) {
          if (this.traces) this.trace(2, `forcing responsecode ${flags.status} for ${this.request.filename ?? this.request.uri}`)
          this.#status = flags.status
        }
        return applied
      })
    }
    this.#name(rule)
    return this.#leads ? this.#toldLast(rule, applied) : after(this.#force(rule), () => this.#toldLast(rule, applied))
  }

  #toldLast(rule: Rule, applied: Applied): Applied {
    this.#last = rule
    if (this.traces) this.trace(2, `setting lastsub to rule with output ${rule.output!.text}`)
    return applied
  }

  /** The new name takes its place, made whole. */
  #name({ flags, output }: Rule): void {
    const { request } = this
    if (this.#directory !== undefined && flags.discardPathInfo) request.pathInfo = ''
    this.#split(this.#whole(this.#plain(this.#new, output!.text, flags.unc || flags.redirect)), flags)
    const name = request.filename!
    this.#leads = true
    if (flags.proxy) {
      request.filename = constructed(request, name)
      this.#proxy = true
      if (this.traces) this.trace(2, `forcing proxy-throughput with ${request.filename}`)
    } else if (flags.redirect) {
      request.filename = constructed(request, name)
      this.#status = flags.status
      if (this.traces) this.trace(2, `explicitly forcing redirect with ${request.filename}`)
    } else this.#reduce(flags)
  }

  #reduce(flags: Rule['flags']): void {
    const { request } = this
    const name = request.filename!
    const own = reducedBy(request, name)
    if (own !== undefined) {
      if (this.traces) this.trace(3, `reduce ${name} -> ${own}`, true)
      request.filename = own
      this.#reduced = true
    }
    this.#leads = schemeOf(request.filename!) !== undefined
    if (!this.#leads) return
    this.#status = flags.status
    if (this.traces) this.trace(2, `implicitly forcing redirect (rc=${flags.status} with ${request.filename}`)
  }

  #split(whole: string, flags: Rule['flags']): void {
    const { request } = this
    const { path, args } = splitQuery(whole, request.args, flags)
    if (this.traces) {
      if (flags.none) this.trace(2, 'discarding query string, no parse from substitution', true)
      else if (flags.discard) this.trace(2, 'discarding query string', true)
      if (path !== whole) this.trace(3, `split uri=${whole} -> uri=${path}, args=${args ?? '<none>'}`, true)
    }
    request.filename = path
    request.args = args
  }

  /** Several slashes in front are one where the rule has not written them: as a file they would name a host on some systems. */
  #plain(text: string, written: string, keep: boolean): string {
    return !keep && text.startsWith('//') && !written.startsWith('//') ? text.replace(/^\/+/, '/') : text
  }

  /** What is neither a path nor a URL begins where the rule stands. */
  #whole(text: string): string {
    if (text.startsWith('/') || schemeOf(text) !== undefined) return text
    const whole = `${this.#directory ?? '/'}${text}`
    if (this.traces) {
      this.trace(3, this.#directory === undefined ? `add root prefix: ${text} -> ${whole}`
        : `add per-dir prefix: ${text} -> ${this.#directory}${text}`)
    }
    return whole
  }

  /** T and H: kept for the end of fixups. */
  #force({ flags: { type, handler, escaping } }: Rule): Answer<void> {
    if (type === undefined && handler === undefined) return
    const { request } = this
    const keep = (key: string, what: string) => (text: string): void => {
      if (text === '') return
      const value = text.toLowerCase()
      if (this.traces) this.trace(2, `remember ${request.filename} to have ${what} '${value}'`)
      request.notes.set(key, value)
    }
    const kind = type === undefined ? undefined : after(type.expand(this, escaping), keep(FORCED_TYPE, 'MIME-type'))
    const then = (): Answer<void> =>
      handler === undefined ? undefined : after(handler.expand(this, escaping), keep(FORCED_HANDLER, 'Content-handler'))
    return kind instanceof Promise ? kind.then(then) : then()
  }
}

/** Names a header in Vary that is not named there yet. */
function addVary({ headersOut }: Request, header: string): void {
  const said = headersOut.get('Vary')
  const isThere = said?.toLowerCase().split(/[ \t]*,[ \t]*/).includes(header.toLowerCase()) === true
  if (!isThere) headersOut.set('Vary', said === undefined ? header : `${said},${header}`)
}

/** Whether the cookie is there already, from this request or one that it was redirected from. */
function isSet(request: Request, key: string): boolean {
  for (let at: Request | undefined = request; at !== undefined; at = at.prev) if (at.notes.has(key)) return true
  return false
}
