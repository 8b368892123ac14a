/* The documents that workloads ask for. Each kind is made when the first workload needs it. */
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const KIB = 1024
/** When all documents were modified: long enough ago for validators to be strong. */
export const MODIFIED = new Date('2025-01-02T03:04:05Z')
export const TREE = 20_000
const FILES_EACH = 100

/** Names of the tree's first files, without a slash in front. */
export function treeFiles(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `tree/d${Math.floor(n / FILES_EACH)}/f${n}.txt`)
}

/** Its directories, one in the other; some have an .htaccess. */
export const DEEP = '/deep/a/b/c/d/e/small.txt'
const HTACCESS = ['deep/a/.htaccess', 'deep/a/b/c/.htaccess', 'deep/a/b/c/d/e/.htaccess']
  .map((path) => [path, 'Options -Indexes\nAddType text/plain .txt .text\n'] as const)

const letters = (length: number): string => 'x'.repeat(length)

/** Documents by the first part of their path. */
const KINDS: Readonly<Record<string, () => Iterable<readonly [path: string, content: string]>>> = {
  'small.txt': () => [['small.txt', letters(KIB)]],
  'medium.txt': () => [['medium.txt', letters(100 * KIB)]],
  'large.txt': () => [['large.txt', letters(10 * KIB * KIB)]],
  tree: () => treeFiles(TREE).map((path) => [path, path.padEnd(KIB, 'x')] as const),
  deep: () => [[DEEP.slice(1), letters(KIB)], ...HTACCESS],
}

/** What a path is answered with, if it is a document. */
export function contentOf(path: string): string | undefined {
  const name = path.slice(1)
  for (const [one, content] of KINDS[name.split('/')[0]!]?.() ?? []) if (one === name) return content
  return undefined
}

/** Makes the documents of a path's kind if they are not there. */
export function makeDocuments(directory: string, path: string): void {
  const kind = path.split('/')[1]!
  if (existsSync(join(directory, kind))) return
  for (const [name, content] of KINDS[kind]?.() ?? []) {
    const file = join(directory, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    utimesSync(file, MODIFIED, MODIFIED)
  }
}
