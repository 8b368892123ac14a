/** Every place of a server's configuration where a setting of sections may stand, .htaccess files apart. */
import type { Section } from '../config/server_conf.ts'
import type { ConfigVector } from '../config/settings.ts'
import type { Server } from '../hook/types.ts'

export const allVectors = ({ conf }: Server): readonly ConfigVector[] => [conf.defaults, ...vectorsOf(conf.sections)]

const vectorsOf = (sections: readonly Section[]): ConfigVector[] =>
  sections.flatMap((section) => [section.vector, ...vectorsOf(section.inner)])
