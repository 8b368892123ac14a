/** The core as a module: its directives, its settings, and the hooks that go with them. */
import { earlyDirectives } from '../config/reader.ts'
import { sectionDirectives } from '../config/sections.ts'
import { conditionalSections } from '../expr/if_sections.ts'
import { registerExpressions } from '../expr/lookup.ts'
import { DECLINED, OK, Order, type Answer, type Configured, type Status } from '../hook/hook.ts'
import type { Module } from '../hook/module.ts'
import type { Request } from '../hook/types.ts'
import { coreDirectives } from './core_directives.ts'
import { dirCore, globalCore, serverCore } from './core_settings.ts'
import { findNames, wantsNames } from './host_names.ts'
import { inertDirectives } from './inert_directives.ts'
import { serverExpressions } from './server_expressions.ts'
import { listenDirectives } from './listen_directives.ts'
import { logDirectives } from './log_directives.ts'
import { sectionSettings } from './section_directives.ts'

/** ForceType and SetHandler have the last word on type and handler; `none` takes back an outer one. */
export function overrideType(r: Request): Answer<Status> {
  const { forceType, setHandler } = r.dir(dirCore)
  if (forceType !== undefined && forceType !== 'none') r.contentType = forceType
  if (typeof setHandler === 'object') return setHandler.resolve(r, 'core', (name) => handle(r, name), failed(r))
  if (setHandler !== undefined && setHandler.toLowerCase() !== 'none') r.handler = setHandler
  return forceType === undefined && setHandler === undefined ? DECLINED : OK
}

/** SetOutputFilter and SetInputFilter. */
export function insertSetFilters(r: Request): void {
  const { outputFilters, inputFilters } = r.dir(dirCore)
  for (const name of outputFilters ?? []) r.addOutputFilter(name)
  for (const name of inputFilters ?? []) r.addInputFilter(name)
}

// The name of a handler does not depend on case, but the path of a socket does.
function handle(r: Request, value: string): Status {
  const name = value.startsWith('proxy:unix') ? value : value.toLowerCase()
  if (name !== 'none') r.handler = name
  return OK
}

const failed = (r: Request) => (reason: string): Status => {
  r.log('error', 'core', `AH03154: Can't evaluate handler expression: ${reason}`)
  return 500
}

const overrides = (settings: Configured): boolean => {
  const { forceType, setHandler } = settings.dir(dirCore)
  return forceType !== undefined || setHandler !== undefined
}
const isSlow = (settings: Configured): boolean => {
  const { setHandler } = settings.dir(dirCore)
  return typeof setHandler === 'object' && !setHandler.quick
}

export const core = {
  name: 'core_module',
  file: 'core.c',
  settings: [serverCore, globalCore, dirCore],
  directives: [
    ...sectionDirectives, ...conditionalSections, ...earlyDirectives, ...coreDirectives, ...sectionSettings, ...logDirectives,
    ...listenDirectives, ...inertDirectives,
  ],
  register({ fixups, headerParser, insertFilter }, on) {
    registerExpressions(serverExpressions)
    on(insertFilter, insertSetFilters, {
      quick: true,
      when: (settings) => {
        const { outputFilters, inputFilters } = settings.dir(dirCore)
        return (outputFilters?.length ?? 0) + (inputFilters?.length ?? 0) > 0
      },
    })
    on(headerParser, (r) => findNames(r), {
      order: Order.reallyFirst, quick: true, when: (settings) => wantsNames(settings.dir(dirCore)),
    })
    const order = Order.reallyFirst
    on(fixups, overrideType, { order, quick: true, when: (settings) => overrides(settings) && !isSlow(settings) })
    on(fixups, overrideType, { order, when: isSlow })
  },
} satisfies Module
