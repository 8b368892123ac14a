/* The floor: a loop in C that sends a constant. It is compiled where there is a compiler. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Server } from '../contract.ts'
import { run } from './processes.ts'
import { versionOf } from './programs.ts'
import { sourcesOf } from './switchyard.ts'

async function compile(directory: string): Promise<string> {
  const program = join(directory, 'bare')
  if (!existsSync(program)) await run('cc', ['-O2', '-o', program, join(sourcesOf(), 'bench/servers/bare.c')], directory)
  return directory
}

export const bare: Server = {
  name: 'bare',
  knows: ['connections'],
  warmUp: 1,
  version: () => versionOf('cc', ['--version'], /^(.*)$/m),
  home: compile,
  configuration: () => 'It has none: every request gets the same 1 KiB.\n',
  command: ({ home, port }) => [join(home, 'bare'), String(port)],
}
