/**
 * .htaccess files as requests meet them: read when first asked for, kept while
 * a look at the file says that it is still the same, gone by the next request
 * after a change on disk.
 */
import { readFileSync } from 'node:fs'
import { HtaccessFile, type HtaccessFault, type HtaccessInput } from '../config/htaccess.ts'
import type { HtaccessAccess, HtaccessSource } from '../config/resolve.ts'
import type { Rights } from '../config/rights.ts'
import type { ConfigVector } from '../config/settings.ts'
import type { Override } from '../config/where.ts'
import { Errno } from '../port/port.ts'
import { dirCore } from './core_settings.ts'
import type { FileCache, FileEntry } from './file_cache.ts'

/** .htaccess for the requests of one server. */
export function htaccessAccess(files: FileCache, names: readonly string[], input: HtaccessInput): HtaccessAccess {
  const read: HtaccessSource['read'] = (directory) => {
    for (const name of names) {
      const entry = files.look(directory + name)
      const found = entry.result < 0 ? failed(entry) : keptIn(entry, input)
      if (found !== undefined) return found
    }
    return undefined
  }
  return { source: { read }, names, rights }
}

/** What is not there is fine; what cannot be looked at might forbid something, so the request is refused. */
function failed(entry: FileEntry): HtaccessFault | undefined {
  if (entry.result === -Errno.noent || entry.result === -Errno.notdir) return undefined
  return unreadable(entry, -entry.result)
}

const unreadable = ({ path }: FileEntry, errno: number): HtaccessFault => ({
  fault: `(${errno}) AH00529: ${path} pcfg_openfile: unable to check htaccess file, ensure it is readable and that '${path.slice(0, path.lastIndexOf('/') + 1)}' is executable`,
  status: 403,
})

function keptIn(entry: FileEntry, input: HtaccessInput): HtaccessFile | HtaccessFault | undefined {
  if (entry.type !== 'file') return undefined
  // The entry forgets it when the file changes.
  if (entry.rendered instanceof HtaccessFile) return entry.rendered
  try {
    const text = readFileSync(entry.pathBytes.subarray(0, -1), 'latin1')
    return (entry.rendered = new HtaccessFile(entry.path, text, input))
  } catch (error) {
    return unreadable(entry, Math.abs((error as { errno?: number }).errno ?? Errno.io))
  }
}

function rights(vector: ConfigVector): Rights {
  const core = vector.holds(dirCore)
  return {
    overrides: core.allowOverride as readonly Override[], list: core.allowOverrideList,
    options: core.allowOverrideOptions,
    nonfatalOverride: core.nonfatalOverride, nonfatalUnknown: core.nonfatalUnknown,
  }
}
