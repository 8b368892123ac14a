/** Digests of a whole file, for ContentDigest and FileETag Digest. It reads the file: only for threads that may block. */
import type { Fd, Memory, Port } from '../port/port.ts'

const PIECE = 64 * 1024
let scratch: Memory | undefined

/** Base64 by the names of the algorithms. */
type Digests = Readonly<Record<string, string>>

// Not imported: node takes 2 ms to load it, and processes and threads that make no digest do without.
const hashesFor = (algorithms: readonly string[]) =>
  algorithms.map((name) => process.getBuiltinModule('node:crypto').createHash(name))

export function digestsOfBytes(bytes: Uint8Array, algorithms: readonly string[]): Digests {
  const hashes = hashesFor(algorithms)
  return Object.fromEntries(algorithms.map((name, i) => [name, hashes[i]!.update(bytes).digest('base64')]))
}

export function fileDigests(port: Port, fd: Fd, algorithms: readonly string[]): Digests {
  const hashes = hashesFor(algorithms)
  const memory = (scratch ??= port.host.memory(PIECE))
  for (let at = 0; ;) {
    const got = port.files.pread(fd, memory, 0, PIECE, at)
    if (got <= 0) break
    for (const hash of hashes) hash.update(memory.bytes.subarray(0, got))
    at += got
  }
  return Object.fromEntries(algorithms.map((name, i) => [name, hashes[i]!.digest('base64')]))
}
