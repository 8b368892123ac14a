/**
 * <If>, <ElseIf>, <Else>. One rule: what they say holds after all other
 * sections, and whether it holds is found out for each request; everything
 * else is done when the configuration is read.
 */
import { checkContext } from '../config/context.ts'
import type { Command, Directive } from '../config/directive.ts'
import { ConfigError } from '../config/errors.ts'
import { needsArguments } from '../config/sections.ts'
import type { Section } from '../config/server_conf.ts'
import { ConfigVector } from '../config/settings.ts'
import { OR_ALL } from '../config/where.ts'
import { parseCondition, type Expression } from './expression.ts'

type Branch = 'If' | 'ElseIf' | 'Else'

/** A section of kind `If`. */
export interface IfSection extends Section {
  readonly kind: 'If'
  readonly branch: Branch
  /** Of <Else>: none. */
  readonly condition: Expression<boolean> | undefined
}

/** Whether the last of them in a scope may be followed by another branch. */
const lastIsOpen = new WeakMap<ConfigVector, boolean>()

const conditional = (branch: Branch) =>
  (command: Command, words: readonly string[], walk: (inside: { section: Section }) => void): void => {
    checkContext(command, { limit: true })
    const scope = command.vector('directory')
    if (branch === 'Else' && words.length > 0) throw new ConfigError('<Else> does not take an argument')
    if (branch !== 'Else' && words.length === 0) throw needsArguments(command)
    if (branch !== 'If' && lastIsOpen.get(scope) !== true) {
      throw new ConfigError(
        '<Else> or <ElseIf> section without previous <If> or <ElseIf> section in same scope')
    }
    // Also if it has a fault of its own: what follows it belongs to it all the same.
    lastIsOpen.set(scope, branch !== 'Else')
    const section = sectionOf(branch, command, words)
    walk({ section })
    if (command.section === undefined) command.server.sections.push(section)
    else command.section.inner.push(section)
  }

function sectionOf(branch: Branch, command: Command, words: readonly string[]): IfSection {
  const condition = branch === 'Else'
    ? undefined : parseCondition(words[0]!, command, 'Cannot parse condition clause: ')
  if (words.length > 1) throw new ConfigError(`Multiple ${command.directive.name}> arguments not supported.`)
  return {
    kind: 'If', branch, condition, pattern: '*If', at: { file: command.file, line: command.line },
    vector: new ConfigVector(), inner: [], matches: () => false,
  }
}

const row = (branch: Branch): Directive => ({
  name: `<${branch}`, where: OR_ALL, scope: 'directory', takes: 'takes the rest of the line',
  help: 'Container for directives to be conditionally applied',
  section: conditional(branch),
  apply: () => undefined,
})

/** For the core module's table. */
export const conditionalSections: readonly Directive[] = [row('If'), row('ElseIf'), row('Else')]
