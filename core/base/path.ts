// File paths as byte strings with '/' between segments.
//
// One rule: text in, text out. Nothing here looks at the file system, so nothing here follows a symbolic link.

/** Whether a path begins at the root. */
export function isAbsolutePath(path: string): boolean {
  return path.charCodeAt(0) === 0x2f
}

/** `a` and `b` with exactly one slash between them. An empty part adds nothing. */
export function joinPath(a: string, b: string): string {
  if (a === '' || b === '') return a + b
  const left = a.endsWith('/') ? a.slice(0, -1) : a
  return left + (isAbsolutePath(b) ? b : `/${b}`)
}

/** A path of the configuration: as it is when absolute, else under ServerRoot. */
export function serverRootRelative(root: string, path: string): string {
  return isAbsolutePath(path) ? tidyPath(path) : tidyPath(joinPath(root, path))
}

/** Takes out empty, `.` and `..` segments of an absolute path; `..` at the root stays there. A last slash is kept. */
export function tidyPath(path: string): string {
  if (!path.includes('//') && !path.includes('/.')) return path
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const isDirectory = /\/\.{0,2}$/.test(path) && kept.length > 0
  return `/${kept.join('/')}${isDirectory ? '/' : ''}`
}

/**
 * Puts a relative path under `root`. @returns undefined when it has a `..` that leaves the root or a NUL byte.
 */
export function mergeUnder(root: string, relative: string): string | undefined {
  if (relative.includes('\0')) return undefined
  let depth = 0
  for (const segment of relative.split('/')) {
    if (segment === '..') depth--
    else if (segment !== '' && segment !== '.') depth++
    if (depth < 0) return undefined
  }
  return tidyPath(joinPath(root, relative))
}

/** How many slashes a path has: the number of directories that enclose what it names (ap_count_dirs). */
export function countDirectories(path: string): number {
  let count = 0
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) === 0x2f) count++
  return count
}

/** The first `n` directories of a path with a slash at the end: `/a/` for (`/a/b/c`, 2) (ap_make_dirstr_prefix). */
export function directoryPrefix(path: string, n: number): string {
  let at = -1
  for (let i = 0; i < n; i++) {
    const slash = path.indexOf('/', at + 1)
    if (slash < 0) return `${path}/`
    at = slash
  }
  return path.slice(0, at + 1)
}

/** The directory of a path, with its slash; empty when the path has none. */
export function parentDirectory(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

/** What stands behind the last slash. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The path without slashes at its end; the root stays `/`. */
export function withoutTrailingSlash(path: string): string {
  let end = path.length
  while (end > 1 && path.charCodeAt(end - 1) === 0x2f) end--
  return path.slice(0, end)
}

/** The path with one slash at its end. */
export function withTrailingSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}
