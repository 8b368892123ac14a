/** As whom a generation is served: asked of its configuration and the system, before anything is opened for it. */
import type { Service } from '../port/port.ts'
import { lookUpAccount } from './accounts.ts'
import { serverCore } from './core_settings.ts'
import { identityOf, type Identity, type Refusal } from './privileges.ts'
import { unreadableDirectory, unreadableProgram, type ProgramPlace } from './reach.ts'
import type { Prepared } from './startup.ts'
import { unixd } from './unixd_settings.ts'

export interface IdentityParts extends ProgramPlace {
  /** Built with -DBIG_SECURITY_HOLE. */
  readonly mayServeAsRoot: boolean
}

export interface Decided {
  /** undefined: children keep the user of the control process. */
  readonly identity: Identity | undefined
  /** What this user will not be able to serve. */
  readonly warnings: readonly string[]
}

/** @param service opened only by root, who alone has to know more about users */
export function identityFor(prepared: Prepared, parts: IdentityParts, service: () => Service): Decided | Refusal {
  const main = prepared.servers[0]!
  const identity = identityOf({
    isRoot: process.geteuid?.() === 0,
    mayServeAsRoot: parts.mayServeAsRoot,
    hasUnixd: prepared.modules.has('unixd_module'),
    settings: main.get(unixd),
    accountOf: (uid) => lookUpAccount('passwd', uid),
    groupsOf: (user, group) => service().groupsOf(user, group),
  })
  if (identity === undefined) return { identity, warnings: [] }
  if ('texts' in identity) return identity
  const texts = unreadableProgram(parts, identity, prepared.program)
  if (texts !== undefined) return { texts }
  const roots = new Set(prepared.servers.map((server) => server.get(serverCore).documentRoot))
  const warnings = [
    unreadableDirectory('ServerRoot', prepared.serverRoot, identity),
    ...[...roots].map((root) => root && unreadableDirectory('DocumentRoot', root, identity)),
  ]
  return { identity, warnings: warnings.filter((text) => text !== undefined).filter((text) => text !== '') }
}
