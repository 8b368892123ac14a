/**
 * `-k`: what to do about the server that may be running. Decided purely from
 * the PidFile and the signal; the effect is a kill(2) or a start.
 */
import type { Signal } from './cli.ts'
import type { PidFile } from './pidfile.ts'
import { errnoPrefix } from './notes.ts'

/** What a person asked for; without -k a start. */
export interface Asked {
  readonly signal: Signal | undefined
  /** PidFile as configured, for messages. */
  readonly pidFileName: string
  readonly pidFile: PidFile
  /** True if the process of the PidFile is a server. */
  readonly running: boolean
}

export type Decision =
  | { readonly do: 'start'; readonly stdout?: string }
  | { readonly do: 'kill'; readonly pid: number; readonly with: NodeJS.Signals }
  | { readonly do: 'nothing'; readonly code: 0 | 1; readonly stdout?: string; readonly stderr?: string }

const SIGNAL_OF: Readonly<Record<Exclude<Signal, 'start'>, NodeJS.Signals>> = {
  stop: 'SIGTERM',
  'graceful-stop': 'SIGWINCH',
  restart: 'SIGHUP',
  graceful: 'SIGUSR1',
}

export function decide({ signal = 'start', pidFileName, pidFile, running }: Asked): Decision {
  if (pidFile.kind === 'corrupt') return { do: 'nothing', code: 1, stderr: corruptText(pidFileName, pidFile.error) }
  if (running && pidFile.kind === 'pid') {
    return signal === 'start'
      ? { do: 'nothing', code: 0, stdout: `httpd (pid ${pidFile.pid}) already running\n` }
      : { do: 'kill', pid: pidFile.pid, with: SIGNAL_OF[signal] }
  }
  if (signal === 'start') return { do: 'start' }
  if (signal === 'restart' || signal === 'graceful')
    return { do: 'start', stdout: 'httpd not running, trying to start\n' }
  const which = pidFile.kind === 'pid' ? `pid ${pidFile.pid}?` : 'no pid file'
  return { do: 'nothing', code: 0, stdout: `httpd (${which}) not running\n` }
}

/** 20014 is APR's number for an error that is not the system's. */
function corruptText(name: string, error: unknown): string {
  const prefix = errnoPrefix(error) || '(20014)Internal error (specific information not available): '
  return `${prefix}AH00058: Error retrieving pid file ${name}\n`
    + 'AH00059: Remove it before continuing if it is corrupted.\n'
}

/** Sends it. @returns the exit code */
export function sendSignal(pid: number, signal: NodeJS.Signals, stderr: (text: string) => void): 0 | 1 {
  try {
    process.kill(pid, signal)
    return 0
  } catch (error) {
    stderr(`${errnoPrefix(error)}AH00057: sending signal to server\n`)
    return 1
  }
}
