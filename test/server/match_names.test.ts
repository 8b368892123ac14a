import t from 'tap'
import type { Section, SectionKind } from '../../core/config/server_conf.ts'
import { compileRegex } from '../../core/config/regex.ts'
import { setMatchNames } from '../../core/server/match_names.ts'
import type { RequestRec } from '../../core/server/request_rec.ts'

const section = (kind: SectionKind, pattern: string): Section => ({ kind, named: compileRegex(pattern) }) as Section

function namesOf(sections: readonly Section[], uri: string, filename?: string, type = 'file'): Record<string, string> {
  const env = new Map<string, string>()
  // Only what the function looks at.
  setMatchNames({ env, uri, filename, finfo: { type } } as unknown as RequestRec, sections)
  return Object.fromEntries(env)
}

t.test('MATCH_NAME is what a named group matched', (t) => {
  t.strictSame(namesOf([section('LocationMatch', '^/(?<lang>..)/(?:(?<Rest>x)|y)')], '/de/y'), { MATCH_LANG: 'de' }, 'in capitals; a group without a match has none')
  t.strictSame(namesOf([section('FilesMatch', '(?<base>.*)\\.txt')], '/x', '/d.txt/a.txt'), { MATCH_BASE: 'a' }, 'of a file its name')
  const directory = section('DirectoryMatch', '/(?<user>[^/]+)/$')
  t.strictSame(namesOf([directory], '/', '/home/me', 'directory'), { MATCH_USER: 'me' }, 'of a directory the path with a slash')
  t.strictSame(namesOf([directory], '/', '/home/me', 'file'), {}, 'what does not match (yet) says nothing')
  t.strictSame(namesOf([section('DirectoryMatch', '(?<a>d)'), section('LocationMatch', '(?<a>u)')], '/u', '/d'), { MATCH_A: 'u' }, 'the last section counts')
  t.end()
})
