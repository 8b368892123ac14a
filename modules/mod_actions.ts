/*
 * mod_actions: requests for a type of files, or with a method, go to a program: internally redirected to its URL path,
 * with the path that was asked for behind it.
 */
import {
  allowedBy, ConfigError, DECLINED, M_INVALID, optional, Order, osEscapePath, registerMethod, RSRC_AND_ACCESS, Settings,
  word,
  type Answer, type Command, type Configured, type Module, type Request, type Status,
} from 'httpd'

interface Action {
  /** URL path of the program. */
  readonly script: string
  /** The file that is asked for need not exist. */
  readonly virtual: boolean
}

/** By type or handler, in lower case: as in Apache case does not count, or a program's text would be sent. */
type Actions = Readonly<Record<string, Action>>
/** By method. */
type Scripts = Readonly<Record<string, string>>

const NONE: Readonly<Record<string, never>> = Object.freeze(Object.create(null) as Record<string, never>)

// A name may be any word: none is one of Object's own.
const joined = <T>(outer: Readonly<Record<string, T>>, inner: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.assign(Object.create(null) as Record<string, T>, outer, inner)

const perDirectory = new Settings('directory', { actions: NONE as Actions, scripts: NONE as Scripts }, {
  actions: joined, scripts: joined,
})

type Said = { actions?: Actions; scripts?: Scripts }

function action(said: Said, _: Command, type: string, script: string, option: string | undefined): void {
  if (option !== undefined && option.toLowerCase() !== 'virtual') throw new ConfigError(`unrecognized option '${option}'`)
  said.actions = joined(said.actions ?? NONE, { [type.toLowerCase()]: { script, virtual: option !== undefined } })
}

function script(said: Said, _: Command, method: string, path: string): void {
  if (method === 'TRACE') throw new ConfigError('TRACE not allowed for Script')
  const known = method === 'HEAD' ? 'GET' : method
  // From now on it is one, wherever methods are named.
  if (registerMethod(known) === M_INVALID) throw new ConfigError(`Could not register method '${method}' for Script`)
  said.scripts = joined(said.scripts ?? NONE, { [known]: path })
}

/** The method's script: for GET only with a query. One that leads back here is not asked again. */
function scriptOf(r: Request, scripts: Scripts): string | undefined {
  const isGet = r.method === 'GET' || r.method === 'HEAD'
  return isGet ? (r.args === undefined ? undefined : scripts['GET']) : scripts[r.method]
}

export function actionHandler(r: Request): Answer<Status> {
  const { actions, scripts } = r.dir(perDirectory)
  let script = scriptOf(r, scripts)
  if (script !== undefined && r.prev?.prev !== undefined) return DECLINED
  const kind = r.handler ?? r.contentType?.replace(/[ \t]*;.*$/s, '')
  const found = kind === undefined ? undefined : actions[kind.toLowerCase()]
  if (found !== undefined) {
    if (!found.virtual && r.finfo.type === 'none') {
      r.log('info', 'actions', `AH00652: File does not exist: ${r.filename ?? ''}`)
      return 404
    }
    script = found.script
    // The program sees it as REDIRECT_HANDLER.
    r.env.set('HANDLER', kind!)
    if (found.virtual) r.notes.set('virtual_script', '1')
  }
  if (script === undefined) return DECLINED
  return r.internalRedirectUri(script + osEscapePath(r.uri) + (r.args === undefined ? '' : `?${r.args}`))
}

const isUsed = (settings: Configured): boolean => {
  const { actions, scripts } = settings.dir(perDirectory)
  return actions !== NONE || scripts !== NONE
}

export const module = {
  name: 'actions_module',
  file: 'mod_actions.c',
  settings: [perDirectory],
  directives: [
    perDirectory.directive('Action', [word, word, optional(word)], action, allowedBy('FileInfo'),
      'A media type or handler, the URL path of the program for it, and virtual if there need not be a file'),
    perDirectory.directive('Script', [word, word], script, RSRC_AND_ACCESS,
      'A method, and the URL path of the program for requests with it'),
  ],
  register({ handler }, on) {
    on(handler, actionHandler, { order: Order.last, quick: true, when: isUsed })
  },
} satisfies Module
