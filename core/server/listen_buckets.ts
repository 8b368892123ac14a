/**
 * ListenCoresBucketsRatio: several sets of listening sockets on the same ports (SO_REUSEPORT), each with its own
 * children, so that the kernel spreads connections over them.
 */
import type { FixedLimits } from '../hook/hooks.ts'
import type { Server } from '../hook/types.ts'
import { globalCore } from './core_settings.ts'
import type { Note } from './notes.ts'

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

/**
 * What is said of the sets once they are open, if the configuration asks for any.
 * @param wanted what bucketsFor answered @param opened what the platform gave
 */
export function bucketsNote(server: Server, wanted: number, opened: number, cores: number): Note | undefined {
  const { listenCoresBucketsRatio: ratio } = server.get(globalCore)
  if (ratio === 0) return undefined
  if (opened < wanted) return { level: 'warn', module: 'core', text: NO_BUCKETS }
  const text = `AH02819: Using ${opened} listeners bucket(s) based on ${cores} online CPU cores and a ratio of ${ratio}`
  return { level: 'info', module: 'core', text }
}

const NO_BUCKETS = 'AH02820: ListenCoresBucketsRatio ignored without SO_REUSEPORT and _SC_NPROCESSORS_ONLN support: ' +
  'using a single listeners bucket'
