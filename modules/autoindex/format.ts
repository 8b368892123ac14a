/* Sizes and descriptions as listings show them. */

const UNITS = 'KMGTPE'

/** Four characters: ` 12 `, `1.2K`, ` 98M`; a dash for a negative size (apr_strfsize). @param size bytes */
export function sizeText(size: number): string {
  if (size < 0) return '  - '
  if (size < 973) return `${String(size).padStart(3)} `
  for (let unit = 0; ; unit++) {
    let rest = size % 1024
    size = Math.floor(size / 1024)
    if (size >= 973) continue
    if (size < 9 || (size === 9 && rest < 973)) {
      rest = Math.floor((rest * 5 + 256) / 512)
      return rest >= 10 ? `${size + 1}.0${UNITS[unit]!}` : `${size}.${rest}${UNITS[unit]!}`
    }
    return `${String(rest >= 512 ? size + 1 : size).padStart(3)}${UNITS[unit]!}`
  }
}

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
