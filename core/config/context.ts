/**
 * Where a directive may not stand, for rules that its row cannot say
 * (ap_check_cmd_context). One rule: texts are Apache's.
 */
import type { Command } from './directive.ts'
import { ConfigError } from './errors.ts'

export interface Forbidden {
  readonly virtualHost?: boolean
  readonly limit?: boolean
  readonly htaccess?: boolean
  /** Inside any section that says what holds for requests. */
  readonly sections?: boolean
  readonly directory?: boolean
  readonly location?: boolean
  readonly files?: boolean
}

const FAMILIES: readonly (readonly [kind: 'directory' | 'location' | 'files', names: readonly string[]])[] = [
  ['directory', ['<directory', '<directorymatch']],
  ['location', ['<location', '<locationmatch']],
  ['files', ['<files', '<filesmatch', '<if', '<elseif', '<else']],
]

/** @throws ConfigError `X cannot occur within <Y> section` */
export function checkContext(command: Command, forbidden: Forbidden): void {
  const message = misplaced(command, forbidden)
  if (message !== undefined) throw new ConfigError(message)
}

/** The text for a directive in a forbidden place, or undefined if it may stand where it does. */
export function misplaced(command: Command, forbidden: Forbidden): string | undefined {
  const { name } = command.directive
  const cannot = `${name}${name.startsWith('<') ? '>' : ''} cannot occur within`
  if (forbidden.virtualHost && command.server.virtual) return `${cannot} <VirtualHost> section`
  if (forbidden.limit && command.limit !== undefined) return `${cannot} <Limit> or <LimitExcept> section`
  if (forbidden.htaccess && command.htaccess) return `${cannot} htaccess files`
  if (forbidden.sections && command.path !== undefined) return `${cannot} directory context`
  for (const [kind, names] of FAMILIES) {
    const found = forbidden[kind] && command.within?.find((each) => names.includes(each.toLowerCase()))
    if (found) return `${cannot} ${found}> section`
  }
  return undefined
}
