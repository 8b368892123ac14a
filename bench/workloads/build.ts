/* How long configure and make take where the packages are installed: outside of the sources, all of it anew. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Figures, Lab, Measured, Trial } from '../contract.ts'
import { run as runProgram } from '../servers/processes.ts'
import { sourcesOf } from '../servers/switchyard.ts'

const WORDS = ['--with-mpm=event']

async function buildOnce(directory: string): Promise<Figures> {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  const configure = (await runProgram(join(sourcesOf(), 'configure'), WORDS, directory)).milliseconds / 1000
  const make = (await runProgram('make', [], directory)).milliseconds / 1000
  return { configure, make, total: configure + make }
}

async function run(lab: Lab): Promise<Measured[]> {
  const rounds: Figures[] = []
  for (let round = 0; round < lab.rounds; round++) rounds.push(await buildOnce(join(lab.directory, 'build')))
  return [{ contender: 'switchyard', configuration: `./configure ${WORDS.join(' ')} && make\n`, rounds }]
}

export const build: Trial = {
  kind: 'trial', name: 'build', asks: 'time of configure and of make', takes: 12,
  contenders: [{ name: 'switchyard', server: 'switchyard' }], run,
}
