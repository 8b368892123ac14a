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

async function main(): Promise<void> {
  const port = linux(pollers[0]!)
  const told = process.env[CHILD_VARIABLE]
  const [, entry = '', programPath = 'httpd', defaultRoot = buildInfo.httpdRoot] = process.argv
  const parts = {
    port, prelinked, face, log: serverLog, known: knownDirectives(directiveOwners, buildInfo),
    defaultDocumentRoot: `${defaultRoot}/htdocs`,
  }
  if (MPM_THREADED && !isMainThread) return runThread(parts)
  if (told !== undefined) {
    // Programs that the child starts are not children of ours.
    delete process.env[CHILD_VARIABLE]
    return runChild(JSON.parse(told) as ChildStart, parts, entry)
  }
  const relaunch = { command: process.execPath, args: [...process.execArgv, entry] }
  process.exitCode = await runProgram(process.argv.slice(2), {
    ...parts, buildInfo, relaunch,
    serve: (start) => serve(start, {
      port,
      relaunch: { ...relaunch, args: [...relaunch.args, programPath, defaultRoot] },
      here: (seat, payload) => runHere(seat, payload, parts, entry),
    }),
    dup2: (from, to) => port.host.dup2(from, to),
    stdout: everything(1),
    stderr: everything(2),
    env: process.env,
  })
  process.exit()
}

void main()
