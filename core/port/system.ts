/** What the parts of a port are given: native calls and memory. A test gives fakes. */
import { SystemError, type Memory, type Result } from './port.ts'
import type { NativeCall } from './native.ts'

export interface System {
  call(declaration: string): NativeCall
  errno(): number
  allocate(bytes: number): Memory
  viewOf(address: bigint | number, bytes: number): ArrayBuffer
}

/** For calls on the request path: the result, or a negative errno. */
export const answering = (system: System) => (result: number): Result => (result < 0 ? -system.errno() : result)

/** For calls that set things up: the result. @throws SystemError */
export const insisting = (system: System) => (call: string, result: number): number => {
  if (result < 0) throw new SystemError(call, system.errno())
  return result
}
