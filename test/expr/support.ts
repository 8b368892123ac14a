// What the text cases of test/cases/expr are evaluated with: one request, and one directory of files.
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { FileInfo } from '../../core/hook/types.ts'
import { configure, fakeRequest, fileOf, type FakeRequest } from '../modules/harness.ts'

export const SOURCE = { file: 'test.conf', line: 1, htaccess: false }

/** `f.txt` with a line, `empty`, `link` to the former, `x.sh` that may be executed, `sub/`, `pipe` that nobody writes to. */
export function files(t: Test): string {
  const dir = t.testdir({ 'f.txt': 'hello\n', empty: '', 'x.sh': '#!/bin/sh\n', sub: {} })
  symlinkSync('f.txt', join(dir, 'link'))
  execFileSync('mkfifo', [join(dir, 'pipe')])
  chmodSync(join(dir, 'x.sh'), 0o755)
  return dir
}

function stat(path: string): FileInfo {
  try {
    const found = statSync(Buffer.from(path, 'latin1'))
    const type = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other'
    return { type, size: found.size, mtimeMs: found.mtimeMs, ino: found.ino, mode: found.mode }
  } catch {
    return fileOf('none')
  }
}

/** GET /c/f.txt/more/path?x=1&y=a%20b, from 127.0.0.1 to www.example.com:8080. */
export function theRequest(dir: string): FakeRequest {
  return fakeRequest(configure([], ''), {
    method: 'GET', uri: '/c/f.txt/more/path', unparsedUri: '/c/f.txt/more/path?x=1&y=a%20b', args: 'x=1&y=a%20b',
    requestLine: 'GET /c/f.txt/more/path?x=1&y=a%20b HTTP/1.1', filename: `${dir}/f.txt`, pathInfo: '/more/path',
    connection: { clientIp: '127.0.0.1', clientPort: 4711 },
    headers: {
      Host: 'WWW.example.com:8080', 'User-Agent': 'Mozilla/5.0 (test)', Accept: 'text/html', Cookie: 'a=b',
      Referer: 'http://ref/', 'X-Multi': 'a, b', Forwarded: 'for=1',
    },
    env: new Map([['early', 'set']]), files: { '/f.txt': {} },
    stat, constructUrl: (path) => `http://www.example.com:8080${path}`,
  })
}

export interface Case {
  /** First word of the line. */
  readonly expected: string
  readonly text: string
  /** The indented lines that follow. */
  readonly more: readonly string[]
}

/** Lines are cases, and indented ones belong to the case before; `#` begins a comment. `{DIR}` is the directory. */
export function casesOf(name: string, dir: string): Case[] {
  const cases: { expected: string; text: string; more: string[] }[] = []
  for (const line of readFileSync(join('test/cases/expr', name), 'latin1').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    if (line.startsWith(' ')) cases.at(-1)!.more.push(line.trim().replaceAll('{DIR}', dir))
    else {
      const [, expected, text] = /^(\S+) +(.*)$/.exec(line.replaceAll('{DIR}', dir))!
      cases.push({ expected: expected!, text: text!, more: [] })
    }
  }
  return cases
}
