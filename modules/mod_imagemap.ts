/*
 * mod_imagemap: images that lead to several places: the browser asks for the map with the point in the query, the map
 * says which URL is there. Without a point there is a menu of all of them.
 */
import { readFileSync } from 'node:fs'
import {
  allowedBy, DECLINED, fsPath, OK, Settings, word, type Module, type Request, type Status,
} from 'httpd'
import { mapLines, type MapLine } from './imagemap/map.ts'
import { Menu } from './imagemap/menu.ts'
import { distance2, inCircle, inPolygon, inRectangle, type Point } from './imagemap/shapes.ts'
import { isFault, mapUrl, type UrlFault } from './imagemap/url.ts'

const perDirectory = new Settings('directory', { menu: 'formatted', fallback: 'nocontent', base: 'map' })

/** A map that is larger is none. */
const MOST_BYTES = 4 * 1024 * 1024

/** The number that begins with the first digit. */
const fromDigit = (text: string): number => {
  const at = text.search(/\d/)
  return at < 0 ? NaN : Number.parseFloat(text.slice(at))
}

/** Undefined for a point that is none: nothing, half of it, or 0,0, which is what browsers without images send. */
export function pointOf(args: string | undefined): Point | undefined {
  const text = args ?? ''
  const comma = text.indexOf(',')
  if (comma < 0) return undefined
  const x = fromDigit(text.slice(0, comma))
  const y = fromDigit(text.slice(comma + 1))
  return Number.isNaN(x) || Number.isNaN(y) || (x === 0 && y === 0) ? undefined : [x, y]
}

function reply(r: Request, found: string | UrlFault): Status {
  if (isFault(found)) return refuse(r, found)
  const lower = found.toLowerCase()
  if (lower === 'error' || found === '') return 500
  if (lower === 'nocontent') return 204
  r.headersOut.set('Location', found)
  return 302
}

function refuse(r: Request, { message }: UrlFault): Status {
  r.log('error', 'imagemap', message)
  return 500
}

const faultAt = (r: Request, line: number): UrlFault =>
  ({ message: `AH00679: map file ${r.uri}, line ${line} syntax error: requires at least two fields` })

/** Where the map leads from a point; without one it is the default. */
function choose(r: Request, lines: Iterable<MapLine>, point: Point | undefined, base: string, fallback: string): Status {
  let here = base
  let otherwise = fallback
  let closest = { value: undefined as string | undefined, distance: Infinity }
  for (const line of lines) {
    if (line.kind === 'fault') return refuse(r, faultAt(r, line.line))
    if (line.kind === 'base' || line.kind === 'default') {
      const url = mapUrl(r, undefined, line.value)
      if (isFault(url)) return refuse(r, url)
      if (line.kind === 'base') here = url
      else otherwise = url
    }
    if (line.kind !== 'area' || point === undefined || line.points.length === 0) continue
    const { shape, points, value } = line
    if (holds(shape, point, points)) return reply(r, mapUrl(r, here, value))
    const distance = shape === 'point' ? distance2(point, points[0]!) : Infinity
    if (distance < closest.distance) closest = { value, distance }
  }
  return reply(r, mapUrl(r, here, closest.value ?? otherwise))
}

const holds = (shape: string, point: Point, points: readonly Point[]): boolean =>
  (shape === 'poly' && inPolygon(point, points)) || (shape === 'circle' && inCircle(point, points)) ||
  (shape === 'rect' && inRectangle(point, points))

/** @returns the page */
function menuOf(r: Request, lines: Iterable<MapLine>, kind: string, base: string): string {
  const menu = new Menu(kind, r.uri)
  let here = base
  for (const line of lines) {
    const fault = addLine(line)
    if (fault === undefined) continue
    // As in Apache the page says that it is not whole; what is wrong is for the log.
    refuse(r, fault)
    menu.fault()
    break
  }
  return menu.end()

  function addLine(line: MapLine): UrlFault | undefined {
    switch (line.kind) {
      case 'blank': return void menu.blank()
      case 'comment': return void menu.comment(line)
      case 'fault': return faultAt(r, line.line)
      case 'base': {
        const url = mapUrl(r, undefined, line.value)
        if (isFault(url)) return url
        here = url
        return undefined
      }
      case 'default': case 'area': return addEntry(line)
    }
  }

  function addEntry({ kind, value, text }: MapLine & { readonly kind: 'default' | 'area' }): UrlFault | undefined {
    const shown = kind === 'default' ? mapUrl(r, undefined, value) : value
    if (isFault(shown)) return shown
    const url = mapUrl(r, here, shown)
    if (isFault(url)) return url
    menu.entry(kind, url, text ?? shown)
    return undefined
  }
}

function textOf(r: Request): string | undefined {
  if (r.finfo.type !== 'file' || r.finfo.size > MOST_BYTES) return undefined
  try {
    return readFileSync(fsPath(r.filename ?? ''), 'latin1')
  } catch {
    return undefined
  }
}

export function imagemapHandler(r: Request): Status {
  if (r.method !== 'GET' && r.method !== 'HEAD') return DECLINED
  const text = textOf(r)
  if (text === undefined) return 404
  const { menu, fallback, base } = r.dir(perDirectory)
  const here = mapUrl(r, undefined, base)
  const otherwise = mapUrl(r, undefined, fallback)
  if (isFault(here)) return refuse(r, here)
  if (isFault(otherwise)) return refuse(r, otherwise)
  const point = pointOf(r.args)
  const lines = mapLines(text)
  if (point !== undefined || /^no/i.test(menu)) return choose(r, lines, point, here, otherwise)
  r.contentType = 'text/html; charset=ISO-8859-1'
  void r.write(Buffer.from(menuOf(r, lines, menu, here), 'latin1'))
  return OK
}

const INDEXES = allowedBy('Indexes')

export const module = {
  name: 'imagemap_module',
  file: 'mod_imagemap.c',
  settings: [perDirectory],
  directives: [
    perDirectory.directive('ImapMenu', [word], 'menu', INDEXES,
      'the type of menu generated: none, formatted, semiformatted, unformatted'),
    perDirectory.directive('ImapDefault', [word], 'fallback', INDEXES,
      'the action taken if no match: error, nocontent, referer, menu, URL'),
    perDirectory.directive('ImapBase', [word], 'base', INDEXES,
      "the base for all URL's: map, referer, URL (or start of)"),
  ],
  register({ handler }, on) {
    // Not quick: it reads the map.
    on(handler, imagemapHandler, { handler: 'imap-file' })
    on(handler, imagemapHandler, { handler: 'application/x-httpd-imap' })
  },
} satisfies Module
