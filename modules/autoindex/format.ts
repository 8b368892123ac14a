/* Descriptions as listings show them. */

/**
 * A description cut to `width` characters of text: tags count nothing, an entity one. The last character of one that was
 * cut is `>`, which may as well end a tag that was begun.
 */
export function cutDescription(text: string, width: number): string {
  let left = width
  let at = 0
  for (; at < text.length && (left > 0 || text[at] === '<'); at++) {
    if (text[at] === '<') {
      const end = text.indexOf('>', at)
      if (end < 0) return text
      at = end
    } else {
      left--
      if (text[at] !== '&') continue
      const end = text.indexOf(';', at)
      if (end < 0) return text
      at = end
    }
  }
  return at < text.length && left <= 0 ? `${text.slice(0, Math.max(0, at - 1))}>` : text
}
