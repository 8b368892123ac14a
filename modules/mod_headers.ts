/*
 * mod_headers: adds, changes and takes away headers. RequestHeader's are changed before the handler runs, a response's
 * when its body begins: whatever made it, and whatever other filters say, has been said by then.
 */
import {
  addTo, after, allowedBy, DECLINED, FilterType, Order, raw, Settings,
  type Answer, type Command, type Configured, type Data, type Directive, type Module, type OutputFilter, type Request,
  type Sink, type Status, type Wait,
} from 'httpd'
import { applyRules } from './headers/apply.ts'
import { isSlow, parseRule, TABLES, type Rule } from './headers/rules.ts'

type Rules = readonly Rule[]

const joined = (outer: Rules, inner: Rules): Rules => [...outer, ...inner]

const byTable = (rules: Rules): Rules =>
  rules.toSorted((one, other) => TABLES.indexOf(one.table) - TABLES.indexOf(other.table))

const perDirectory = new Settings('directory', {
  in: [] as Rules, out: [] as Rules, err: [] as Rules,
  /** Of all tables, only what is said outside of sections counts. */
  early: [] as Rules,
}, { in: joined, out: joined, err: joined, early: (outer, inner) => byTable(joined(outer, inner)) })

type Held = Readonly<typeof perDirectory.defaults>

function add(said: Partial<Held>, command: Command): void {
  const rule = parseRule(command)
  const list = rule.early ? 'early' : rule.table
  const rules = addTo(said[list], rule)
  ;(said as { -readonly [K in keyof Held]?: Rules })[list] = list === 'early' ? byTable(rules) : rules
}

/** post_read_request */
export function applyEarly(r: Request): Answer<Status> {
  const go = (done: boolean): Status => (done ? DECLINED : tooLong(r))
  return after(applyRules(r, r.server.conf.defaults.holds(perDirectory).early), go)
}

function tooLong(r: Request): Status {
  r.log('error', 'headers', 'AH01502: Regular expression replacement failed (replacement too long?)')
  return 500
}

/** fixups */
export const applyToRequest = (r: Request): Answer<Status> => {
  const answer = applyRules(r, r.dir(perDirectory).in)
  return answer instanceof Promise ? answer.then(() => DECLINED) : DECLINED
}

function applyToResponse(r: Request, isError: boolean): Wait {
  const { err, out } = r.dir(perDirectory)
  const first = err.length === 0 ? true : applyRules(r, err)
  if (isError || out.length === 0) return first instanceof Promise ? first.then(() => undefined) : undefined
  const answer = after(first, () => applyRules(r, out))
  return answer instanceof Promise ? answer.then(() => undefined) : undefined
}

/** What comes of it waits for what an expression has to look up. */
function held(next: Sink, wait: Promise<void>): Sink {
  let until: Wait = wait.then(() => void (until = undefined))
  const go = (step: () => Wait): Wait => (until === undefined ? step() : (until = until.then(step)))
  return { write: (data: Data) => go(() => next.write(data)), flush: () => go(() => next.flush()), end: () => go(() => next.end()) }
}

const fixup = (name: string, quick: boolean): OutputFilter => ({
  name, type: FilterType.contentSet, keepsLength: true, quick,
  begin: (r, next) => {
    const wait = applyToResponse(r, name === 'FIXUP_HEADERS_ERR')
    return wait === undefined ? undefined : held(next, wait)
  },
})

const [quickOut, slowOut] = [fixup('FIXUP_HEADERS_OUT', true), fixup('FIXUP_HEADERS_OUT', false)]
const [quickErr, slowErr] = [fixup('FIXUP_HEADERS_ERR', true), fixup('FIXUP_HEADERS_ERR', false)]

const rulesOf = (settings: Configured): Held => settings.dir(perDirectory)
const responds = ({ err, out }: Held): boolean => err.length + out.length > 0
const blocks = ({ err, out }: Held): boolean => err.some(isSlow) || out.some(isSlow)

const row = (name: string, help: string): Directive =>
  perDirectory.directive(name, [raw], (said, command) => add(said, command), allowedBy('FileInfo'), help)

export const module = {
  name: 'headers_module',
  file: 'mod_headers.c',
  settings: [perDirectory],
  directives: [
    row('Header', 'Perhaps `always` or `onsuccess`; an action, a header, and what the action needs; perhaps a condition'),
    row('RequestHeader', 'An action, a header, and what the action needs; perhaps a condition'),
  ],
  outputFilters: [quickOut, quickErr],
  register({ postReadRequest, fixups, insertFilter, insertErrorFilter }, on) {
    const order = Order.last
    on(postReadRequest, applyEarly, { quick: true, order: Order.first, when: (s) => rulesOf(s).early.length > 0 && !rulesOf(s).early.some(isSlow) })
    on(postReadRequest, applyEarly, { order: Order.first, when: (s) => rulesOf(s).early.some(isSlow) })
    on(fixups, applyToRequest, { quick: true, order, when: (s) => rulesOf(s).in.length > 0 && !rulesOf(s).in.some(isSlow) })
    on(fixups, applyToRequest, { order, when: (s) => rulesOf(s).in.some(isSlow) })
    on(insertFilter, (r) => r.addOutputFilter(quickOut), { quick: true, order, when: (s) => responds(rulesOf(s)) && !blocks(rulesOf(s)) })
    on(insertFilter, (r) => r.addOutputFilter(slowOut), { quick: true, order, when: (s) => blocks(rulesOf(s)) })
    on(insertErrorFilter, (r) => r.addOutputFilter(quickErr),
      { quick: true, order, when: (s) => rulesOf(s).err.length > 0 && !rulesOf(s).err.some(isSlow) })
    on(insertErrorFilter, (r) => r.addOutputFilter(slowErr), { quick: true, order, when: (s) => rulesOf(s).err.some(isSlow) })
  },
} satisfies Module
