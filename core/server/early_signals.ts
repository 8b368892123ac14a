/**
 * Signals that come before anybody can act on them. This file comes first in
 * the program: until a listener stands, SIGUSR1 would open Node's debugger port.
 */

/** In the order of their arrival, each kind once: asking twice for a restart is asking for one. */
const held = new Set<NodeJS.Signals>()

const hold = (signal: NodeJS.Signals): void => void held.add(signal)

// In a worker thread this does nothing: signals are the main thread's.
process.on('SIGUSR1', hold)

/**
 * Keeps a restart that is asked for while the configuration is read: for a process that is going to serve.
 * TERM and INT are not held: so far nothing has been opened, and they end the process as they always do.
 */
export function holdRestarts(): void {
  process.on('SIGHUP', hold)
}

/** Whoever acts on signals from now on takes over: listeners of this file are gone, and what was held is answered. */
export function takeHeldSignals(): NodeJS.Signals[] {
  for (const signal of ['SIGUSR1', 'SIGHUP'] as const) process.removeListener(signal, hold)
  const signals = [...held]
  held.clear()
  return signals
}
