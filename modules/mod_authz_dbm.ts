/*
 * mod_authz_dbm: `Require dbm-group NAME...` and `Require dbm-file-group`, with a file of the dbm family that has for
 * each user (or `user:realm`) his groups: `GROUP,GROUP` or, where it is the file of passwords too, `hash:GROUP,GROUP:…`.
 */
import {
  allowedBy, authName, DbmError, dbmFile, fileOwner, lookUpDbm, parseStringExpression, registerAuthz, Settings, word,
  type Answer, type AuthzStatus, type DbmFile, type Expression, type Module, type Request,
} from 'httpd'

interface Groups {
  readonly file: DbmFile | undefined
  readonly type: string
}

const NONE: Groups = { file: undefined, type: 'default' }

// As Apache: what one section says replaces all that the sections around it say.
const dbm = new Settings('directory', { groups: NONE })

const set = (said: { groups?: Groups }, change: Partial<Groups>): void => {
  said.groups = { ...NONE, ...said.groups, ...change }
}

/** The groups of a value. */
export function groupsIn(value: string): readonly string[] {
  const [first, second] = value.split(':', 2) as [string, string?]
  return (second ?? first).split(',')
}

/** As Apache: quotes are letters like others here. */
const namesIn = (text: string): readonly string[] => text.split(/[ \t\n\v\f\r]+/).filter((name) => name !== '')

/** The numbers of a requirement's messages. */
interface Numbers { readonly noFile: string; readonly unreadable: string; readonly inNone: string; readonly notThese: string }

const GROUP: Numbers = { noFile: 'AH01798', unreadable: 'AH01799', inNone: 'AH01800', notThese: 'AH01801' }
const FILE_GROUP: Numbers = { noFile: 'AH01802', unreadable: 'AH01803', inNone: 'AH01804', notThese: 'AH01805' }

function refuse(r: Request, number: string, reason: string): AuthzStatus {
  r.log('error', 'authz_dbm',
    `${number}: Authorization of user ${r.user} to access ${r.uri} failed, reason: ${reason}`)
  return 'denied'
}

const refuseOthers = (r: Request, { notThese }: Numbers): AuthzStatus =>
  refuse(r, notThese, "user is not part of the 'require'ed group(s).")

/** Goes on with the groups of the user, if there are any. */
function withGroups(
  r: Request, numbers: Numbers, judge: (groups: readonly string[]) => Answer<AuthzStatus>,
): Answer<AuthzStatus> {
  const { user } = r
  if (user === undefined) return 'deniedNoUser'
  const { file, type } = r.dir(dbm).groups
  if (file === undefined) {
    r.log('error', 'authz_dbm', `${numbers.noFile}: No group file was specified in the configuration`)
    return 'denied'
  }
  let value
  try {
    value = lookUpDbm(file, type, `${user}:${authName(r) ?? ''}`) ?? lookUpDbm(file, type, user)
  } catch (error) {
    const why = error instanceof DbmError ? `: ${error.message}` : ''
    r.log('error', 'authz_dbm', `${numbers.unreadable}: could not open dbm (type ${type}) group access file: ${file.path}${why}`,
      error)
    return 'error'
  }
  if (value !== undefined) return judge(groupsIn(value))
  return refuse(r, numbers.inNone, `user doesn't appear in DBM group file (${file.path}).`)
}

const inOneOf = (r: Request, groups: readonly string[], names: readonly string[]): AuthzStatus =>
  names.some((name) => groups.includes(name)) ? 'granted' : refuseOthers(r, GROUP)

registerAuthz<readonly string[] | Expression<string>>('dbm-group', {
  slow: true,
  parse(args, command) {
    const expression = parseStringExpression(args, command, 'Cannot parse expression in require line: ')
    return expression.constant === undefined ? expression : namesIn(expression.constant)
  },
  check: (r, names) => withGroups(r, GROUP, (groups) => {
    if (!('resolve' in names)) return inOneOf(r, groups, names)
    return names.resolve<AuthzStatus>(r, 'authz_dbm', (text) => inOneOf(r, groups, namesIn(text)), (reason) => {
      r.log('error', 'authz_dbm', `AH02591: authz_dbm authorize: require dbm-group: Can't evaluate require expression: ${reason}`)
      return 'denied'
    })
  }),
})

const OWNER_NUMBERS = { filename: 'AH01638', stat: 'AH01639', name: 'AH01641' } as const

registerAuthz('dbm-file-group', {
  slow: true,
  parse: () => undefined,
  check: (r) => withGroups(r, FILE_GROUP, (groups) => {
    const group = fileOwner(r.filename, 'group')
    if (typeof group === 'string' && groups.includes(group)) return 'granted'
    if (typeof group !== 'string') {
      r.log('error', 'authz_owner',
        `${OWNER_NUMBERS[group.step]}: Authorization of user ${r.user} to access ${r.uri} failed, reason: ${group.reason}`)
    }
    return refuseOthers(r, FILE_GROUP)
  }),
})

export const module = {
  name: 'authz_dbm_module',
  file: 'mod_authz_dbm.c',
  settings: [dbm],
  directives: [
    dbm.directive('AuthDBMGroupFile', [dbmFile], (said, _, file) => set(said, { file }), allowedBy('AuthConfig'),
      'database file containing group names and member user IDs'),
    dbm.directive('AuthzDBMType', [word], (said, _, type) => set(said, { type }), allowedBy('AuthConfig'),
      'what type of DBM file the group file is'),
  ],
} satisfies Module
