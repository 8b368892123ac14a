/*
 * The variables of a document and of all that it includes: one environment for the whole, as CGI has it, which
 * `#set` writes and `#echo` reads.
 */
import { fileOwner, tableSet, tableUnset, tableValue, type Request } from 'httpd'
import { addCgiVariables } from '../shared/cgi_variables.ts'
import { include } from './settings.ts'
import { escapeShell, timeText, unescapeQuery } from './text.ts'

const OWNER = 'USER_NAME'

export class Scope {
  /** The document that was asked for. */
  readonly root: Request
  /** Parts that were included so far, at whatever depth. */
  included = 0
  /** The owner of the file is looked up when somebody asks. */
  #owes = false

  constructor(root: Request) {
    this.root = root
  }

  /** Fills the environment. A promise only where something has to be looked up. */
  fill(): Promise<void> | undefined {
    const wait = addCgiVariables(this.root)
    return wait === undefined ? this.#addOwn() : wait.then(() => this.#addOwn())
  }

  #addOwn(): undefined {
    const { env, uri, args, pathInfo, filename } = this.root
    const set = (name: string, value: string): void => tableSet(env, name, value)
    this.setTimes(this.root.dir(include).timeFormat)
    set('DOCUMENT_URI', uri)
    set('DOCUMENT_ARGS', args ?? '')
    if (pathInfo !== '') set('DOCUMENT_PATH_INFO', pathInfo)
    set(OWNER, '')
    this.#owes = true
    set('DOCUMENT_NAME', filename === undefined ? uri : filename.slice(filename.lastIndexOf('/') + 1))
    this.setQuery(args)
  }

  /** Of the document that is being sent; one without leaves what there is. */
  setQuery(args: string | undefined): void {
    if (args === undefined) return
    this.set('QUERY_STRING', args)
    this.set('QUERY_STRING_UNESCAPED', escapeShell(unescapeQuery(args)))
  }

  setTimes(format: string): void {
    const { requestTime, finfo } = this.root
    this.set('DATE_LOCAL', timeText(format, requestTime))
    this.set('DATE_GMT', timeText(format, requestTime, 'gmt'))
    this.set('LAST_MODIFIED', timeText(format, finfo.mtimeMs))
  }

  get(name: string): string | undefined {
    if (this.#owes && name.toUpperCase() === OWNER) this.settle()
    return tableValue(this.root.env, name)
  }

  set(name: string, value: string): void {
    if (name.toUpperCase() === OWNER) this.#owes = false
    tableSet(this.root.env, name, value)
  }

  /** What was put off is there. */
  settle(): void {
    if (!this.#owes) return
    const owner = fileOwner(this.root.filename, 'passwd')
    this.set(OWNER, typeof owner === 'string' ? owner : '<unknown>')
  }

  entries(): Iterable<readonly [string, string]> {
    this.settle()
    return this.root.env
  }

  /** An included document sees what was set up to now: for what reads its environment itself. */
  share(part: Request): void {
    if (part.env === this.root.env) return
    for (const name of part.env.keys()) if (!this.root.env.has(name)) tableUnset(part.env, name)
    for (const [name, value] of this.root.env) part.env.set(name, value)
  }
}

/** Parts that are included, and in what. */
const scopes = new WeakMap<Request, Scope>()

export const enter = (part: Request, scope: Scope): void => void scopes.set(part, scope)

/** Of the document that this one is included in; undefined: of none. */
export const scopeOf = (r: Request): Scope | undefined => scopes.get(r)
