/**
 * The program's entry: one bundle is the control process, a child process, or
 * a thread of one, by how it was started.
 */
// Comes first: its body listens for SIGUSR1, which without a listener opens Node's debugger port.
import { holdRestarts } from './server/early_signals.ts'
import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { buildInfo } from '#build'
import { directiveOwners, prelinked } from '#modules'
import { pollers } from '#pollers'
import * as face from './api.ts'
import { setRegexLibrary } from './config/regex.ts'
import { linux } from './port/linux.ts'
import { openPcre2 } from './port/pcre2.ts'
import type { Port } from './port/port.ts'
import { CHILD_VARIABLE, Exit, type ChildStart } from './server/children.ts'
import { runChild, runHere, runThread } from './server/child.ts'
import { serve } from './server/control.ts'
import { coreOptions } from './server/core_options.ts'
import { knownDirectives } from './server/known_directives.ts'
import { serverLog } from './server/log.ts'
import { dropPrivileges, strictUmask, type Credentials } from './server/privileges.ts'
import { runProgram } from './server/program.ts'
import { relaunchOf } from './server/relaunch.ts'
import { takePassedSockets, takeReporting } from './server/service_manager.ts'

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

/** A child, or the one process of -X, takes on its user; if it cannot, the whole server has to end. */
function becomeUser({ identity, coreDumpDirectory }: ChildStart, port: () => Port): void {
  try {
    if (identity !== undefined) dropPrivileges(identity, process as Credentials)
  } catch (error) {
    everything(2)(`${(error as Error).message}\n`)
    process.exit(Exit.fatal)
  }
  if (coreDumpDirectory === undefined) return
  // The kernel keeps no core dump of a process that has changed its user, unless that process says so.
  if (identity !== undefined) port().service.allowCoreDump()
  try {
    process.chdir(coreDumpDirectory)
  } catch (error) {
    everything(2)(`SY00045: Cannot use CoreDumpDirectory ${coreDumpDirectory}: ${(error as Error).message}\n`)
  }
}

async function main(): Promise<void> {
  const [, entry = '', programPath = 'httpd', defaultRoot = buildInfo.httpdRoot] = process.argv
  const mayServeAsRoot = (coreOptions.mayServeAsRoot = buildInfo.bigSecurityHole ?? false)
  const parts = { prelinked, face, log: serverLog, known: knownDirectives(directiveOwners, buildInfo) }
  // Opened with the first pattern that needs it.
  setRegexLibrary(openPcre2)
  // Opened only where it is needed: a check or a dump makes no native call.
  let opened: Port | undefined
  const port = () => (opened ??= openPort())
  const serving = () => ({ ...parts, port: port(), defaultDocumentRoot: `${defaultRoot}/htdocs`, builtOn: buildInfo.builtOn })
  if (MPM_THREADED && !isMainThread) return runThread(serving())
  const told = process.env[CHILD_VARIABLE]
  if (told !== undefined) {
    // Programs that the child starts are not children of ours.
    delete process.env[CHILD_VARIABLE]
    const start = JSON.parse(told) as ChildStart
    becomeUser(start, port)
    return runChild(start, serving(), entry)
  }
  const sockets = takePassedSockets(process.env, process.pid)
  const relaunch = relaunchOf(process.execPath, entry, {
    execArgv: process.execArgv, nodeOptions: process.env['NODE_OPTIONS'], allowed: process.allowedNodeEnvironmentFlags,
  })
  process.exitCode = await runProgram(process.argv.slice(2), {
    ...parts, buildInfo, relaunch, sockets,
    beginServing: holdRestarts,
    serve: (start) => {
      process.umask(strictUmask(process.umask(0o077)))
      return serve(start, {
        port: port(), sockets, reporting: takeReporting(process.env, process.pid),
        relaunch: { ...relaunch, args: [...relaunch.args, programPath, defaultRoot] },
        builtOn: buildInfo.builtOn,
        identity: { entry, prefix: buildInfo.httpdRoot, mayServeAsRoot },
        here: (seat) => {
          becomeUser(seat, port)
          return runHere(seat, serving(), entry)
        },
      })
    },
    dup2: (from, to) => port().host.dup2(from, to),
    stdout: everything(1),
    stderr: everything(2),
    env: process.env,
  })
  process.exit()
}

void main()
