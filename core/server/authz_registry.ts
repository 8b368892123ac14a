/**
 * What a `Require` line can ask for. mod_authz_core keeps the rules together;
 * each kind of requirement is a provider that some module registers.
 */
import type { Command, ModuleTable } from '../config/directive.ts'
import type { Answer } from '../hook/hook.ts'
import type { Request } from '../hook/types.ts'

/** `deniedNoUser`: denied, but an authenticated user might change that. `neutral`: says nothing. */
export type AuthzStatus = 'granted' | 'denied' | 'deniedNoUser' | 'neutral' | 'error'

/** @typeParam T what `parse` made of the rest of the line */
export interface AuthzProvider<T = unknown> {
  /**
   * Reads the rest of the line, once, when the configuration is carried out.
   * @throws ConfigError
   */
  parse(args: string, command: Command): T
  check(r: Request, parsed: T): Answer<AuthzStatus>
  /** The answer, if it is the same for every request. */
  constant?(parsed: T): AuthzStatus | undefined
  /** True if `check` may take its time, for example to ask a name server. */
  readonly slow?: boolean
  /** The same where that depends on what is required. */
  isSlow?(parsed: T): boolean
}

const providers = new Map<string, AuthzProvider>()
/** Of <AuthzProviderAlias>, by the configuration that has them. */
const aliases = new WeakMap<ModuleTable, Map<string, AuthzProvider>>()

/** Makes `Require NAME ...` available. A later registration of the same name counts. */
export function registerAuthz<T>(name: string, provider: AuthzProvider<T>): void {
  // What a provider is handed is always what its own `parse` made.
  providers.set(name.toLowerCase(), provider)
}

/** The same for one configuration, where it counts more. */
export function registerAuthzAlias<T>(table: ModuleTable, name: string, provider: AuthzProvider<T>): void {
  const known = aliases.get(table) ?? new Map<string, AuthzProvider>()
  aliases.set(table, known.set(name.toLowerCase(), provider))
}

export const authzProvider = (name: string, table?: ModuleTable): AuthzProvider | undefined =>
  (table && aliases.get(table)?.get(name.toLowerCase())) ?? providers.get(name.toLowerCase())

/** Their names, for a listing. */
export const authzNames = (): readonly string[] => [...providers.keys()]
