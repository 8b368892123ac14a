/** Native calls: the one place that knows koffi. Functions of a C library become JavaScript functions here. */
import koffi from 'koffi'
import type { Memory } from './port.ts'

/** A C function; arguments are numbers, buffers (as pointers) and null. */
export type NativeCall = (...args: readonly (number | bigint | string | Uint8Array | null)[]) => number

export interface Library {
  /** @param declaration for example `int close(int fd)`; pointers are `void *` or, as plain numbers, `uintptr_t` */
  call(declaration: string): NativeCall
  has(symbol: string): boolean
}

/** @throws Error if none of the names can be loaded */
export function openLibrary(...names: readonly string[]): Library {
  let failed: unknown
  for (const name of names) {
    try {
      const library = koffi.load(name)
      return {
        // koffi types its functions as `any`: the declaration says what they take.
        call: (declaration) => library.func(declaration) as NativeCall,
        has: (symbol) => hasSymbol(() => library.func(`int ${symbol}()`)),
      }
    } catch (error) {
      failed = error
    }
  }
  throw failed
}

function hasSymbol(resolve: () => unknown): boolean {
  try {
    resolve()
    return true
  } catch {
    return false
  }
}

/** The errno of the last native call on this thread. */
export const errno = (): number => koffi.errno()

/** Memory that native code may hold the address of. It never moves. */
export function allocate(bytes: number): Memory {
  const buffer = Buffer.allocUnsafeSlow(bytes)
  return { bytes: buffer, address: Number(koffi.address(buffer)) }
}

/** Memory that native code owns, seen as an ArrayBuffer without a copy. */
export const viewOf = (address: bigint | number, bytes: number): ArrayBuffer =>
  koffi.view(BigInt(address), bytes)

/** A watch of a descriptor by this thread's event loop. */
export interface Watch {
  stop(): void
}

// koffi drops a watch, silently, when its handle is collected: they are kept here until stopped.
const kept = new Set<object>()

const READABLE = { readable: true }

/**
 * Calls back while `fd` is readable.
 * @param endable the thread may be ended while `onReadable` runs. Node lets koffi call nothing in a thread that is
 * being ended, and koffi then ends the whole process: so it is not on the stack, and does not watch, meanwhile.
 */
export function watchReadable(fd: number, onReadable: () => void, endable = false): Watch {
  const act = (): void => {
    try {
      onReadable()
    } finally {
      if (kept.has(handle)) handle.start(READABLE, later)
    }
  }
  const later = (): void => {
    handle.stop()
    setImmediate(act)
  }
  const handle = koffi.node.poll(fd, READABLE, endable ? later : onReadable)
  kept.add(handle)
  const stop = (): void => {
    if (kept.delete(handle)) handle.close()
  }
  // It may also end itself: process.exit(), or an exception that nobody catches.
  if (endable) process.once('exit', stop)
  return { stop }
}
