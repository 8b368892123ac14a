/** Keys as names of files: short, and nothing in them but letters, digits, `-` and `_`. */

/** 43 characters that stand for the key alone (SHA-256). */
export const nameOf = (key: string): string =>
  process.getBuiltinModule('node:crypto').createHash('sha256').update(key, 'latin1').digest('base64url')
