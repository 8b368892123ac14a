/**
 * Whether a user can read a file, and which directory is in the way if not:
 * asked before the server starts, because a child that cannot read its program
 * has no way to say so well.
 */
import { spawnSync } from 'node:child_process'
import { realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Identity } from './privileges.ts'

/** Something that is closed to the user. */
export interface Obstacle {
  readonly path: string
  /** What others would have to be allowed, as chmod(1) writes it. */
  readonly right: 'x' | 'r' | 'rx'
}

type Who = Pick<Identity, 'uid' | 'gid' | 'groups'>
interface Mode { readonly mode: number; readonly uid: number; readonly gid: number; isDirectory(): boolean }

export interface ReachSystem {
  stat(path: string): Mode
  realpath(path: string): string
  /** Asks the kernel, which knows more than the mode (access lists). */
  canReach(path: string, who: Who): boolean
}

const system: ReachSystem = {
  stat: (path) => statSync(path),
  realpath: (path) => realpathSync(path),
  canReach: (path, { uid, gid }) => spawnSync('test', ['-r', path], { uid, gid, stdio: 'ignore' }).status === 0,
}

/**
 * What keeps a user from reading a file, or from entering and reading a directory.
 * @returns outermost first; nothing if it can, or if there is no such file
 */
export function obstaclesTo(path: string, who: Who, ask: ReachSystem = system): Obstacle[] {
  if (who.uid === 0) return []
  const found: Obstacle[] = []
  try {
    const target = ask.realpath(path)
    for (const step of new Set([...ancestors(path), ...ancestors(target)]))
      if (!allows(ask.stat(step), who, 0o1)) found.push({ path: step, right: 'x' })
    const stat = ask.stat(target)
    if (stat.isDirectory() && !allows(stat, who, 0o5)) found.push({ path: target, right: 'rx' })
    else if (!stat.isDirectory() && !allows(stat, who, 0o4)) found.push({ path: target, right: 'r' })
  } catch {
    // What is not there is somebody else's message.
    return []
  }
  return found.length > 0 && ask.canReach(path, who) ? [] : found
}

/** Directories above a path, outermost first. */
function ancestors(path: string): string[] {
  const above = dirname(path)
  return above === path ? [] : [...ancestors(above), above]
}

/** As the kernel decides by the mode: the owner's bits for the owner, even if others had more. */
function allows({ mode, uid, gid }: Mode, who: Who, bits: number): boolean {
  const shift = uid === who.uid ? 6 : who.gid === gid || who.groups.includes(gid) ? 3 : 0
  return ((mode >> shift) & bits) === bits
}

/** Commands that remove the obstacles. */
export const openingCommands = (obstacles: readonly Obstacle[]): string[] => {
  const rights = [...new Set(obstacles.map(({ right }) => right))]
  return rights.map((right) =>
    `chmod o+${right} ${obstacles.filter((one) => one.right === right).map(({ path }) => quoted(path)).join(' ')}`)
}

const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

export interface ProgramPlace {
  /** The bundle that children run. */
  readonly entry: string
  /** --prefix of the build. */
  readonly prefix: string
}

/** Why this user could not even read the program, with what to do; undefined if it can. */
export function unreadableProgram(
  { entry, prefix }: ProgramPlace, identity: Identity, program: string, ask: ReachSystem = system,
): string[] | undefined {
  const obstacles = obstaclesTo(entry, identity, ask)
  if (obstacles.length === 0) return undefined
  const { userName } = identity
  const installed = entry.startsWith(`${prefix}/`)
  return [
    `SY00042: Cannot serve as user ${userName}: ${obstacles[0]!.path} is closed to it, and its processes have to read ${entry}`,
    ...(installed ? [] : [
      'Install the server where every user can read it, and start it there:',
      `  make install && ${prefix}/bin/${program} -k start`,
      'Or let others pass:',
    ]),
    ...(installed ? ['Let others pass:'] : []),
    ...openingCommands(obstacles).map((command) => `  ${command}`),
  ]
}

/** A warning about a directory that requests need, or undefined. `directive` names it. */
export function unreadableDirectory(directive: string, path: string, identity: Identity, ask: ReachSystem = system): string | undefined {
  const [first] = obstaclesTo(path, identity, ask)
  return first === undefined ? undefined
    : `SY00043: ${directive} ${path}: ${first.path} is closed to user ${identity.userName}, who is to serve it (${openingCommands([first])[0]})`
}
