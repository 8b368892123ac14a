/* Hashes of RFC 7616 and of logins. Loading node:crypto takes a while, and few need it: it is asked for on first use. */
const crypto = () => process.getBuiltinModule('node:crypto')

/** In hexadecimal digits. @param text one character per byte */
export const md5 = (text: string): string => crypto().createHash('md5').update(text, 'latin1').digest('hex')

/** Takes as long for two texts that differ early as for two that differ late. */
export function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1')]
  return a.length === b.length && crypto().timingSafeEqual(a, b)
}
