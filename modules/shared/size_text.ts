/* Sizes of files as people read them. */

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
