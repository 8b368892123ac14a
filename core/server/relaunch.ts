/**
 * How this program starts itself again, as a child or as a server of its own
 * session, so that SIGUSR1 does no harm before its first instruction: it kills
 * a process that is about to become node, and opens node's debugger port later.
 */
export interface Relaunch {
  readonly command: string
  readonly args: readonly string[]
}

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
  // Words of NODE_OPTIONS may be quoted.
  const debugging = kept.some((word) => word.startsWith('--inspect')) || nodeOptions.includes('--inspect')
  if (debugging) return [...kept, ANY_PORT]
  return [...kept, allowed.has(DISABLED) ? DISABLED : UNBINDABLE]
}

/** Until node blocks the signal itself it is ignored, which it inherits from the shell. */
const DEAF = `trap '' USR1; exec "$0" "$@"`

/** Words before node's own arguments: -c, what the shell does, node. */
const BEFORE_NODE = 3

/** The arguments of a relaunch with more for node itself. */
export const withNodeArguments = ({ args }: Relaunch, more: readonly string[]): string[] =>
  [...args.slice(0, BEFORE_NODE), ...more, ...args.slice(BEFORE_NODE)]

/** The command that runs `entry` with this node. */
export const relaunchOf = (node: string, entry: string, input: DebuggerInput): Relaunch =>
  ({ command: '/bin/sh', args: ['-c', DEAF, node, ...debuggerFlags(input), entry] })
