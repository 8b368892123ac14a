/*
 * The programs that come with the server: make bundles each into dist/lib/NAME.cjs, with a script dist/bin/NAME that
 * runs it, and make install puts them into bindir or sbindir. Data only.
 */
export interface ProgramRow {
  readonly name: string
  /** Path from the top of the source tree. */
  readonly source: string
  readonly help: string
  /** Where it is installed, if not in bindir. */
  readonly directory?: 'sbindir'
}

export const programs: readonly ProgramRow[] = [
  { name: 'htpasswd', source: 'support/htpasswd.ts', help: 'manages the users of password files' },
  {
    name: 'rotatelogs', source: 'support/rotatelogs.ts', help: 'writes a log to files that follow one another',
    directory: 'sbindir',
  },
  { name: 'logresolve', source: 'support/logresolve.ts', help: 'names in place of the addresses in a log' },
  { name: 'htdbm', source: 'support/htdbm.ts', help: 'manages the users of databases' },
  { name: 'htdigest', source: 'support/htdigest.ts', help: 'manages the users of files for Digest authentication' },
]
