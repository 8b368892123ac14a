/*
 * mod_authz_groupfile: `Require group NAME...` and `Require file-group`, with groups that a text file lists, a group a
 * line: `NAME: USER...` (AuthGroupFile). The file is looked at for each request and read when it has changed.
 */
import {
  allowedBy, FileLookup, fileOwner, FileTooLarge, linesWith, parsed, parseStringExpression, registerAuthz, Settings,
  wordsOf,
  type Answer, type AuthzStatus, type Expression, type LogLevel, type Module, type Request,
} from 'httpd'

const groups = new Settings('directory', { file: undefined as string | undefined })

/** The groups that a user is in, in lower case: to Apache `Staff` is `staff`. */
export function groupsIn(content: Buffer, user: string): ReadonlySet<string> {
  const found = new Set<string>()
  // A name that needs quotes may be written in more than one way.
  for (const line of linesWith(content, /["'\\]/.test(user) ? '' : user)) {
    const [, name, members] = /^([^:]*):*([^]*)$/.exec(line)!
    if (wordsOf(members!).includes(user)) found.add(name!.trimEnd().toLowerCase())
  }
  return found
}

const lookup = new FileLookup(groupsIn)

/** What a requirement is called in the log, and the numbers of its messages. */
interface Messages { readonly noFile: string; readonly unreadable: string; readonly inNone: string; readonly level: LogLevel }

const GROUP: Messages = { noFile: 'AH01664', unreadable: 'AH01665', inNone: 'AH01666', level: 'info' }
const FILE_GROUP: Messages = { noFile: 'AH01668', unreadable: 'AH01669', inNone: 'AH01670', level: 'error' }

function refuse(r: Request, level: LogLevel, number: string, reason: string): AuthzStatus {
  r.log(level, 'authz_groupfile',
    `${number}: Authorization of user ${r.user} to access ${r.uri} failed, reason: ${reason}`)
  return 'denied'
}

/** Goes on with the groups of the user, if there are any. */
function withGroups(
  r: Request, messages: Messages, judge: (found: ReadonlySet<string>) => Answer<AuthzStatus>,
): Answer<AuthzStatus> {
  if (r.user === undefined) return 'deniedNoUser'
  const { file } = r.dir(groups)
  if (file === undefined) {
    r.log('error', 'authz_groupfile', `${messages.noFile}: No group file was specified in the configuration`)
    return 'denied'
  }
  let found
  try {
    found = lookup.get(file, r.user)
  } catch (error) {
    const why = error instanceof FileTooLarge ? `: ${error.message}` : ''
    r.log('error', 'authz_groupfile', `${messages.unreadable}: Could not open group file: ${file}${why}`, error)
    return 'denied'
  }
  if (found.size > 0) return judge(found)
  return refuse(r, messages.level, messages.inNone, `user doesn't appear in group file (${file}).`)
}

const inOneOf = (r: Request, found: ReadonlySet<string>, names: readonly string[]): AuthzStatus =>
  names.some((name) => found.has(name.toLowerCase())) ? 'granted'
    : refuse(r, 'debug', 'AH01667', "user is not part of the 'require'ed group(s).")

registerAuthz<readonly string[] | Expression<string>>('group', {
  slow: true,
  parse(args, command) {
    const expression = parseStringExpression(args, command, 'Cannot parse expression in require line: ')
    return expression.constant === undefined ? expression : wordsOf(expression.constant)
  },
  check: (r, names) => withGroups(r, GROUP, (found) => {
    if (!('resolve' in names)) return inOneOf(r, found, names)
    return names.resolve<AuthzStatus>(r, 'authz_groupfile', (text) => inOneOf(r, found, wordsOf(text)), (reason) => {
      r.log('error', 'authz_groupfile',
        `AH02592: authz_groupfile authorize: require group: Can't evaluate expression: ${reason}`)
      return 'denied'
    })
  }),
})

const OWNER_NUMBERS = { filename: 'AH01638', stat: 'AH01639', name: 'AH01641' } as const

registerAuthz('file-group', {
  slow: true,
  parse: () => undefined,
  check: (r) => withGroups(r, FILE_GROUP, (found) => {
    const group = fileOwner(r.filename, 'group')
    if (typeof group === 'string') {
      if (found.has(group.toLowerCase())) return 'granted'
      return refuse(r, 'debug', 'AH01671', "user is not part of the 'require'ed file group.")
    }
    r.log('error', 'authz_owner',
      `${OWNER_NUMBERS[group.step]}: Authorization of user ${r.user} to access ${r.uri} failed, reason: ${group.reason}`)
    return 'denied'
  }),
})

export const module = {
  name: 'authz_groupfile_module',
  file: 'mod_authz_groupfile.c',
  settings: [groups],
  directives: [
    groups.directive('AuthGroupFile', [parsed((path, command) => command.serverRootRelative(path))], 'file',
      allowedBy('AuthConfig'), 'text file containing group names and member user IDs'),
  ],
} satisfies Module
