/*
 * What may happen to .htaccess files, to the directories that they lie in, and to links that lead there: the tree is
 * that of the step before.
 */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** Something that is done to a tree below a directory. */
export type Step = readonly [what: string, act: (root: string) => void]

/** Writes a file, and the directories that it needs. */
export const write = (path: string, text: string) => (root: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** Each is followed by a question at once. */
export const STEPS: readonly Step[] = [
  ['creates one', write('a/b/c/.htaccess', 'Mark one\n')],
  ['writes it in place, of the same length', (root) => writeFileSync(join(root, 'a/b/c/.htaccess'), 'Mark two\n', { flag: 'r+' })],
  ['and again, in the same tick', (root) => writeFileSync(join(root, 'a/b/c/.htaccess'), 'Mark six\n', { flag: 'r+' })],
  ['appends', (root) => appendFileSync(join(root, 'a/b/c/.htaccess'), 'Mark more\n')],
  ['truncates', (root) => truncateSync(join(root, 'a/b/c/.htaccess'), 9)],
  ['empties', (root) => truncateSync(join(root, 'a/b/c/.htaccess'), 0)],
  ['replaces by rename', (root) => {
    write('a/b/new', 'Mark new\n')(root)
    renameSync(join(root, 'a/b/new'), join(root, 'a/b/c/.htaccess'))
  }],
  ['replaces it with another of the same size and times', (root) => {
    const old = statSync(join(root, 'a/b/c/.htaccess'))
    write('a/b/new', 'Mark old\n')(root)
    utimesSync(join(root, 'a/b/new'), old.atime, old.mtime)
    renameSync(join(root, 'a/b/new'), join(root, 'a/b/c/.htaccess'))
  }],
  ['deletes it', (root) => unlinkSync(join(root, 'a/b/c/.htaccess'))],
  ['creates two further out', (root) => {
    write('a/.htaccess', 'Mark outer\n')(root)
    write('.htaccess', 'Mark root\n')(root)
  }],
  ['renames a directory on the way', (root) => renameSync(join(root, 'a/b'), join(root, 'a/gone'))],
  ['puts another in its place', write('a/b/c/.htaccess', 'Mark other\n')],
  ['deletes that one whole', (root) => rmSync(join(root, 'a/b'), { recursive: true })],
  ['brings the first one back', (root) => renameSync(join(root, 'a/gone'), join(root, 'a/b'))],
  ['makes a link of it', (root) => {
    renameSync(join(root, 'a/b'), join(root, 'x'))
    symlinkSync('../x', join(root, 'a/b'))
  }],
  ['creates one behind the link', write('x/.htaccess', 'Mark linked\n')],
  ['and one deeper behind it', write('x/c/.htaccess', 'Mark deep\n')],
  ['retargets the link', (root) => {
    write('y/c/.htaccess', 'Mark elsewhere\n')(root)
    unlinkSync(join(root, 'a/b'))
    symlinkSync(join(root, 'y'), join(root, 'a/b'))
  }],
  ['retargets it by rename', (root) => {
    symlinkSync('../x', join(root, 'a/next'))
    renameSync(join(root, 'a/next'), join(root, 'a/b'))
  }],
  ['makes it a link to a link', (root) => {
    symlinkSync('y', join(root, 'current'))
    unlinkSync(join(root, 'a/b'))
    symlinkSync('../current', join(root, 'a/b'))
  }],
  ['retargets the link in the middle', (root) => {
    unlinkSync(join(root, 'current'))
    symlinkSync('x', join(root, 'current'))
  }],
  ['renames what it leads to', (root) => renameSync(join(root, 'x'), join(root, 'z'))],
  ['and has it back', (root) => renameSync(join(root, 'z'), join(root, 'x'))],
  ['a link leads to where nothing is', (root) => {
    unlinkSync(join(root, 'a/b'))
    mkdirSync(join(root, 'far/away/empty/c'), { recursive: true })
    write('far/other/empty/c/.htaccess', 'Mark beyond\n')(root)
    symlinkSync('../far/away/empty', join(root, 'a/b'))
  }],
  ['a directory on the way of the link is exchanged', (root) => {
    renameSync(join(root, 'far/away'), join(root, 'far/old'))
    renameSync(join(root, 'far/other'), join(root, 'far/away'))
  }],
  ['and back', (root) => {
    renameSync(join(root, 'far/away'), join(root, 'far/other'))
    renameSync(join(root, 'far/old'), join(root, 'far/away'))
  }],
  ['the link leads to where something is', (root) => {
    unlinkSync(join(root, 'a/b'))
    symlinkSync('../far/other/empty', join(root, 'a/b'))
  }],
  ['a link with .. behind a name', (root) => {
    unlinkSync(join(root, 'a/b'))
    symlinkSync('../current/../y', join(root, 'a/b'))
  }],
  ['deletes behind that', (root) => unlinkSync(join(root, 'y/c/.htaccess'))],
  ['creates behind that', write('y/c/.htaccess', 'Mark again\n')],
  ['.htaccess is a link to nothing', (root) => {
    unlinkSync(join(root, 'y/c/.htaccess'))
    symlinkSync(join(root, 'common'), join(root, 'y/c/.htaccess'))
  }],
  ['which then comes', write('common', 'Mark common\n')],
  ['and changes', write('common', 'Mark uncommon\n')],
  ['and goes', (root) => unlinkSync(join(root, 'common'))],
  ['.htaccess is a directory', (root) => {
    unlinkSync(join(root, 'y/c/.htaccess'))
    mkdirSync(join(root, 'y/c/.htaccess'))
  }],
  ['and then a FIFO', (root) => {
    rmSync(join(root, 'y/c/.htaccess'), { recursive: true })
    execFileSync('mkfifo', [join(root, 'y/c/.htaccess')])
  }],
  ['and then a file', (root) => {
    rmSync(join(root, 'y/c/.htaccess'), { recursive: true })
    write('y/c/.htaccess', 'Mark file\n')(root)
  }],
  ['a directory on the way is a file', (root) => {
    rmSync(join(root, 'a'), { recursive: true })
    write('a', '')(root)
  }],
  ['and comes back', (root) => {
    unlinkSync(join(root, 'a'))
    write('a/b/c/.htaccess', 'Mark last\n')(root)
  }],
]
