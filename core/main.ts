/**
 * The program's entry: one bundle is the control process, a child process, or
 * a thread of one, by how it was started.
 */
import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { buildInfo } from '#build'
import { directiveOwners, prelinked } from '#modules'
import { pollers } from '#pollers'
import * as face from './api.ts'
import { linux } from './port/linux.ts'
import type { Port } from './port/port.ts'
import { CHILD_VARIABLE, type ChildStart } from './server/children.ts'
import { runChild, runHere, runThread } from './server/child.ts'
import { serve } from './server/control.ts'
import { knownDirectives } from './server/known_directives.ts'
import { serverLog } from './server/log.ts'
import { runProgram } from './server/program.ts'

// Without a listener SIGUSR1 opens Node's debugger port: nothing may come before this.
if (isMainThread) process.on('SIGUSR1', () => undefined)

const everything = (fd: number) => (text: string | Uint8Array): void => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
    }
  }
}

/** The port, or the end of the program with the reason: this machine is not the one it was built for. */
function openPort(): Port {
  try {
    return linux(pollers[0]!)
  } catch (error) {
    everything(2)(`httpd: Cannot run on this machine: ${(error as Error).message}\n`)
    process.exit(1)
  }
}

async function main(): Promise<void> {
  const [, entry = '', programPath = 'httpd', defaultRoot = buildInfo.httpdRoot] = process.argv
  const parts = { prelinked, face, log: serverLog, known: knownDirectives(directiveOwners, buildInfo) }
  // Opened only where it is needed: a check or a dump makes no native call.
  let opened: Port | undefined
  const port = () => (opened ??= openPort())
  const serving = () => ({ ...parts, port: port(), defaultDocumentRoot: `${defaultRoot}/htdocs`, builtOn: buildInfo.builtOn })
  if (MPM_THREADED && !isMainThread) return runThread(serving())
  const told = process.env[CHILD_VARIABLE]
  if (told !== undefined) {
    // Programs that the child starts are not children of ours.
    delete process.env[CHILD_VARIABLE]
    return runChild(JSON.parse(told) as ChildStart, serving(), entry)
  }
  const relaunch = { command: process.execPath, args: [...process.execArgv, entry] }
  process.exitCode = await runProgram(process.argv.slice(2), {
    ...parts, buildInfo, relaunch,
    serve: (start) => serve(start, {
      port: port(),
      relaunch: { ...relaunch, args: [...relaunch.args, programPath, defaultRoot] },
      builtOn: buildInfo.builtOn,
      here: (seat) => runHere(seat, serving(), entry),
    }),
    dup2: (from, to) => port().host.dup2(from, to),
    stdout: everything(1),
    stderr: everything(2),
    env: process.env,
  })
  process.exit()
}

void main()
