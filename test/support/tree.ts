/*
 * Trees of files to serve: one that is made, with everything that names, sizes and links can be, and any other that
 * is there. Paths are bytes, one character each: names need not be UTF-8.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export interface TreeFile {
  /** Absolute path for fs. */
  readonly path: Buffer
  /** Path below the tree, escaped for a request. */
  readonly url: string
  readonly size: number
  readonly modified: Date
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const utf8 = (text: string): string => Buffer.from(text).toString('latin1')

/** Names that are easily got wrong, one character per byte. */
const NAMES = [
  'plain.txt', 'with space.txt', ' leading and trailing ', 'per%cent', '%41.txt', '%2e%2e', 'a+b&c=d;e,f', 'que?ry=1',
  'hash#tag', '"quoted"', "it's", '<tag>', '{brace}[bracket]|^`', 'back\\slash', 'colon:colon', '~tilde', '@at',
  '$HOME',
  '.hidden', '..hidden', '...', 'dots..dots', 'ends.', utf8('\u00fcml\u00e4ut.html'), utf8('\u65e5\u672c\u8a9e.txt'),
  utf8('\ud83d\ude00'), 'latin1-\xe9\xff.txt', '\x80\xfe', 'line\nbreak', 'tab\ttab', 'bell\x07', 'UPPER.TXT',
  'two.ext.tar.gz', 'page.html', 'image.png', 'noextension', '-dash', 'x'.repeat(250), '*', '!',
]
const SIZES = [0, 1, 2, 100, 1023, 4095, 4096, 4097, 8191, 16_384, 65_535, 65_536, 65_537]
const BIG = 1024 * 1024

/** Bytes that repeat nowhere soon: xorshift32. */
function noise(length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4))
  let x = 0x9e3779b9
  for (let at = 0; at < words.length; at++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    words[at] = x
  }
  return Buffer.from(words.buffer, 0, length)
}

/** Makes a tree of about 1500 files below a temporary directory, removed when the test ends. */
export function makeTree(test: Test): string {
  const root = mkdtempSync(join(tmpdir(), 'httpd-tree-'))
  test.teardown(() => rmSync(root, { recursive: true, force: true }))
  chmodSync(root, 0o755)
  const content = noise(2 * BIG)
  let count = 0
  const fill = (directory: Buffer): void => {
    mkdirSync(directory, { recursive: true })
    for (const name of NAMES) {
      const size = count % 150 === 149 ? BIG : SIZES[count % SIZES.length]!
      const from = (count++ * 31) % BIG
      writeFileSync(Buffer.concat([directory, bytes(`/${name}`)]), content.subarray(from, from + size))
    }
  }
  for (const name of NAMES.slice(0, 34)) fill(bytes(`${root}/in ${name.slice(0, 50)}`))
  fill(bytes(root))
  fill(bytes(`${root}${'/deeper'.repeat(30)}`))
  symlinkSync('plain.txt', join(root, 'link to file'))
  symlinkSync('deeper/deeper', join(root, 'link to directory'))
  symlinkSync('nowhere', join(root, 'link to nothing'))
  return root
}

const escaped = (path: string): string =>
  path.replace(/[^A-Za-z0-9/._~-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** All regular files of a tree that anybody may read, links to files included; links to directories are not entered. */
export function filesOf(root: string): TreeFile[] {
  const files: TreeFile[] = []
  const visit = (below: string): void => {
    for (const entry of readdirSync(bytes(`${root}${below}`), { encoding: 'latin1', withFileTypes: true })) {
      const at = `${below}/${entry.name}`
      const path = bytes(`${root}${at}`)
      const stat = statSync(path, { throwIfNoEntry: false })
      if (stat === undefined || (stat.mode & 0o004) === 0) continue
      if (stat.isFile()) files.push({ path, url: escaped(at), size: stat.size, modified: stat.mtime })
      else if (entry.isDirectory() && (stat.mode & 0o001) !== 0) visit(at)
    }
  }
  visit('')
  return files
}
