/** What the parts of a port are given: native calls and memory. A test gives fakes. */
import type { Memory } from './port.ts'
import type { NativeCall } from './native.ts'

export interface System {
  call(declaration: string): NativeCall
  errno(): number
  allocate(bytes: number): Memory
  viewOf(address: bigint | number, bytes: number): ArrayBuffer
}
