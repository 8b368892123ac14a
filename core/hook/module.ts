/** What every module, an MPM included, hands to the core. */
import type { Configures } from '../config/directive.ts'
import type { InputFilter, OutputFilter } from './filter.ts'
import type { Hooks, On } from './hooks.ts'

export interface Module extends Configures {
  /** Symbol, as in LoadModule and <IfModule>: `mime_module`. */
  readonly name: string
  /** Source file, as `-l` lists it and <IfModule> tests it: `mod_mime.c`. */
  readonly file: string
  /** Filters that configuration can name (SetOutputFilter, SetInputFilter …). */
  readonly outputFilters?: readonly OutputFilter[]
  readonly inputFilters?: readonly InputFilter[]
  register?(hooks: Hooks, on: On): void
}

/** The module's name in log lines: `mime` of `mod_mime.c`, `mpm_event` of `mpm_event_module`. */
export const logName = (module: Module): string =>
  module.name.replace(/_module$/, '')
