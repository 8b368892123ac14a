/* mod_userdir: `/~user/...` is what a user has in a directory of that name, or somewhere else (UserDir). */
import {
  ConfigError, DECLINED, HANDOVER, homeOf, isAbsolutePath, OK, raw, RSRC_CONF, Settings,
  type Module, type Request, type Status,
} from 'httpd'

/** Where users' pages may be. */
export type Place =
  /** Absolute path; the name goes between. */
  | { readonly kind: 'path'; readonly before: string; readonly after: string }
  | { readonly kind: 'url'; readonly before: string; readonly after: string }
  /** Below the home directory. */
  | { readonly kind: 'home'; readonly directory: string }

const userdir = new Settings('server', {
  places: undefined as readonly Place[] | undefined,
  disabled: false,
  /** User names, lower case. As in Apache, those of a virtual host take the place of those outside as a whole. */
  users: { enabled: [], disabled: [] } as { readonly enabled: readonly string[]; readonly disabled: readonly string[] },
})

/** What one word of UserDir stands for. */
export function placeOf(word: string): Place {
  const star = word.indexOf('*')
  const before = star < 0 ? undefined : word.slice(0, star)
  const after = star < 0 ? word : word.slice(star + 1)
  if (isAbsolutePath(word)) {
    return before === undefined ? { kind: 'path', before: `${word}/`, after: '' } : { kind: 'path', before, after }
  }
  if (before?.includes(':')) return { kind: 'url', before, after }
  if (word.includes(':')) return { kind: 'url', before: `${word}/`, after: '' }
  return { kind: 'home', directory: after }
}

export function translate(r: Request): Status {
  if (!r.uri.startsWith('/~')) return DECLINED
  const { places, disabled, users } = r.server.get(userdir)
  if (places === undefined) return DECLINED
  const [, user, rest] = /^\/~([^/]*)(.*)$/s.exec(r.uri)!
  if (user === '' || /^\.{1,2}$/.test(user!)) return DECLINED
  const name = user!.toLowerCase()
  if (users.disabled.includes(name) || (disabled && !users.enabled.includes(name))) return DECLINED
  // Whose home is where may take long to learn.
  if (!r.mayBlock && places.some(({ kind }) => kind === 'home')) return HANDOVER
  for (const [i, place] of places.entries()) {
    if (place.kind === 'url') {
      r.headersOut.set('Location', place.before + user! + place.after + rest!)
      return 302
    }
    const directory = directoryOf(place, user!)
    if (directory === undefined) continue
    // The last one counts even if there is nothing.
    if (i < places.length - 1 && r.stat(directory).type === 'none') continue
    r.filename = directory + rest!
    r.context = { path: `/~${user!}`, real: directory }
    r.notes.set('mod_userdir_user', user!)
    return OK
  }
  return DECLINED
}

function directoryOf(place: Exclude<Place, { kind: 'url' }>, user: string): string | undefined {
  if (place.kind === 'path') return place.before + user + place.after
  const home = homeOf(user)
  return home === undefined ? undefined : `${home}/${place.directory}`
}

type Said = { -readonly [K in keyof typeof userdir.defaults]?: (typeof userdir.defaults)[K] }

function say(said: Said, line: string): void {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain!)
  const [keyword, ...names] = words
  if (keyword === undefined || keyword === '') throw new ConfigError('UserDir requires an argument.')
  const [, verb] = /^(enable|disable)d?$/i.exec(keyword)?.map((part) => part.toLowerCase()) ?? []
  if (verb === undefined) said.places = words.map(placeOf)
  else if (names.length === 0) said.disabled = verb === 'disable'
  else {
    const { enabled, disabled } = said.users ?? userdir.defaults.users
    const lower = names.map((name) => name.toLowerCase())
    said.users = verb === 'enable' ? { enabled: [...enabled, ...lower], disabled } : { enabled, disabled: [...disabled, ...lower] }
  }
}

export const module = {
  name: 'userdir_module',
  file: 'mod_userdir.c',
  settings: [userdir],
  directives: [
    userdir.directive('UserDir', [raw], (said, _, line) => say(said, line), RSRC_CONF,
      "the public subdirectory in users' home directories, or 'disabled', or 'disabled username username...', or 'enabled username username...'"),
  ],
  register({ translateName }, on) {
    on(translateName, translate, {
      after: ['alias_module'], before: ['vhost_alias_module'], quick: true,
      when: ({ server }) => server(userdir).places !== undefined,
    })
  },
} satisfies Module
