/**
 * What modules of authentication and access agree upon: the kind and the realm (mod_authn_core), providers that know
 * users, how a kind of authentication asks the client for a name, and whether one of two checks is enough (Satisfy).
 */
import type { ModuleTable } from '../config/directive.ts'
import { Settings, type ConfigVector } from '../config/settings.ts'
import { EvaluationError } from '../expr/evaluation.ts'
import type { Expression } from '../expr/expression.ts'
import type { Answer } from '../hook/hook.ts'
import type { Request } from '../hook/types.ts'

type Text = string | Expression<string> | undefined

/** AuthType and AuthName, as written by mod_authn_core. A text that is no expression is a string; none waits. */
export const authnCore = new Settings('directory', { type: undefined as Text, name: undefined as Text })

/** What a provider says of a user and a password. `error`: it cannot tell, and has logged why. */
export type AuthnStatus = 'granted' | 'denied' | 'userNotFound' | 'error'

/** Knows users. `conf` is what holds for the request, or for the provider where an alias has settings of its own. */
export interface AuthnProvider {
  checkPassword?(r: Request, user: string, password: string, conf: ConfigVector): Answer<AuthnStatus>
  /** The MD5 of `user:realm:password` in hexadecimal digits. */
  realmHash?(r: Request, user: string, realm: string, conf: ConfigVector): Answer<AuthnStatus | { readonly hash: string }>
}

const providers = new Map<string, AuthnProvider>()
/** Of <AuthnProviderAlias>, by the configuration that has them. */
const aliases = new WeakMap<ModuleTable, Map<string, AuthnProvider>>()

/** Makes a provider available under a name (AuthBasicProvider NAME). A later registration of the same name counts. */
export const registerAuthn = (name: string, provider: AuthnProvider): void => void providers.set(name, provider)

/** The same for one configuration. */
export function registerAuthnAlias(table: ModuleTable, name: string, provider: AuthnProvider): void {
  const known = aliases.get(table) ?? new Map<string, AuthnProvider>()
  aliases.set(table, known.set(name, provider))
}

export const authnProvider = (name: string, table: ModuleTable | undefined): AuthnProvider | undefined =>
  (table && aliases.get(table)?.get(name)) ?? providers.get(name)

/** Their names, for a listing. */
export const authnNames = (table: ModuleTable | undefined): readonly string[] =>
  [...providers.keys(), ...(table && aliases.get(table)?.keys()) ?? []]

/** AuthType as it holds for a request; undefined if there is none, or it is None. */
export function authType(r: Request): string | undefined {
  const { type } = r.dir(authnCore)
  if (type === undefined) return undefined
  const text = typeof type === 'string' ? type : textOf(r, type, 'AH02834', 'AuthType')
  return text?.toLowerCase() === 'none' ? undefined : text
}

/** AuthName with its quotes escaped, fit to stand between quotes; undefined if there is none. */
export function authName(r: Request): string | undefined {
  const { name } = r.dir(authnCore)
  const text = name === undefined || typeof name === 'string' ? name : textOf(r, name, 'AH02835', 'AuthName')
  // What is escaped already stays as it is.
  return text?.includes('"') ? text.replace(/\\[^]|"/g, (found) => found === '"' ? '\\"' : found) : text
}

function textOf(r: Request, expression: Expression<string>, number: string, directive: string): string | undefined {
  try {
    // One that has to wait is refused when the configuration is read.
    return expression.evaluate(r) as string
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    r.log('error', 'authn_core', `${number}: ${directive} expression could not be evaluated: ${error.message}`)
    return undefined
  }
}

type KeepCredentials = (r: Request, provider: string, user: string, realm: string | undefined, hash: string) => void

let keepCredentials: KeepCredentials = () => undefined

/** A module that keeps what providers have found out (mod_authn_socache). It must not throw. */
export const registerCredentialCache = (keep: KeepCredentials): void => void (keepCredentials = keep)

/**
 * Called by a provider that has found a user: his password hash, or with a realm the MD5 of `user:realm:password`, may
 * be kept for later requests (Apache's ap_authn_cache_store).
 * @param provider its name
 */
export const cacheCredentials: KeepCredentials = (r, provider, user, realm, hash) => keepCredentials(r, provider, user, realm, hash)

const challenges = new Map<string, (r: Request) => void>()

/** How an AuthType asks the client who it is, for example with the header WWW-Authenticate. */
export const registerChallenge = (type: string, ask: (r: Request) => void): void =>
  void challenges.set(type.toLowerCase(), ask)

/** Makes the answer 401 ask the client who it is (Apache's ap_note_auth_failure). */
export function noteAuthFailure(r: Request): void {
  const type = authType(r)
  if (type === undefined) r.log('error', 'core', `AH00571: need AuthType to note auth failure: ${r.uri}`)
  else challenges.get(type.toLowerCase())?.(r)
}

let satisfied: (r: Request) => boolean = () => false

/** The module that has Satisfy says where it is Any. */
export const registerSatisfy = (isAny: (r: Request) => boolean): void => void (satisfied = isAny)

/** Where either the address or the user is enough. */
export const satisfiesAny = (r: Request): boolean => satisfied(r)
