/*
 * mod_macro: parts of the configuration that are written once and used often, with arguments. All of it happens as the
 * files are read; nothing is left of it afterwards.
 */
import { EXEC_ON_READ, OR_ALL, type Directive, type Module, type ReadLine } from 'httpd'
import { Macros } from './macro/macros.ts'

const row = (name: string, takes: string, help: string, read: (macros: Macros, line: ReadLine) => void): Directive => ({
  name, takes, help, where: { ...OR_ALL, early: EXEC_ON_READ.early! }, scope: 'directory',
  read: (line) => read(line.memory(Macros), line),
  apply: () => undefined,
})

export const module = {
  name: 'macro_module',
  file: 'mod_macro.c',
  directives: [
    row('<Macro', 'takes the rest of the line', 'A name, and names of parameters; what it encloses is read where it is used',
      (macros, line) => macros.define(line)),
    row('Use', 'takes the rest of the line', 'The name of a macro, and values for its parameters', (macros, line) => macros.use(line)),
    row('UndefMacro', 'takes one argument', 'Name of a macro that is to be forgotten', (macros, line) => macros.remove(line)),
    row('MacroIgnoreEmptyArgs', 'takes no arguments', 'No warnings of empty values', (macros) => {
      macros.ignoresEmptyArguments = true
    }),
    row('MacroIgnoreBadNesting', 'takes no arguments', 'No warnings of sections that begin or end outside', (macros) => {
      macros.ignoresBadNesting = true
    }),
  ],
} satisfies Module
