/* What a file looks like where no rule has said it: words of texts, and archives of tar. All of it is Apache's. */

/** Words that stand between blanks in the beginning of a text, and what it is then. */
const WORDS = new Map<string, string>([
  ['text/html', '<html> <HTML> <head> <HEAD> <title> <TITLE> <h1> <H1> <!--'],
  ['text/plain', '/* #include char The the double extern float real struct union CFLAGS LDFLAGS all: .PRECIOUS .ascii ' +
    '.asciiz .byte .even .globl clr (input, dcl'],
  ['message/rfc822', 'Received: >From Return-Path: Cc:'],
  ['message/news', 'Newsgroups: Path: Organization:'],
].flatMap(([type, words]) => words!.split(' ').map((word) => [word, type!] as const)))

/** So much of a text is looked through for words. */
const WORDS_WITHIN = 1024
const TAR_BLOCK = 512

/** @param bytes the first of the file, as many as there are */
export function guess(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, WORDS_WITHIN)).toString('latin1')
  if (/^\.\s*(?:[A-Za-z0-9][A-Za-z0-9"]|\\[A-Za-z0-9"])/.test(text)) return 'application/x-troff'
  if (/^[cC]\s/.test(text)) return 'text/plain'
  for (const word of text.split('\0', 1)[0]!.split(/[ \t\n\r\f]+/)) {
    const type = WORDS.get(word)
    if (type !== undefined) return type
  }
  return isTar(bytes) ? 'application/x-tar' : undefined
}

/** The sum of the first block's bytes, those of the sum counted as blanks, stands in it as octal digits. */
function isTar(bytes: Uint8Array): boolean {
  if (bytes.length + 1 < TAR_BLOCK) return false
  const field = Buffer.from(bytes.buffer, bytes.byteOffset + 148, 8).toString('latin1')
  const digits = /^\s*([0-7]*)(?:$|[\s\0])/.exec(field)?.[1]
  if (digits === undefined || field.trim() === '') return false
  let sum = 8 * 0x20
  for (let i = 0; i < TAR_BLOCK; i++) if (i < 148 || i >= 156) sum += bytes[i] ?? 0
  return sum === Number.parseInt(digits || '0', 8)
}
