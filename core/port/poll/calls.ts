/**
 * What a poll backend is given: system calls as parameters, so that its byte
 * layouts can be checked on fake calls on any machine.
 */
import type { Memory } from '../port.ts'
import type { NativeCall, Watch } from '../native.ts'

export interface PollCalls {
  /** Declares a C function of the platform's C library (or of libkqueue). */
  call(declaration: string): NativeCall
  errno(): number
  allocate(bytes: number): Memory
  /** Memory that the kernel has mapped, seen without a copy. */
  viewOf(address: bigint | number, bytes: number): ArrayBuffer
  watch(fd: number, onReadable: () => void, endable?: boolean): Watch
  /** `process.arch`: layouts differ. */
  readonly arch: string
}

/** How many events one `take` can bring. */
export const BATCH = 256
