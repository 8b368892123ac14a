/**
 * Arguments that keep SIGUSR1 from opening Node's debugger port in a process
 * that this one starts, also before its first instruction of ours.
 */

/** Every Node takes it: an address that no host has (RFC 5737), so that opening the port fails. */
export const UNBINDABLE = '--inspect-port=192.0.2.1:1024'
/** Node 22.14 and later: the signal stays blocked until the program lets it through. */
const DISABLED = '--disable-sigusr1'
/** Each child finds a port of its own. */
const ANY_PORT = '--inspect-port=0'

export interface DebuggerInput {
  /** Node's own arguments of this process. */
  readonly execArgv: readonly string[]
  /** NODE_OPTIONS, which children inherit. */
  readonly nodeOptions: string | undefined
  /** process.allowedNodeEnvironmentFlags. */
  readonly allowed: { has(flag: string): boolean }
}

/** Node's arguments for a process that is started again. */
export function debuggerFlags({ execArgv, nodeOptions = '', allowed }: DebuggerInput): string[] {
  const kept = execArgv.filter((word) => word !== UNBINDABLE && word !== DISABLED && word !== ANY_PORT)
  const debugging = [...kept, ...nodeOptions.split(/\s+/)].some((word) => word.startsWith('--inspect'))
  if (debugging) return [...kept, ANY_PORT]
  return [...kept, allowed.has(DISABLED) ? DISABLED : UNBINDABLE]
}
