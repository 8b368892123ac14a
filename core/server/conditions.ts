/**
 * What of <If>, <ElseIf> and <Else> holds for a request (Apache's ap_if_walk).
 * A step of the pipeline, once with the configuration of the URL and once with
 * that of the file.
 */
import type { Section } from '../config/server_conf.ts'
import type { IfSection } from '../expr/if_sections.ts'
import { after, HANDOVER, OK, type Answer, type Status } from '../hook/hook.ts'
import { setMatchNames } from './match_names.ts'
import type { RequestRec } from './request_rec.ts'

interface Outcome {
  /** One character for each section that was come to: whether it holds. */
  key: string
  readonly holding: Section[]
}

export function applyConditions(r: RequestRec): Answer<Status> {
  const { resolved } = r
  if (resolved === undefined) return OK
  // Conditions may ask for them.
  if (resolved.naming.length > 0) setMatchNames(r, resolved.naming)
  if (resolved.conditions.length === 0) return OK
  const outcome: Outcome = { key: '', holding: [] }
  return after(follow(r, resolved.conditions, outcome, 0, false), (status) => {
    if (status !== OK || outcome.holding.length === 0) return status
    r.resolved = r.served.resolver.under(resolved, outcome.key, outcome.holding)
    r.chains = r.connection.engine.chainsOf(r.server, r.resolved)
    return OK
  })
}

/** @param taken one of the branches before `from` holds, so the rest of them do not */
function follow(
  r: RequestRec, sections: readonly Section[], outcome: Outcome, from: number, taken: boolean,
): Answer<Status> {
  for (let i = from; i < sections.length; i++) {
    // Only sections of this kind are conditional.
    const section = sections[i] as IfSection
    if (section.branch !== 'If' && taken) continue
    const holds = section.condition === undefined ? true : decide(r, section)
    if (holds === HANDOVER) return HANDOVER
    if (typeof holds === 'object') {
      return holds.then((late) => after(enter(r, section, outcome, late), (status) =>
        status === OK ? follow(r, sections, outcome, i + 1, late) : status))
    }
    taken = holds === true
    const entered = enter(r, section, outcome, taken)
    if (entered instanceof Promise) {
      return entered.then((status) => (status === OK ? follow(r, sections, outcome, i + 1, true) : status))
    }
    if (entered !== OK) return entered
  }
  return OK
}

function decide(r: RequestRec, { condition }: IfSection): Answer<boolean> | typeof HANDOVER {
  if (!condition!.quick && !r.connection.engine.mayBlock) return HANDOVER
  return condition!.resolve(r, 'core', (value) => value, (reason) => {
    r.log('error', 'core', `AH00039: Failed to evaluate <If > condition: ${reason}`)
    return false
  })
}

/** What stands inside of a section that holds comes after it. */
function enter(r: RequestRec, section: IfSection, outcome: Outcome, holds: boolean): Answer<Status> {
  outcome.key += holds ? '1' : '0'
  if (!holds) return OK
  outcome.holding.push(section)
  return section.inner.length === 0 ? OK : follow(r, section.inner.filter(isCondition), outcome, 0, false)
}

const isCondition = ({ kind }: Section): boolean => kind === 'If'
