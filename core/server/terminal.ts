/** The controlling terminal. */
import { closeSync, constants, openSync } from 'node:fs'

/** True if this process has one, whatever its standard descriptors are. */
export function hasTerminal(path = '/dev/tty'): boolean {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK))
    return true
  } catch {
    return false
  }
}
