/**
 * Memory of a module that all processes of the server share. The control process makes it, and keeps it through restarts:
 * what is counted there goes on, and children of two generations see the same.
 */
import { closeSync } from 'node:fs'
import type { Startup } from '../hook/hooks.ts'
import type { Fd, Shared } from '../port/port.ts'

let shared: Shared | undefined

/** What makes and maps it in this process. */
export const useShared = (system: Shared): void => void (shared = system)

/** Of the control process. */
const kept = new Map<string, { readonly fd: Fd; readonly bytes: number }>()

/**
 * For functions of the hooks open_logs and post_config.
 * @param name distinguishes it from other modules' memory
 * @param prepare what is new before anybody else sees it; it is zeroed
 * @returns maps it into this thread
 * @throws SystemError where there is no room for it
 */
export function sharedMemory(
  startup: Startup, name: string, bytes: number, prepare: (memory: ArrayBuffer) => void,
): () => ArrayBuffer {
  const system = shared
  if (system === undefined) throw new Error(`Cannot share memory "${name}": no server is being started`)
  const fd = startup.descriptor(`memory:${name}`, () => system.again(make(system, name, bytes, prepare)))
  return () => system.attach(fd, bytes)
}

// Of another size it is another one: the one before goes with the last child that has it.
function make(system: Shared, name: string, bytes: number, prepare: (memory: ArrayBuffer) => void): Fd {
  const before = kept.get(name)
  if (before?.bytes === bytes) return before.fd
  const { fd, buffer } = system.create(`httpd-${name}`, bytes)
  prepare(buffer)
  if (before !== undefined) closeSync(before.fd)
  kept.set(name, { fd, bytes })
  return fd
}
