/**
 * ListenCoresBucketsRatio: several sets of listening sockets on the same ports (SO_REUSEPORT), each with its own
 * children, so that the kernel spreads connections over them.
 */
import type { FixedLimits } from '../hook/hooks.ts'
import type { Server } from '../hook/types.ts'
import { globalCore } from './core_settings.ts'

/**
 * How many sets a configuration asks for.
 * @param cores processors of this machine; asked only if needed
 * @param most a set without a child would lose its connections: not more than there may be children
 */
export function bucketsFor(server: Server, cores: () => number, most: number, fixed?: FixedLimits): number {
  if (fixed !== undefined) return fixed.buckets
  const { listenCoresBucketsRatio: ratio } = server.get(globalCore)
  if (ratio === 0) return 1
  const buckets = Math.floor(cores() / ratio)
  return buckets < 2 ? 1 : Math.min(buckets, most)
}

/** AH02819 (info). */
export const bucketsText = (buckets: number, cores: number, ratio: number): string =>
  `AH02819: Using ${buckets} listeners bucket(s) based on ${cores} online CPU cores and a ratio of ${ratio}`

/** AH02820 (warn): the platform has not what it takes. */
export const NO_BUCKETS = 'AH02820: ListenCoresBucketsRatio ignored without SO_REUSEPORT and _SC_NPROCESSORS_ONLN ' +
  'support: using a single listeners bucket'
