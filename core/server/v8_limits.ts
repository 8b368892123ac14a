/**
 * MaxMemFree and ThreadStackSize in terms of V8 (Apache: limits of an allocator and of a thread's attributes).
 *
 * What V8 keeps free for later is half of its young generation: two semi-spaces of one size (and as much again for objects
 * that are large), of which one is always empty. MaxMemFree bounds a semi-space. A process has that from an argument of
 * node, a thread from its resource limits.
 *
 * Measured (Node.js 20.20, Linux): a thread that allocates much and keeps little holds 23 MiB with V8's own limit
 * (16 MiB per semi-space), 15 with 4 MiB, 12 with 2 MiB; below, objects are kept too soon and it holds 17 again, and takes
 * two to four times as long. An idle thread holds 15 in any case. So nothing is limited unless MaxMemFree says so.
 */
import type { ResourceLimits } from 'node:worker_threads'

const MIB = 1024 * 1024

/** What the directives say; bytes, 0: no limit. */
export interface MemorySettings {
  readonly maxMemFree: number
  readonly threadStackSize: number
}

/** Semi-spaces are powers of two, of a MiB at least; what is beyond this V8 makes no use of. */
const MOST_SEMI_SPACE = 64
/** Young generation in semi-spaces. */
const SEMI_SPACES = 3

/**
 * A thread's stack. With 256 KiB node ends the process when the thread starts, with 300 KiB it serves, and this leaves
 * some thousand calls for handlers. Above, a thread might not find the addresses.
 */
export const LEAST_STACK = 512 * 1024
export const MOST_STACK = 1024 * MIB

/** False: `ThreadStackSize of N is inappropriate, using default`. */
export const isUsableStack = (bytes: number): boolean => bytes === 0 || (bytes >= LEAST_STACK && bytes <= MOST_STACK)

/** MiB; undefined: V8's own limit. */
function semiSpace({ maxMemFree }: MemorySettings): number | undefined {
  if (maxMemFree <= 0) return undefined
  return Math.min(MOST_SEMI_SPACE, 2 ** Math.ceil(Math.log2(Math.max(1, maxMemFree / MIB))))
}

/** For `new Worker`. */
export function threadOptions(settings: MemorySettings): { resourceLimits?: ResourceLimits } {
  const { threadStackSize } = settings
  const semi = semiSpace(settings)
  const resourceLimits: ResourceLimits = {
    ...(semi !== undefined && { maxYoungGenerationSizeMb: SEMI_SPACES * semi }),
    ...(threadStackSize > 0 && isUsableStack(threadStackSize) && { stackSizeMb: threadStackSize / MIB }),
  }
  return Object.keys(resourceLimits).length === 0 ? {} : { resourceLimits }
}

/** For node, before the program. A process's own stack is the system's affair (ulimit -s). */
export function processArguments(settings: MemorySettings): readonly string[] {
  const semi = semiSpace(settings)
  return semi === undefined ? [] : [`--max-semi-space-size=${semi}`]
}
