/* mod_authz_owner: `Require file-owner`: the user has the name of the file's owner on this machine. */
import { fileOwner, registerAuthz, type AuthzStatus, type Module, type Request } from 'httpd'

const NUMBERS = { filename: 'AH01633', stat: 'AH01634', name: 'AH01636' } as const

function refuse(r: Request, number: string, reason: string): AuthzStatus {
  r.log('error', 'authz_owner', `${number}: Authorization of user ${r.user} to access ${r.uri} failed, reason: ${reason}`)
  return 'denied'
}

registerAuthz('file-owner', {
  slow: true,
  parse: () => undefined,
  check(r) {
    if (r.user === undefined) return 'deniedNoUser'
    const owner = fileOwner(r.filename, 'passwd')
    if (typeof owner !== 'string') return refuse(r, NUMBERS[owner.step], owner.reason)
    return owner === r.user ? 'granted' : refuse(r, 'AH01637', `file owner ${owner} does not match.`)
  },
})

export const module = {
  name: 'authz_owner_module',
  file: 'mod_authz_owner.c',
} satisfies Module
