/**
 * From the tree to servers: carries every line out, then lets virtual hosts
 * have what the main server says and they do not. One rule: afterwards each
 * ServerConf is complete.
 */
import { walkFault, type Fault } from './faults.ts'
import type { TreeNode } from './reading.ts'
import { REGEX_DEFAULTS, setRegexDefaults } from './regex.ts'
import { ServerConf } from './server_conf.ts'
import { outermost, Walker, type WalkInput } from './walker.ts'

export type { WalkInput } from './walker.ts'
export type { Known } from './suggest.ts'

export interface Configuration {
  readonly main: ServerConf
  /** In the order of the files. */
  readonly virtual: ServerConf[]
  readonly faults: Fault[]
}

export function carryOut(tree: readonly TreeNode[], input: WalkInput): Configuration {
  const faults: Fault[] = []
  // What RegexDefaultOptions said in the configuration before this one.
  setRegexDefaults(REGEX_DEFAULTS)
  const main = new ServerConf(false, { file: '', line: 0 })
  const walker = new Walker(input, ({ file, line }, message) => faults.push(walkFault(file, line, message)))
  walker.walk(tree, outermost(main))
  const settings = input.table.settings()
  const ofServers = settings.filter(({ scope }) => scope === 'server')
  const ofDirectories = settings.filter(({ scope }) => scope === 'directory')
  for (const server of walker.virtual) {
    server.vector = main.vector.mergedWith(server.vector, ofServers)
    server.defaults = main.defaults.mergedWith(server.defaults, ofDirectories)
    server.sections = [...main.sections, ...server.sections]
  }
  return { main, virtual: walker.virtual, faults }
}
