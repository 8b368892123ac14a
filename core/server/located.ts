/** What a target came to on one server: kept with the text of the target, for the next request that has it. */
import type { Target } from '../http/target.ts'
import type { FileEntry } from './file_cache.ts'
import type { Served } from './thread_engine.ts'

export class Located {
  readonly served: Served
  readonly path: string
  readonly args: string | undefined
  /** Of an absolute target only, and those are not kept. */
  readonly port: undefined
  /** What the core maps the path to, where no module says otherwise. */
  filename: string | undefined
  /** What the file cache has for `filename`. */
  entry: FileEntry | undefined

  constructor(served: Served, { path, args }: Target) {
    this.served = served
    this.path = path
    this.args = args
    this.port = this.filename = this.entry = undefined
  }
}
