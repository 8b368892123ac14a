/* What configuration says of server-side includes. */
import { dirCore, Opt, optionBits, Settings, type Request } from 'httpd'

export type XBitHack = 'off' | 'on' | 'full'

export const include = new Settings('directory', {
  xBitHack: 'off' as XBitHack,
  /** Stands where an element failed. */
  errorMsg: '[an error occurred while processing this directive]',
  /** Of strftime(3). */
  timeFormat: '%A, %d-%b-%Y %H:%M:%S %Z',
  /** Stands for a variable that is not set. */
  undefinedEcho: '(none)',
  legacyExpressions: false,
  /** The document's Last-Modified stays, or is that of the file. */
  lastModified: false,
  etag: false,
})

export const includeServer = new Settings('server', { startTag: '<!--#', endTag: '-->' })

/** What elements may do: `no`: there are none; `noexec`: none that runs a program. */
export function allowance(r: Request): 'no' | 'noexec' | 'exec' {
  const bits = optionBits(r.dir(dirCore).options)
  return (bits & Opt.includesNoExec) === 0 ? 'no' : (bits & Opt.includesExec) === 0 ? 'noexec' : 'exec'
}

const USER_EXECUTES = 0o100
const GROUP_EXECUTES = 0o010

/** XBitHack: a file of HTML that its owner may execute is a document with elements. */
export const isMarked = (r: Request): boolean =>
  (r.finfo.mode & USER_EXECUTES) !== 0 && r.contentType?.startsWith('text/html') === true

/** XBitHack Full: a file that its group may execute is as old as it looks. */
export const keepsDate = (r: Request): boolean =>
  r.dir(include).xBitHack === 'full' && (r.finfo.mode & GROUP_EXECUTES) !== 0
