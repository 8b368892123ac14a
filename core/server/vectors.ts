/** Every place of a server's configuration where a setting of sections may stand, .htaccess files apart. */
import type { Section } from '../config/server_conf.ts'
import type { ConfigVector } from '../config/settings.ts'
import type { Server } from '../hook/types.ts'
import { dirCore } from './core_settings.ts'

export const allVectors = ({ conf }: Server): readonly ConfigVector[] => [conf.defaults, ...vectorsOf(conf.sections)]

/** True if a HandlerTimeout stands anywhere. */
export const hasDeadlines = (servers: readonly Server[]): boolean => {
  let known = decided.get(servers)
  if (known === undefined) {
    known = servers.some((server) => allVectors(server).some((vector) => (vector.says(dirCore)?.handlerTimeout ?? 0) > 0))
    decided.set(servers, known)
  }
  return known
}

const decided = new WeakMap<readonly Server[], boolean>()

const vectorsOf = (sections: readonly Section[]): ConfigVector[] =>
  sections.flatMap((section) => [section.vector, ...vectorsOf(section.inner)])
