/*
 * `#exec cmd`: what a shell command prints goes into the document. Its environment is the document's, its directory that
 * of the file. A client that leaves, or a command that is silent for longer than Timeout, ends it.
 */
import type { ChildProcess } from 'node:child_process'
import { parentDirectory, serverCore } from 'httpd'
import type { Document } from './document.ts'
import type { Argument } from './element_reader.ts'
import { decodeEntities } from './text.ts'

/** Of what a command prints on its standard error, lines in the log. */
const MOST_LINES = 100

export async function exec(document: Document, args: readonly Argument[]): Promise<void> {
  if (args.length === 0) document.log('AH03195: missing argument for exec element in', document.printing ? 'error' : 'warn')
  if (!document.printing) return
  if (args.length === 0) return document.fail()
  if (!document.mayExec) {
    document.log('AH01228: exec used but not allowed in')
    return document.fail()
  }
  for (const { name, value } of args) {
    if (value === undefined || document.cancelled) return
    if (!await execOne(document, name, decodeEntities(value))) return document.fail()
  }
}

async function execOne(document: Document, name: string, value: string): Promise<boolean> {
  if (name === 'cgi') document.log(`AH01230: invalid CGI ref "${value}" (SY00188: there is no module for CGI scripts) in`)
  else if (name !== 'cmd') document.log(`AH01231: unknown parameter "${name}" to tag exec in`)
  else if (await runShell(document, document.expand(value, true))) return true
  else document.log(`AH01229: execution failure for parameter "${name}" to tag exec in file`)
  return false
}

/** For Node, which writes UTF-8. */
const textOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8')

/** A variable that the system cannot hand on is left out. */
function environmentOf(document: Document): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of document.scope.entries())
    if (!`${name}${value}`.includes('\0') && !name.includes('=')) env[textOf(name)] = textOf(value)
  return env
}

/** @returns false: it could not be started */
async function runShell(document: Document, command: string): Promise<boolean> {
  const { r } = document
  if (command.includes('\0')) return false
  // Only who needs it loads it.
  const { spawn } = process.getBuiltinModule('node:child_process')
  const child = spawn('/bin/sh', ['-c', textOf(command)], {
    cwd: textOf(parentDirectory(document.file)), env: environmentOf(document), stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what it has started ends with it.
    detached: true,
  })
  const failed = new Promise<Error | undefined>((resolve) => {
    child.once('error', resolve)
    child.once('close', () => resolve(undefined))
  })
  logErrors(document, child)
  document.stop = () => end(child)
  const silence = silenceOf(document, child)
  try {
    silence.begins()
    for await (const piece of child.stdout!) {
      // While the client takes its time, so may the command.
      silence.ends()
      if (document.cancelled || r.connection.aborted) break
      await document.next.write(piece as Uint8Array)
      silence.begins()
    }
    if (document.cancelled || r.connection.aborted) end(child)
    silence.begins()
    const fault = await failed
    if (fault !== undefined) r.log('error', 'include', `SY00189: Cannot run a command of ${document.file}: ${fault.message}`)
    return fault === undefined
  } finally {
    silence.ends()
    document.stop = undefined
    if (child.exitCode === null && child.signalCode === null) end(child)
  }
}

/** A command that says nothing for Timeout is ended. */
function silenceOf({ r, file }: Document, child: ChildProcess): { begins(): void; ends(): void } {
  const { timeout } = r.server.get(serverCore)
  let watch: NodeJS.Timeout | undefined
  const act = (): void => {
    r.log('error', 'include', `SY00189: a command of ${file} was ended: it has said nothing for ${timeout / 1000} seconds`)
    end(child)
  }
  return {
    begins() {
      clearTimeout(watch)
      watch = setTimeout(act, timeout)
    },
    ends: () => clearTimeout(watch),
  }
}

function end({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

function logErrors({ r }: Document, child: ChildProcess): void {
  let lines = 0
  let held = ''
  const tell = (line: string): void => {
    if (line !== '' && lines++ < MOST_LINES) r.log('error', 'include', line)
  }
  child.stderr!.setEncoding('latin1').on('data', (text: string) => {
    const [...parts] = (held + text).split('\n')
    held = parts.pop()!.slice(0, 8192)
    parts.forEach(tell)
  }).on('end', () => tell(held))
}
