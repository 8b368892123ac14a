/*
 * mod_setenvif: environment variables out of what a request looks like. Lines outside of sections are carried out before
 * it is known where the request leads, those in sections once that is known.
 */
import {
  addTo, allowedBy, ConfigError, DECLINED, findNames, nextWord, Order, raw, Settings, wantsNames, after, dirCore,
  type Answer, type Command, type Configured, type Directive, type Module, type Request, type Status,
} from 'httpd'
import { applyRules, expressionRule, looksAtHost, matchRule, type Rule } from './setenvif/rules.ts'

interface Said { readonly rules: readonly Rule[] }

const joined = (outer: readonly Rule[], inner: readonly Rule[]): readonly Rule[] => [...outer, ...inner]
const perServer = new Settings('server', { rules: [] } as Said, { rules: joined })
const perDirectory = new Settings('directory', { rules: [] } as Said, { rules: joined })

/** The same test as that of the line before adds to what that line does. */
function add(command: Command, rule: Rule): void {
  const said: { rules?: readonly Rule[] } = command.path === undefined && !command.htaccess
    ? command.vector('server').said(perServer)
    : command.vector('directory').said(perDirectory)
  const { rules } = said
  const last = rules?.at(-1)
  if (rules === undefined || last === undefined || !isSameTest(last, rule)) said.rules = addTo(rules, rule)
  else said.rules = rules.with(-1, { ...last, changes: withLater(last.changes, rule.changes) })
}

const isSameTest = (one: Rule, other: Rule): boolean =>
  'subject' in one && 'subject' in other && one.subject === other.subject && one.pattern === other.pattern &&
  one.ignoreCase === other.ignoreCase

function withLater(before: Rule['changes'], later: Rule['changes']): Rule['changes'] {
  const isLater = ({ name }: Rule['changes'][number]): boolean =>
    later.some((change) => change.name.toLowerCase() === name.toLowerCase())
  return [...before.filter((change) => !isLater(change)), ...later]
}

const fail = (r: Request) => (isDone: boolean): Status => {
  if (isDone) return DECLINED
  r.log('crit', 'setenvif', "AH01505: Regular expression replacement failed: value too long?")
  return 500
}

const carryOut = (r: Request, rules: readonly Rule[]): Answer<Status> => {
  const answer = applyRules(r, rules)
  return answer === true ? DECLINED : after(answer, fail(r))
}

/** post_read_request */
export const setEarly = (r: Request): Answer<Status> => carryOut(r, r.server.get(perServer).rules)
/** header_parser */
export const setLate = (r: Request): Answer<Status> => carryOut(r, r.dir(perDirectory).rules)

const isSlow = (rule: Rule): boolean => 'expression' in rule && !rule.expression.quick
const early = (settings: Configured): readonly Rule[] => settings.server(perServer).rules
const late = (settings: Configured): readonly Rule[] => settings.dir(perDirectory).rules

const row = (name: string, add: (command: Command) => void, help: string): Directive =>
  perDirectory.directive(name, [raw], (_, command) => add(command), allowedBy('FileInfo'), help)

const setEnvIf = (ignoreCase: boolean) => (command: Command): void => {
  const [name, rest] = nextWord(command.args)
  if (name === '') throw new ConfigError(`Missing header-field name for ${command.directive.name}`)
  add(command, matchRule(name, rest, command.directive.name, ignoreCase))
}

const browserMatch = (ignoreCase: boolean) => (command: Command): void =>
  add(command, matchRule('User-Agent', command.args, command.directive.name, ignoreCase))

const ENDING = 'a regular expression, and variables: NAME, NAME=VALUE or !NAME'

export const module = {
  name: 'setenvif_module',
  file: 'mod_setenvif.c',
  settings: [perServer, perDirectory],
  directives: [
    row('SetEnvIf', setEnvIf(false), `A header or attribute of the request, ${ENDING}`),
    row('SetEnvIfNoCase', setEnvIf(true), `The same without regard to case: a header or attribute, ${ENDING}`),
    row('SetEnvIfExpr', (command) => add(command, expressionRule(command)),
      'A condition, and variables: NAME, NAME=VALUE or !NAME'),
    row('BrowserMatch', browserMatch(false), `For the header User-Agent: ${ENDING}`),
    row('BrowserMatchNoCase', browserMatch(true), `For User-Agent without regard to case: ${ENDING}`),
  ],
  register({ postReadRequest, headerParser }, on) {
    on(postReadRequest, (r) => findNames(r), {
      // Whose name it is mod_remoteip says.
      order: Order.first, after: ['remoteip_module'], quick: true,
      when: (settings) => early(settings).some(looksAtHost) && wantsNames(settings.dir(dirCore)),
    })
    on(postReadRequest, setEarly, {
      quick: true, when: (settings) => early(settings).length > 0 && !early(settings).some(isSlow),
    })
    on(postReadRequest, setEarly, { when: (settings) => early(settings).some(isSlow) })
    on(headerParser, setLate, {
      quick: true, when: (settings) => late(settings).length > 0 && !late(settings).some(isSlow),
    })
    on(headerParser, setLate, { when: (settings) => late(settings).some(isSlow) })
  },
} satisfies Module
