/**
 * Memory for modules, shared by all processes and threads of one generation. The control process makes it and never
 * maps it: what it costs is what is written to, and it goes with the last process of its generation.
 */
import { ftruncateSync } from 'node:fs'
import type { Startup } from '../hook/hooks.ts'
import type { Shared } from '../port/port.ts'

/** @returns maps it into the calling thread @throws Error while a configuration is checked */
export function sharedMemory(
  descriptor: Startup['descriptor'], shared: Shared | undefined, name: string, bytes: number,
): () => ArrayBuffer {
  const fd = descriptor(`memory:${name}`, () => {
    const made = shared!.file(`httpd-${name}`)
    ftruncateSync(made, bytes)
    return made
  })
  return () => shared!.attach(fd, bytes)
}
