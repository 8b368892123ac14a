/**
 * The files that an Include or IncludeOptional stands for. Names are byte
 * strings, sorted by bytes. One rule: it looks at directories, it opens no file.
 */
import { readdirSync, statSync, type Stats } from 'node:fs'
import { compile, hasWildcards } from '../base/fnmatch.ts'
import { joinPath } from '../base/path.ts'
import { ConfigError } from './errors.ts'

/** How deep directories inside an included directory may nest. */
const MAX_DIRECTORY_DEPTH = 20

/** A byte string as the file system takes it. */
export const fsPath = (path: string): Buffer => Buffer.from(path, 'latin1')

/** A text of the operating system (argument, environment) as a byte string. */
export const byteString = (text: string): string =>
  /[^\0-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied', EISDIR: 'Is a directory', ELOOP: 'Too many levels of symbolic links',
  EMFILE: 'Too many open files', ENAMETOOLONG: 'File name too long', ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory', ENXIO: 'No such device or address',
}

/** The C library's words for a failed call: `No such file or directory`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? REASONS[error.code] ?? error.code : error.message
}

export const isDirectory = (path: string): boolean => stat(path)?.isDirectory() ?? false

export function stat(path: string): Stats | undefined {
  try {
    return statSync(fsPath(path), { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/**
 * @param path absolute; each component may have wildcards
 * @param optional IncludeOptional: no match is fine
 * @returns paths of plain files; a path without wildcards is in it whether it exists or not
 * @throws ConfigError if a wildcard matches nothing (unless optional) or a directory cannot be read
 */
export function includedFiles(path: string, optional: boolean): string[] {
  if (!hasWildcards(path)) return filesUnder(path, 0)
  const components = path.split('/').filter((component) => component !== '')
  return matches('/', components, optional)
}

function matches(directory: string, components: readonly string[], optional: boolean): string[] {
  const [component, ...rest] = components as [string, ...string[]]
  if (!hasWildcards(component)) {
    const path = joinPath(directory, component)
    return rest.length === 0 ? filesUnder(path, 0) : matches(path, rest, optional)
  }
  const wanted = compile(component, { period: true })
  const found = entriesOf(directory, 'Include/IncludeOptional: Could not open directory').filter(wanted)
    .map((name) => joinPath(directory, name))
    .filter((path) => rest.length === 0 || isDirectory(path))
  if (found.length === 0 && !optional) {
    throw new ConfigError(
      `Include/IncludeOptional: No matches for the wildcard '${component}' in '${withoutSlash(directory)}', failing`)
  }
  return found.flatMap((each) => (rest.length === 0 ? filesUnder(each, 0) : matches(each, rest, optional)))
}

const withoutSlash = (directory: string): string => (directory === '/' ? directory : directory.replace(/\/$/, ''))

/** A file itself; of a directory all files in it and below it. */
function filesUnder(path: string, depth: number): string[] {
  if (!isDirectory(path)) return [path]
  if (depth === MAX_DIRECTORY_DEPTH) {
    throw new ConfigError(`Directory '${path}' exceeds the maximum include directory nesting level of ` +
      `${MAX_DIRECTORY_DEPTH}. You have probably a recursion somewhere.`)
  }
  return entriesOf(path, 'Could not open config directory')
    .flatMap((name) => filesUnder(joinPath(path, name), depth + 1))
}

function entriesOf(directory: string, failure: string): string[] {
  try {
    return readdirSync(fsPath(directory), { encoding: 'latin1' }).sort()
  } catch (error) {
    throw new ConfigError(`${failure} ${withoutSlash(directory)}: ${reasonOf(error)}`)
  }
}
