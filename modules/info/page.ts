/*
 * The page of server-info: sections and anchors are those of Apache's page, the form is our own. All texts of the
 * configuration are escaped, but for AddModuleInfo, which is HTML by its meaning.
 */
import {
  authnNames, authzNames, LANGUAGE_LEVEL, MODULE_MAGIC_MINOR, MODULE_MAGIC_NUMBER, pageSignature, running, serverCore,
  type LoadedModule, type Request, type Startup,
} from 'httpd'
import { documentText } from '../shared/page/document.ts'
import { html, Markup, NOTHING } from '../shared/page/markup.ts'
import { baseStyle } from '../shared/page/style.ts'
import { configLines, type ConfigLine } from './lines.ts'
import { hookGroups, takesPart, type HookGroup } from './parts.ts'

/** What the page tells of, apart from the request. */
export interface Subject {
  readonly start: Pick<Startup, 'modules' | 'tree' | 'serverRootRelative'>
  /** HTML for a module, by its file. */
  moreInfo(file: string): string | undefined
}

const STYLE = `${baseStyle()}
.list{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:0;padding:0;list-style:none;font-size:.9rem}
h3.file{margin-top:.8rem}
.conf{margin:0}
.conf i{display:inline-block;min-width:3.2rem;padding-right:.8rem;text-align:right;color:var(--soft);font-style:normal;user-select:none}
.conf b{font-weight:600}
td.t,th.t{white-space:normal;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
h3+.list,h3+table{margin-bottom:.9rem}
h2 a{color:inherit;text-decoration:none}`

const HEADER = html`<h1>Apache Server Information</h1>
<nav aria-label="Subpages"><a href="?config">Configuration Files</a>
<a href="?server">Server Settings</a>
<a href="?list">Module List</a>
<a href="?hooks">Active Hooks</a>
<a href="?providers">Available Providers</a></nav>`

/** @param asked what follows the question mark; undefined: everything but the configuration by file */
export function pageHtml(r: Request, subject: Subject, asked: string | undefined): string {
  return documentText({
    title: 'Server Information', style: STYLE, header: HEADER, main: sectionsFor(r, subject, asked),
    footer: new Markup(pageSignature(r)),
  })
}

/** Modules by file, as Apache lists them. */
const byFile = ({ start }: Subject): readonly LoadedModule[] =>
  start.modules.loaded.toSorted((a, b) => (a.module.file < b.module.file ? -1 : 1))

function sectionsFor(r: Request, subject: Subject, asked: string | undefined): readonly Markup[] {
  const modules = byFile(subject)
  switch (asked?.toLowerCase()) {
    case undefined: {
      const all = modules.map((loaded) => moduleSection(subject, loaded, '#'))
      return [moduleLinks(modules), settings(r, subject), ...hooksOf(subject, '#'), providers(subject), ...all]
    }
    case 'config': return [section('config', 'Configuration', conf(configLines(subject.start.tree)))]
    case 'server': return [settings(r, subject)]
    case 'list': return [section('list', 'Server Module List', list(modules.map(({ module }) => html`${module.file}`)))]
    case 'hooks': return hooksOf(subject, '?')
    case 'providers': return [providers(subject)]
    default: {
      const wanted = modules.find(({ module }) => module.file.toLowerCase() === asked!.toLowerCase())
      return [wanted === undefined ? html`<section><p><b>No such module</b></p></section>` : moduleSection(subject, wanted, '?')]
    }
  }
}

const section = (anchor: string, title: string, content: Markup | readonly Markup[]): Markup =>
  html`<section id="${anchor}"><h2>${title}</h2>
${content}</section>
`

const list = (items: readonly Markup[]): Markup => items.length === 0 ? html`<p class="empty">none</p>`
  : html`<ul class="list">${items.map((item) => html`<li>${item}</li>
`)}</ul>`

const linkTo = (mark: string, file: string): Markup => html`<a href="${mark}${file}">${file}</a>`

const moduleLinks = (modules: readonly LoadedModule[]): Markup =>
  section('modules', 'Loaded Modules', list(modules.map(({ module }) => linkTo('#', module.file))))

const yesNo = (is: boolean): string => (is ? 'yes' : 'no')

function settings(r: Request, { start }: Subject): Markup {
  const { description, built, traits, population } = running()
  const core = r.server.get(serverCore)
  const facts: readonly (readonly [name: string, value: string])[] = [
    ['Server Version:', description],
    ['Server Built:', built],
    ['Configuration Language:', `Apache httpd ${LANGUAGE_LEVEL}`],
    ['Node.js Version:', `${process.version}, V8 ${process.versions.v8}`],
    ['Module Magic Number:', `${MODULE_MAGIC_NUMBER}:${MODULE_MAGIC_MINOR}`],
    ['Hostname/port:', `${core.serverName ?? r.connection.localIp}:${r.connection.localPort}`],
    ['Timeouts:', `connection: ${core.timeout / 1000}, keep-alive: ${core.keepAliveTimeout / 1000}`],
    ['MPM Name:', traits.name],
    ['MPM Information:', `Max Daemons: ${population.maxServers} Threaded: ${yesNo(traits.threads !== 'none')} Forked: yes`],
    ['Server Architecture:', `${/64|s390x/.test(process.arch) ? 64 : 32}-bit (${process.arch})`],
    ['Server Root:', start.serverRootRelative('.')],
  ]
  return section('server', 'Server Settings', html`<dl>${facts.map(([name, value]) => html`<dt><b>${name}</b> ${value}</dt>
`)}</dl>`)
}

const hooksOf = (subject: Subject, mark: string): readonly Markup[] =>
  hookGroups(subject.start.modules.hooks).map((group) => hookSection(subject, group, mark))

function hookSection({ start }: Subject, { anchor, title, hooks }: HookGroup, mark: string): Markup {
  const fileOf = (symbol: string): string =>
    start.modules.loaded.find((loaded) => loaded.symbol === symbol)?.module.file ?? symbol
  return section(anchor, title, hooks.filter(({ links }) => links.length > 0).map(({ title: name, links }) => html`<h3>${name}</h3>
${list(distinct(links).map(({ owner, place }) => html`${orderText(place.order)} ${linkTo(mark, fileOf(owner))}`))}
`))
}

/** A module may have several functions in one place, for different configurations. */
const distinct = (links: HookGroup['hooks'][number]['links']): HookGroup['hooks'][number]['links'] =>
  links.filter(({ owner, place }, i) => owner !== links[i - 1]?.owner || place.order !== links[i - 1]?.place.order)

const MIDDLE = 10

/** As Apache's `%02d`. */
const orderText = (order = MIDDLE): string => (order < 0 ? String(order) : String(order).padStart(2, '0'))

function providers({ start }: Subject): Markup {
  const { modules } = start
  const { output, input } = modules.filters.names()
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ['authn', authnNames(modules)], ['authz', authzNames()], ['output filter', output], ['input filter', input],
  ]
  return section('providers', 'Providers', groups.filter(([, names]) => names.length > 0).map(([kind, names]) => html`<h3>${kind}</h3>
${list(names.toSorted().map((name) => html`${name}`))}
`))
}

function moduleSection({ start, moreInfo }: Subject, loaded: LoadedModule, mark: string): Markup {
  const { module, symbol, linkage } = loaded
  const { phases, handlers } = takesPart(start.modules.hooks, loaded)
  const directives = module.directives ?? []
  const names = new Set(directives.map(({ name }) => name.toLowerCase()))
  const more = moreInfo(module.file)
  return html`<section id="${module.file}"><h2>Module Name: ${linkTo(mark === '#' ? '?' : mark, module.file)}</h2>
<dl><dt><b>Symbol:</b> ${symbol} (${linkage})</dt>
<dt><b>Content handlers:</b> ${handlers.join(', ') || 'none'}</dt>
<dt><b>Configuration Phase Participation:</b> ${configPhases(loaded)}</dt>
<dt><b>Request Phase Participation:</b> ${phases.join(', ') || 'none'}</dt></dl>
${directives.length === 0 ? html`<h3>Module Directives: none</h3>` : html`<details><summary>Module Directives: ${directives.length}</summary>
<div class="scroll"><table>${directives.map(({ name, help }) => html`<tr><td class="t">${name}${name.startsWith('<') ? '>' : ''}</td><td class="t">${help}</td></tr>
`)}</table></div></details>
<h3>Current Configuration:</h3>
${conf(configLines(start.tree, (name) => names.has(name.toLowerCase())))}`}
${more === undefined ? NOTHING : html`<h3>Additional Information:</h3>
<div>${new Markup(more)}</div>`}
</section>
`
}

function configPhases({ module }: LoadedModule): string {
  const scopes = new Set(module.settings?.map(({ scope }) => scope))
  const phases = [
    ...(scopes.has('directory') ? ['Create Directory Config', 'Merge Directory Configs'] : []),
    ...(scopes.has('server') ? ['Create Server Config', 'Merge Server Configs'] : []),
  ]
  return phases.join(', ') || 'none'
}

function conf(lines: readonly ConfigLine[]): Markup {
  if (lines.length === 0) return html`<p class="empty">none</p>`
  const files: { name: string; lines: ConfigLine[] }[] = []
  for (const line of lines) {
    if (line.file === undefined) files.at(-1)!.lines.push(line)
    else files.push({ name: line.file, lines: [] })
  }
  return html`${files.map((file) => html`<h3 class="file">In file: ${file.name}</h3>
<pre class="conf">${file.lines.map(confLine)}</pre>
`)}`
}

const confLine = ({ line, depth, name, args }: ConfigLine): Markup =>
  html`<i>${line ?? ''}</i>${'  '.repeat(depth)}<b>${name}</b>${args === '' ? '' : ` ${args}`}
`
