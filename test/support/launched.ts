/*
 * A program under test that is started in some particular way (as another user, with descriptors, under a terminal):
 * heard on its standard error, waited for, and ended by its process id whatever becomes of the test.
 */
import { spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { end, until } from './processes.ts'

/** Arguments of env(1) for a program as people start it: tap loads a module of its own into every node otherwise. */
export const bare = ['-u', 'NODE_OPTIONS'] as const

export interface LaunchOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** From descriptor 3 on. */
  readonly descriptors?: readonly (number | 'pipe')[]
  readonly detached?: boolean
}

export interface Launched {
  readonly pid: number
  readonly out: string
  readonly err: string
  readonly over: boolean
  /** Waits for its end. */
  ended(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Waits for words on standard output or standard error. */
  said(words: RegExp): Promise<RegExpExecArray>
}

export function launch(test: Test, command: readonly string[], options: LaunchOptions = {}): Launched {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(options.descriptors ?? [])]
  const { NODE_OPTIONS, ...env } = options.env ?? {}
  const child = spawn('env', [...bare, ...(NODE_OPTIONS === undefined ? [] : [`NODE_OPTIONS=${NODE_OPTIONS}`]), ...command], {
    stdio, env: { ...process.env, ...env }, detached: options.detached ?? false,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  })
  let [out, err, over] = ['', '', false]
  child.stdout!.on('data', (text) => (out += text))
  child.stderr!.on('data', (text) => (err += text))
  const exit = once(child, 'exit').then(([code, signal]) => {
    over = true
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  exit.catch(() => undefined)
  test.teardown(() => (over ? undefined : end(child.pid!)))
  const launched: Launched = {
    pid: child.pid ?? -1,
    get out() { return out },
    get err() { return err },
    get over() { return over },
    async ended() {
      const answer = await exit
      // What it wrote last may still be in the pipe.
      await new Promise((done) => setTimeout(done, 20))
      return answer
    },
    said: (words) => until(`words like ${words}`, () => words.exec(out + err) ?? undefined)
      .catch((error: unknown) => { throw new Error(`${(error as Error).message}:\n${out}${err}`) }),
  }
  return launched
}

/** True if this machine has a program of that name. */
export function hasProgram(name: string): Promise<boolean> {
  const child = spawn('sh', ['-c', 'command -v "$1"', 'sh', name], { stdio: 'ignore' })
  return once(child, 'exit').then(([code]) => code === 0)
}
