/**
 * Memory for modules, shared by all processes and threads. The control process makes it: what it costs is what is written
 * to, and it goes with the last process of its generation, or lasts as long as the server.
 */
import { closeSync, ftruncateSync } from 'node:fs'
import type { Startup } from '../hook/hooks.ts'
import type { Fd, Shared } from '../port/port.ts'

/** Lasting memory, in the control process. */
const kept = new Map<string, { readonly fd: Fd; readonly bytes: number }>()

/** See Startup.sharedMemory. @returns maps it into the calling thread @throws Error while a configuration is checked */
export function sharedMemory(
  descriptor: Startup['descriptor'], shared: Shared | undefined, name: string, bytes: number,
  prepare?: (memory: ArrayBuffer) => void,
): () => ArrayBuffer {
  // Nobody maps more than there is: that would be a bus error.
  const fd = descriptor(`memory:${name}:${bytes}`, () =>
    prepare === undefined ? make(shared!, name, bytes) : shared!.again(lasting(shared!, name, bytes, prepare)))
  return () => shared!.attach(fd, bytes)
}

function make(shared: Shared, name: string, bytes: number): Fd {
  const fd = shared.file(`httpd-${name}`)
  ftruncateSync(fd, bytes)
  return fd
}

// Of another size it is another one: the one before goes with the last child that has it.
function lasting(shared: Shared, name: string, bytes: number, prepare: (memory: ArrayBuffer) => void): Fd {
  const before = kept.get(name)
  if (before?.bytes === bytes) return before.fd
  const { fd, buffer } = shared.create(`httpd-${name}`, bytes)
  prepare(buffer)
  if (before !== undefined) closeSync(before.fd)
  kept.set(name, { fd, bytes })
  return fd
}
