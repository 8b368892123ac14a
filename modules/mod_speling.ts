/*
 * mod_speling: who asks for what is not there gets what is spelled nearly so: one that is clearly meant by a redirect, else
 * a list. The directory is read on a thread that may block, and only where nothing was found.
 */
import { opendirSync } from 'node:fs'
import {
  allowedBy, baseName, DECLINED, escapeHtml, flag, fsPath, HANDOVER, OK, Order, osEscapePath, parentDirectory, Settings,
  type Answer, type Directive, type Module, type Request, type Status,
} from 'httpd'

interface Checks {
  readonly enabled: boolean
  readonly caseOnly: boolean
  readonly basenames: boolean
}

const NO_CHECKS: Checks = { enabled: false, caseOnly: false, basenames: true }

// One setting: as in Apache, a section that says one of them says all of them.
const speling = new Settings('directory', { checks: NO_CHECKS })

/** How far a name is from what was asked for; the nearest first. */
export const Distance = { capitals: 1, transposed: 2, missing: 3, extra: 4, mistyped: 5, basename: 6 } as const
const REASONS = [
  'identical', 'miscapitalized', 'transposed characters', 'character missing', 'extra character', 'mistyped character',
  'common basename',
]

interface Candidate { readonly name: string; readonly distance: number }

/** More are of no use to anybody. */
const MOST_CANDIDATES = 1000

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** What makes `asked` of `name`: one slip of the finger; undefined: more than that. Case of letters does not count. */
export function distance(asked: string, name: string): number | undefined {
  const s = lower(asked), t = lower(name)
  if (Math.abs(s.length - t.length) > 1) return undefined
  let i = 0
  while (i < s.length && s[i] === t[i]) i++
  if (i === s.length && i === t.length) return Distance.capitals
  if (i < s.length && i < t.length) {
    if (i + 1 < s.length && s[i] === t[i + 1] && t[i] === s[i + 1] && s.slice(i + 2) === t.slice(i + 2)) {
      return Distance.transposed
    }
    if (s.slice(i + 1) === t.slice(i + 1)) return Distance.mistyped
  }
  if (i < s.length && s.slice(i + 1) === t.slice(i)) return Distance.extra
  return i < t.length && s.slice(i) === t.slice(i + 1) ? Distance.missing : undefined
}

const stem = (name: string): string => lower(name.split('.', 1)[0]!)

export function fixup(r: Request): Answer<Status> {
  if (r.finfo.type !== 'none' || r.filename === undefined || r.main !== undefined) return DECLINED
  if ((r.method !== 'GET' && r.method !== 'HEAD') || r.uri === '/') return DECLINED
  return r.mayBlock ? correct(r, r.filename) : HANDOVER
}

function correct(r: Request, filename: string): Status {
  const asked = baseName(filename)
  // Only where the URL ends as the path does.
  if (!r.uri.endsWith(asked + r.pathInfo)) return DECLINED
  const url = r.uri.slice(0, r.uri.length - asked.length - r.pathInfo.length)
  const candidates = candidatesFor(r, parentDirectory(filename), asked)
  if (candidates === undefined) return DECLINED
  const [first, second] = candidates
  if (first === undefined) return OK
  const isClear = first.distance !== Distance.basename && first.distance !== second?.distance
  return isClear ? redirect(r, url, first) : offer(r, url, candidates)
}

/** The nearest first. Undefined: there is no such directory. */
function candidatesFor(r: Request, directory: string, asked: string): Candidate[] | undefined {
  const { caseOnly, basenames } = r.dir(speling).checks
  const askedStem = stem(asked), askedLower = lower(asked)
  const candidates: Candidate[] = []
  try {
    const entries = opendirSync(fsPath(directory), { encoding: 'latin1' as BufferEncoding })
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        const { name } = entry
        // A link that leads nowhere: a redirect would lead to itself.
        if (name === asked) return []
        const near = caseOnly ? (lower(name) === askedLower ? Distance.capitals : undefined) : distance(asked, name)
        const found = near ?? (basenames && stem(name) === askedStem ? Distance.basename : undefined)
        if (found !== undefined && candidates.length < MOST_CANDIDATES) candidates.push({ name, distance: found })
      }
    } finally {
      entries.closeSync()
    }
  } catch {
    return undefined
  }
  return candidates.sort((a, b) => a.distance - b.distance)
}

const query = (r: Request): string => (r.args === undefined ? '' : `?${r.args}`)

function redirect(r: Request, url: string, { name }: Candidate): Status {
  const to = osEscapePath(url + name + r.pathInfo) + query(r)
  r.headersOut.set('Location', r.constructUrl(to))
  const referer = r.headersIn.get('Referer')
  r.log('info', 'speling', referer === undefined
    ? `AH03225: Fixed spelling: ${r.uri} to ${to}` : `AH03224: Fixed spelling: ${r.uri} to ${to} from ${referer}`)
  return 301
}

function offer(r: Request, url: string, candidates: readonly Candidate[]): Status {
  const referer = r.headersIn.get('Referer')
  let html = `The document name you requested (<code>${escapeHtml(r.uri)}</code>) could not be found on this server.\n` +
    'However, we found documents with names similar to the one you requested.<p>Available documents:\n<ul>\n'
  const variants: string[] = []
  candidates.forEach(({ name, distance: found }, i) => {
    const target = url + name + r.pathInfo + query(r)
    const reason = REASONS[found]!
    variants.push(`"${osEscapePath(target)}";"${reason}"`)
    html += `<li><a href="${escapeHtml(osEscapePath(target))}">${escapeHtml(target)}</a> (${reason})\n`
    const next = candidates[i + 1]
    if (i > 0 && found !== Distance.basename && next?.distance === Distance.basename) {
      html += '</ul>\nFurthermore, the following related documents were found:\n<ul>\n'
    }
  })
  html += '</ul>\n'
  if (referer !== undefined) {
    html += `Please consider informing the owner of the referring page <tt>${escapeHtml(referer)}</tt> about the broken link.\n`
  }
  r.notes.set('variant-list', html)
  r.env.set('VARIANTS', variants.join(','))
  r.log('info', 'speling', referer === undefined
    ? `AH03227: Spelling fix: ${r.uri}: ${candidates.length} candidates`
    : `AH03226: Spelling fix: ${r.uri}: ${candidates.length} candidates from ${referer}`)
  return 300
}

const check = (name: string, key: keyof Checks, help: string): Directive =>
  speling.directive(name, [flag], (said, _, on) => {
    said.checks = { ...(said.checks ?? NO_CHECKS), [key]: on }
  }, allowedBy('Options'), help)

export const module = {
  name: 'speling_module',
  file: 'mod_speling.c',
  settings: [speling],
  directives: [
    check('CheckSpelling', 'enabled', 'whether or not to fix miscapitalized/misspelled requests'),
    check('CheckCaseOnly', 'caseOnly', 'whether or not to fix only miscapitalized requests'),
    check('CheckBasenameMatch', 'basenames', 'whether or not to fix files with the same base name'),
  ],
  register({ fixups }, on) {
    on(fixups, fixup, { order: Order.last, quick: true, when: ({ dir }) => dir(speling).checks.enabled })
  },
} satisfies Module
