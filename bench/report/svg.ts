/* Writing SVG: elements as text. Attributes and texts are escaped, nothing else is decided here. */

export type Attributes = Readonly<Record<string, string | number>>

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!)

/** @param content text that has been made by this function already */
export function element(name: string, attributes: Attributes, content = ''): string {
  const words = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`).join('')
  return content === '' ? `<${name}${words}/>` : `<${name}${words}>${content}</${name}>`
}

export const label = (x: number, y: number, text: string, attributes: Attributes = {}): string =>
  element('text', { x, y, ...attributes }, escaped(text))

export const document = (width: number, height: number, title: string, content: readonly string[]): string =>
  `${element('svg', {
    xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
    'font-family': 'system-ui, sans-serif', 'font-size': 13, fill: '#222',
  }, `\n${[element('title', {}, escaped(title)), ...content].join('\n')}\n`)}\n`
