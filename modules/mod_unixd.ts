/*
 * mod_unixd: the user and group that children run as. Names are looked up when the configuration is
 * carried out; the control process reads the numbers through the core's `unixd` settings.
 */
import { statSync } from 'node:fs'
import {
  ConfigError, GLOBAL_ONLY, coreOptions, fsPath, lookUpAccount, oneOf, parsed, unixd, word, type Database, type Module,
} from 'httpd'

function lookUp(database: Database, name: string, refusal: string): number {
  if (/^#-?\d+$/.test(name)) {
    const id = Number(name.slice(1))
    if (id < -(2 ** 31) || id > 2 ** 32 - 2) throw new ConfigError(`${refusal} ${name}`)
    return id
  }
  const id = lookUpAccount(database, name)?.id
  if (id === undefined) throw new ConfigError(`${refusal} ${name}`)
  return id
}

const ROOT = [
  'Error:\tApache has not been designed to serve pages while running as root.',
  'Whoever finds a way to make a request read or run a file would have the whole machine.',
  'Name a user without rights of its own in the User directive, for example www-data or daemon.',
  'A server that may serve as root all the same is made by: CFLAGS=-DBIG_SECURITY_HOLE ./configure ... && make',
].join('\n')

const chrootDir = parsed((text) => {
  if (!(statSync(fsPath(text), { throwIfNoEntry: false })?.isDirectory() ?? false))
    throw new ConfigError('ChrootDir must be a valid directory')
  throw new ConfigError(`Cannot use ChrootDir "${text}": changing the root directory is not available in this version`)
})

const suexec = oneOf(['on', 'off'], 'Suexec must be On or Off')

export const module = {
  name: 'unixd_module',
  file: 'mod_unixd.c',
  settings: [unixd],
  directives: [
    unixd.directive('User', [word], (said, _, name) => {
      const id = lookUp('passwd', name, 'AH00543: httpd: bad user name')
      if (id >>> 0 === 0 && !coreOptions.mayServeAsRoot) throw new ConfigError(ROOT)
      said.userName = name
      said.userId = id
    }, GLOBAL_ONLY, 'The user that children run as, a name or # and a number'),
    unixd.directive('Group', [word], (said, _, name) => {
      said.groupName = name
      said.groupId = lookUp('group', name, 'AH00544: httpd: bad group name')
    }, GLOBAL_ONLY, 'The group that children run as, a name or # and a number'),
    unixd.directive('ChrootDir', [chrootDir], () => {}, GLOBAL_ONLY, 'A directory that becomes the root for children'),
    unixd.directive('Suexec', [suexec], (said, _, on) => {
      if (on === 'on') throw new ConfigError('Cannot use Suexec On: suexec is not available in this version')
      said.suexec = false
    }, GLOBAL_ONLY, 'Whether CGI programs run as other users'),
  ],
} satisfies Module
