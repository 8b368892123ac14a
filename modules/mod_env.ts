/*
 * mod_env: environment variables for scripts, filters and logs, the same for every request of a place.
 */
import {
  allowedBy, byteString, each, OK, optional, Settings, tableSet, tableUnset, tableValue, word,
  type Command, type Module, type Request, type Status,
} from 'httpd'

interface Variables {
  readonly set: ReadonlyMap<string, string>
  /** Names that what lies outside does not set here. What the same place sets stays. */
  readonly unset: readonly string[]
}

const perDirectory = new Settings('directory', {
  variables: { set: new Map(), unset: [] } as Variables,
}, {
  variables: (outer, inner) => {
    const set = new Map(outer.set)
    for (const name of inner.unset) tableUnset(set, name)
    for (const [name, value] of inner.set) tableSet(set, name, value)
    return { set, unset: outer.unset }
  },
})

type Said = { variables?: Variables }

function add(said: Said, name: string, value: string): void {
  const { set, unset } = (said.variables ??= { set: new Map(), unset: [] })
  // This place's own: there may be any number of lines.
  tableSet(set as Map<string, string>, name, value)
  said.variables = { set, unset }
}

function pass(said: Said, command: Command, names: readonly string[]): void {
  for (const name of names) {
    const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined
    if (value === undefined) command.note('warn', `AH01506: PassEnv variable ${name} was undefined`)
    else add(said, name, byteString(value))
  }
}

function remove(said: Said, _: Command, names: readonly string[]): void {
  const { set, unset } = (said.variables ??= { set: new Map(), unset: [] })
  said.variables = { set, unset: [...unset, ...names] }
}

/** fixups: what was set for this very request before, by SetEnvIf for one, stays. */
export function setVariables(r: Request): Status {
  const { env } = r
  const isNew = env.size === 0
  for (const [name, value] of r.dir(perDirectory).variables.set)
    if (isNew || tableValue(env, name) === undefined) env.set(name, value)
  return OK
}

export const module = {
  name: 'env_module',
  file: 'mod_env.c',
  settings: [perDirectory],
  directives: [
    perDirectory.directive('PassEnv', [each(word)], pass, allowedBy('FileInfo'),
      "Variables that are taken out of the server's own environment"),
    perDirectory.directive('SetEnv', [word, optional(word)], (said, _, name, value) => add(said, name, value ?? ''),
      allowedBy('FileInfo'), 'A variable, and its value if that is not empty'),
    perDirectory.directive('UnsetEnv', [each(word)], remove, allowedBy('FileInfo'),
      'Variables that what is configured outside of this place does not set here'),
  ],
  register({ fixups }, on) {
    on(fixups, setVariables, { quick: true, when: (settings) => settings.dir(perDirectory).variables.set.size > 0 })
  },
} satisfies Module
