/*
 * The last words of a configure run: what was decided, in the form of Apache's summary with our own rows.
 */
import type { Config } from './config.ts'

const row = (label: string, value: string): string => `    ${`${label}:`.padEnd(16)}${value}`

/** The summary, with a blank line at its end. */
export function summary(config: Config): string {
  const mpm = config.mpms.length === 0
    ? 'none'
    : config.mpmsShared ? `${config.mpms.join(' ')} (loadable; ${config.defaultMpm} is loaded)` : config.defaultMpm
  const count = (form: readonly unknown[], word: string): string => `${form.length} ${word}`
  return [
    'configure: summary of build options:',
    '',
    row('Server Version', `Switchyard/${config.version} Apache/${config.languageLevel}`),
    row('Install prefix', config.paths.prefix),
    row('Server MPM', mpm),
    row('Modules', `${count(config.staticModules, 'static')}, ${count(config.loadableModules, 'loadable')}`),
    row('Polling', config.pollers.join(' ')),
    row('PCRE2', config.pcre === 'no' ? 'not found: not every regular expression can be compiled' : config.pcre),
    row('Ports', `${config.port}, ${config.sslport} with TLS`),
    row('Node', config.node),
    '',
    '',
  ].join('\n')
}
