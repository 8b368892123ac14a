/* The cases of test/cases/bad-input and the site that they are sent to. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { bytesOf } from '../http/case_file.ts'
import { HANDLERS, TEST_MODULE } from './handlers.ts'
import { WELCOME, type SiteOptions } from './site.ts'

export interface BadInput {
  /** The file that it stands in, without `.txt`. */
  readonly file: string
  readonly title: string
  readonly bytes: Buffer
  readonly status: number
  /** Whether the connection ends with a word about it, ends, or serves on. */
  readonly end: 'closed' | 'ended' | 'kept'
  /** Number of the log message, or undefined. */
  readonly logged: string | undefined
  /** What is expected is Apache's answer, and ours differs as yet. */
  readonly pending: boolean
}

const DIRECTORY = 'test/cases/bad-input'
const FORM = /^(.*)\n.*\n([^]+?)\n----\n(\d{3}) (closed|ended|kept)(?: (AH\d{5}))?( pending)?\s*$/

/** All cases: `## title`, a line why, lines of bytes, dashes, result. */
export function badInput(): BadInput[] {
  return readdirSync(DIRECTORY).filter((name) => name.endsWith('.txt')).sort().flatMap((name) => {
    const sections = readFileSync(join(DIRECTORY, name), 'utf8').split(/^## /m).slice(1)
    return sections.map((section): BadInput => {
      const [, title, bytes, status, end, logged, pending] = FORM.exec(section) ?? []
      if (title === undefined) throw new Error(`${name}: a case has not the form of a case:\n${section}`)
      return {
        file: basename(name, '.txt'), title, bytes: bytesOf(bytes!), status: Number(status), end: end as BadInput['end'],
        logged, pending: pending !== undefined,
      }
    })
  })
}

/** A text that lies beside DocumentRoot and must never be sent. */
export const SECRET = 'the secret beside DocumentRoot'

/** What the cases ask for: a directory, redirects, an error document, a place that nobody may enter, and a secret. */
export const BAD_INPUT_SITE = {
  conf: `${HANDLERS}
LimitRequestBody 1000000
Redirect /away http://elsewhere.example/
Redirect permanent /here /there
RedirectMatch ^/match/(.*)$ http://elsewhere.example/$1
Redirect gone /gone
ErrorDocument 410 /dir/
<Location /denied>
Require all denied
</Location>
`,
  files: { 'htdocs/dir/index.html': WELCOME, 'secret.txt': SECRET },
  modules: [TEST_MODULE],
} satisfies Partial<SiteOptions>
