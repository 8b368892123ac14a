/** The operators of expressions that have names: `-f word`, `word -ipmatch word`. */
import { lstatSync, type Stats } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { compile } from '../base/fnmatch.ts'
import { fsPath } from '../config/include.ts'
import { after, type Answer } from '../hook/hook.ts'
import type { FileInfo } from '../hook/types.ts'
import type { Evaluation } from './evaluation.ts'
import { isPath } from './functions.ts'
import type { BinaryRow, UnaryRow } from './lookup.ts'
import { subnet, type Subnet } from './subnet.ts'

const FALSE = /^(off|no|false|0)?$/i

const onFile = (name: string, help: string, holds: (info: FileInfo) => boolean): UnaryRow => ({
  name, help,
  test: ({ request }, path) => isPath(path) && holds(request.stat(path)),
})

/** Of the path itself, not of what a link leads to. */
const onLink = (name: string, help: string, holds: (stat: Stats) => boolean): UnaryRow => ({
  name, help,
  test: (_, path) => {
    const stat = isPath(path) ? statOfLink(path) : undefined
    return stat !== undefined && holds(stat)
  },
})

/** Undefined for whatever reason it cannot be looked at: there is no such link. */
function statOfLink(path: string): Stats | undefined {
  try {
    return lstatSync(fsPath(path), { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

const isLink = (stat: Stats): boolean => stat.isSymbolicLink()

/** Whether a URL path, with or without a query, would be answered, by a look-up on behalf of the request. */
function leadsSomewhere({ request }: Evaluation, uri: string): Answer<boolean> {
  // What asks for itself would go on asking.
  if (request.main?.uri === request.uri) return false
  return after(request.subLookupUri(uri), ({ status }) => status < 400)
}

export const unary: readonly UnaryRow[] = [
  { name: 'n', help: 'The text is not empty', pure: true, test: (_, text) => text !== '' },
  { name: 'z', help: 'The text is empty', pure: true, test: (_, text) => text === '' },
  { name: 'T', help: 'The text is neither empty nor `0`, `off`, `false` or `no`, in any case of letters', pure: true,
    test: (_, text) => !FALSE.test(text) },
  { name: 'R', help: 'The client is in this network, which must be constant', prepare: subnet,
    test: ({ request }, _, network: Subnet) => network(request.clientIp) } as UnaryRow,
  onFile('d', 'There is a directory of that name', ({ type }) => type === 'directory'),
  onFile('e', 'There is a file, a directory or something else of that name', ({ type }) => type !== 'none'),
  onFile('f', 'There is a file of that name', ({ type }) => type === 'file'),
  onFile('s', 'There is a file of that name, and it is not empty', ({ type, size }) => type === 'file' && size > 0),
  onLink('L', 'There is a symbolic link of that name', isLink),
  onLink('h', 'The same as `-L`', isLink),
  onLink('x', 'There is a file of that name that somebody may execute', ({ mode }) => (mode & 0o111) !== 0),
  { name: 'U', help: 'The URL path, perhaps with a query, may be asked for: what is configured for it lets the client have it', async: true,
    test: leadsSomewhere },
  { name: 'A', help: 'The same as `-U`', async: true, test: leadsSomewhere },
]

/** Patterns that were seen lately: they are mostly constant. */
const kept = new Map<string, (text: string) => boolean>()

function wildcard(options: { pathname?: boolean; caseFold?: boolean }, tag: string) {
  return (_: Evaluation, text: string, pattern: string): boolean => {
    const key = tag + pattern
    let matches = kept.get(key)
    if (matches === undefined) {
      if (kept.size >= 256) kept.clear()
      kept.set(key, matches = compile(pattern, options))
    }
    return matches(text)
  }
}

/** A name is asked for, as Apache does, and counts if its first address is in the network. */
function inNetwork(_: Evaluation, address: string, __: string, network: Subnet): Answer<boolean> {
  if (isIP(address) !== 0) return network(address)
  if (!/^[A-Za-z0-9._-]+$/.test(address)) return false
  return lookup(address).then((found) => network(found.address), () => false)
}

export const binary: readonly BinaryRow[] = [
  { name: 'ipmatch', help: 'The address is in this network, which must be constant', async: true, prepare: subnet,
    test: inNetwork } as BinaryRow,
  { name: 'strmatch', help: 'The text fits the shell pattern', pure: true, test: wildcard({}, 's') },
  { name: 'strcmatch', help: 'The same, and the case of letters does not count', pure: true,
    test: wildcard({ caseFold: true }, 'c') },
  { name: 'fnmatch', help: 'The same as `-strmatch`, but `*` and `?` take no slash', pure: true,
    test: wildcard({ pathname: true }, 'f') },
]
