/**
 * Whom children run as. The control process of root decides it once per
 * generation; a child becomes that user before it reads or opens anything, and
 * cannot come back: its real, effective and saved ids are all those of User.
 */
import type { Account } from './accounts.ts'
import type { unixd } from './unixd_settings.ts'

/** All numbers: whoever takes it on looks nothing up. */
export interface Identity {
  /** As User has it, for messages. */
  readonly userName: string
  readonly uid: number
  readonly gid: number
  /** All groups, `gid` among them. */
  readonly groups: readonly number[]
}

/** Why a server of root is not started. */
export interface Refusal {
  readonly texts: readonly string[]
}

export interface IdentityInput {
  /** The effective user is root. */
  readonly isRoot: boolean
  /** Built with -DBIG_SECURITY_HOLE. */
  readonly mayServeAsRoot: boolean
  /** mod_unixd is there: somebody can say whom to become. */
  readonly hasUnixd: boolean
  readonly settings: Pick<typeof unixd.defaults, 'userName' | 'userId' | 'groupId'>
  /** The user's row in passwd(5); a number need not have one. */
  accountOf(uid: number): Account | undefined
  /** @throws Error if they cannot be found out */
  groupsOf(user: string, group: number): readonly number[]
}

/** Ids are 32 bits, and the last one means "leave as it is". */
const asId = (number: number): number => number >>> 0
const NO_ID = 0xffffffff
/** Apache's default, and what is left unsaid. */
const UNSET = -1

/**
 * Decides whom children become.
 * @returns undefined if they stay what the control process is: it is not root, or this build lets root serve
 */
export function identityOf(input: IdentityInput): Identity | Refusal | undefined {
  const { isRoot, mayServeAsRoot, hasUnixd, settings: { userName, userId, groupId } } = input
  if (!isRoot) return undefined
  if (!hasUnixd) return mayServeAsRoot ? undefined : { texts: NOBODY_RELINQUISHES }
  if (userId === UNSET) return mayServeAsRoot ? undefined : { texts: NO_USER }
  const uid = asId(userId)
  if (uid === 0 && !mayServeAsRoot) return { texts: NO_USER }
  if (uid === NO_ID) return { texts: [`SY00040: User "${userName}" is no user that a process can become`] }
  const account = input.accountOf(uid)
  const gid = groupId === UNSET ? account?.group : asId(groupId)
  if (gid === undefined || gid === NO_ID)
    return { texts: [`SY00040: Cannot serve as user ${userName}: it has no entry among the users of this system, name a Group for it`] }
  const groups = account === undefined ? [gid] : input.groupsOf(account.name, gid)
  return { userName, uid, gid, groups }
}

const NOBODY_RELINQUISHES = [
  'AH00136: Server MUST relinquish startup privileges before accepting connections.  '
    + 'Please ensure mod_unixd or other system security module is loaded.',
  'AH00016: Configuration Failed',
]

const NO_USER = [
  'SY00040: Cannot serve as root: no User directive names the user that is to answer requests',
  'Add it to the configuration, with a user that has no other rights on this machine:',
  '  User daemon',
  '  Group daemon',
]

/** The calls of node that change who a process is; a test gives its own. */
export type Credentials = Pick<Required<NodeJS.Process>, 'setgroups' | 'setgid' | 'setuid' | 'seteuid'>

/**
 * Becomes that user, with all threads of the process, for good.
 * @throws Error whose message is one line for the log
 */
export function dropPrivileges({ userName, uid, gid, groups }: Identity, system: Credentials): void {
  const step = (what: string, act: () => void): void => {
    try {
      act()
    } catch (error) {
      const whom = `user ${userName} (${uid}) and group ${gid}`
      throw new Error(`SY00041: Cannot become ${whom}: ${what}: ${(error as Error).message}`, { cause: error })
    }
  }
  // Groups first: who has left root behind may not change them any more.
  step('setgroups', () => system.setgroups([...groups]))
  step('setgid', () => system.setgid(gid))
  step('setuid', () => system.setuid(uid))
  if (uid !== 0) step('verification', () => mustNotReturn(system))
}

// Capabilities that outlive setuid (securebits, an odd container) would leave a way back.
function mustNotReturn(system: Credentials): void {
  try {
    system.seteuid(0)
  } catch {
    return
  }
  throw new Error('the process could become root again')
}

/** umask(2) of whatever the server creates: what it was, and at least no writing by group and others. */
export const strictUmask = (mask: number): number => mask | 0o022
