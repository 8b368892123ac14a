/*
 * The programs that come with the server: make bundles each into dist/lib/NAME.cjs, with a script dist/bin/NAME that
 * runs it, and make install puts them into bindir. Data only.
 */
export interface ProgramRow {
  readonly name: string
  /** Path from the top of the source tree. */
  readonly source: string
  readonly help: string
}

export const programs: readonly ProgramRow[] = [
  { name: 'htpasswd', source: 'support/htpasswd.ts', help: 'manages the users of password files' },
  { name: 'htdigest', source: 'support/htdigest.ts', help: 'manages the users of files for Digest authentication' },
]
