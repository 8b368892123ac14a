/*
 * mod_rewrite: URLs that rules with regular expressions change. The rules of a server are applied before a URL path is
 * mapped to a file, those of a directory (or .htaccess) when the file is known; these ask anew with what comes out.
 */
import {
  allowedBy, each, flag, optional, Order, raw, RSRC_CONF, word,
  type Configured, type Module,
} from 'httpd'
import { fixup, force, REDIRECT_HANDLER, redirectHandler, translate } from './rewrite/contexts.ts'
import { base, condition, engine, map, options, perDirectory, perServer, rule, type RuleList } from './rewrite/settings.ts'

const FILEINFO = allowedBy('FileInfo')

/** False where a rule asks a program, or something else that may block the thread. */
function isQuick(settings: Configured, list: RuleList | undefined): boolean {
  const maps = settings.server(perServer).rewrite?.maps
  return list === undefined || (list.facts.quick && list.facts.maps.every((name) => maps?.get(name)?.quick !== false))
}

const serverRules = (settings: Configured) => settings.server(perServer).rewrite
const directoryRules = (settings: Configured) => settings.dir(perDirectory).rewrite

const holdsForServer = (settings: Configured): boolean =>
  serverRules(settings) !== undefined && directoryRules(settings)?.engine === true
const holdsForDirectory = (settings: Configured): boolean => {
  const here = directoryRules(settings)
  return here?.engine === true && here.directory !== undefined
}
const isForced = (settings: Configured): boolean => directoryRules(settings)?.engine === true &&
  (serverRules(settings)?.list.facts.forces === true || directoryRules(settings)?.list.facts.forces === true)

export const module = {
  name: 'rewrite_module',
  file: 'mod_rewrite.c',
  settings: [perServer, perDirectory],
  directives: [
    perDirectory.directive('RewriteEngine', [flag], engine, FILEINFO, 'Whether rules are applied here'),
    perDirectory.directive('RewriteOptions', [each(word)], options, FILEINFO,
      'Whether rules of the place around hold here, and what rules may do'),
    perDirectory.directive('RewriteBase', [word], base, FILEINFO, 'The URL path of the directory that the rules are for'),
    perDirectory.directive('RewriteCond', [raw], condition, FILEINFO,
      'A text with variables, what it is tested for, and flags: a condition of the rule that follows'),
    perDirectory.directive('RewriteRule', [raw], rule, FILEINFO,
      'A regular expression, what takes the place of a URL path that it matches, and flags'),
    perServer.directive('RewriteMap', [word, word, optional(word)], map, RSRC_CONF,
      'A name for rules to ask by, and a file, function or program that answers'),
  ],
  register({ translateName, fixups, handler }, on) {
    const quick = { order: Order.first, quick: true } as const
    const quickServer = (settings: Configured) => isQuick(settings, serverRules(settings)?.list)
    const quickDirectory = (settings: Configured) => isQuick(settings, directoryRules(settings)?.list)
    on(translateName, translate, { ...quick, when: (settings) => holdsForServer(settings) && quickServer(settings) })
    on(translateName, translate, { order: Order.first, when: (settings) => holdsForServer(settings) && !quickServer(settings) })
    on(fixups, fixup, { ...quick, when: (settings) => holdsForDirectory(settings) && quickDirectory(settings) })
    on(fixups, fixup, { order: Order.first, when: (settings) => holdsForDirectory(settings) && !quickDirectory(settings) })
    on(fixups, force, { order: Order.last, quick: true, when: isForced })
    on(handler, redirectHandler, { handler: REDIRECT_HANDLER, quick: true })
  },
} satisfies Module

