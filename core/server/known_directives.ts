/** Which module an unknown directive would come from: out of the list that configure makes of the module catalog. */
import type { Known } from '../config/walk.ts'
import type { BuildInfo } from './build_info.ts'

/**
 * For `ProgramParts.known`.
 * @param owners names of directives in lower case (a section's begins with `<`), and their modules (`mod_rewrite`)
 * or MPMs (`mpm:worker,event`)
 */
export function knownDirectives(
  owners: Readonly<Record<string, string>>, build: Pick<BuildInfo, 'loadableModules'>,
): (name: string) => Known | undefined {
  return (name) => {
    const key = name.toLowerCase()
    const module = Object.hasOwn(owners, key) ? owners[key] : undefined
    if (module === undefined) return undefined
    if (module.startsWith('mpm:')) return { mpms: module.slice('mpm:'.length).split(',') }
    const symbol = `${module.replace(/^mod_/, '')}_module`
    return { module, available: build.loadableModules?.includes(symbol) ?? false }
  }
}
