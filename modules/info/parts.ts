/* The tables of the page: hooks under the names that Apache's page gives them, and what takes part in which. */
import type { Hook, Hooks, LoadedModule, Link } from 'httpd'

// `any`: hooks of different arguments stand in one list; nothing is called.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyHook = Hook<any, any>
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyLink = Link<any, any>

type Titles = { readonly [K in keyof Hooks]?: string }

const STARTUP: Titles = {
  preConfig: 'Pre-Config', checkConfig: 'Check Configuration', testConfig: 'Test Configuration', openLogs: 'Open Logs',
  postConfig: 'Post Configuration', childInit: 'Child Init',
}
const REQUEST: Titles = {
  preConnection: 'Pre-Connection', processConnection: 'Process Connection', postReadRequest: 'Post-Read Request', headerParser: 'Header Parse',
  translateName: 'Translate Name', mapToStorage: 'Map to Storage', accessChecker: 'Check Access',
  accessCheckerEx: 'Check Access (extended)', checkUserId: 'Verify User ID', authChecker: 'Verify User Access',
  typeChecker: 'Check Type', fixups: 'Fixups', handler: 'Content Handlers', logTransaction: 'Logging',
}
const OTHER: Titles = {
  readPreface: 'Read Preface', readLimits: 'Read Limits', ioTap: 'Told of Bytes', insertFilter: 'Insert Filters', insertErrorFilter: 'Insert Errors',
}

export interface HookGroup {
  readonly anchor: string
  readonly title: string
  readonly hooks: readonly { readonly title: string; readonly links: readonly AnyLink[] }[]
}

const groupOf = (hooks: Hooks, anchor: string, title: string, titles: Titles): HookGroup => ({
  anchor, title,
  hooks: (Object.keys(titles) as (keyof Hooks)[]).map((name) => ({ title: titles[name]!, links: (hooks[name] as AnyHook).links() })),
})

/** Hooks that the tables do not know yet stand with the last group, under their own names. */
export function hookGroups(hooks: Hooks): readonly HookGroup[] {
  const known = { ...STARTUP, ...REQUEST, ...OTHER }
  const others = (Object.keys(hooks) as (keyof Hooks)[]).filter((name) => !(name in known))
  const more = Object.fromEntries(others.map((name) => [name, hooks[name].name]))
  return [
    groupOf(hooks, 'startup_hooks', 'Startup Hooks', STARTUP),
    groupOf(hooks, 'request_hooks', 'Request Hooks', REQUEST),
    groupOf(hooks, 'other_hooks', 'Other Hooks', { ...OTHER, ...more }),
  ]
}

/** Titles of the hooks that a module has functions in, and the handlers that it has by name. */
export function takesPart(hooks: Hooks, { symbol }: LoadedModule): { readonly phases: string[]; readonly handlers: string[] } {
  const own = hookGroups(hooks).map(({ hooks: each }) => each)
    .flat().filter(({ links }) => links.some(({ owner }) => owner === symbol))
  const handlers = hooks.handler.links().filter(({ owner }) => owner === symbol).map(({ place }) => place.handler ?? 'any')
  return { phases: own.map(({ title }) => title), handlers: [...new Set(handlers)] }
}
