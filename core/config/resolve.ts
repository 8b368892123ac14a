/**
 * Which sections hold for a request, and what they say together. One rule:
 * equal lists of sections give the identical object, so everything worked out
 * from a configuration is worked out once.
 *
 *   defaults ─► <Directory> of / ─► its .htaccess ─► <Directory> of /a/ ─► its .htaccess ─► …
 *            ─► <DirectoryMatch> ─► <Files> ─► <Location> ─► <If>, see Resolver.under
 *
 * Each arrow is a step from one Resolved to the next, remembered in the first.
 */
import { baseName, parentDirectory, tidyPath } from '../base/path.ts'
import { Recent } from '../base/recent.ts'
import type { HtaccessFault, HtaccessFile } from './htaccess.ts'
import { nothing, type Rights } from './rights.ts'
import type { Section, ServerConf } from './server_conf.ts'
import type { AnySettings, ConfigVector } from './settings.ts'

export type { HtaccessFault } from './htaccess.ts'

/** What holds for some requests. */
export interface Resolved {
  readonly vector: ConfigVector
  readonly id: number
  /** For whoever works something out from the vector. */
  slot: unknown
  /** <If> and its branches that may yet change it, in order; whoever serves a request knows what they ask of it. */
  readonly conditions: readonly Section[]
  /** Those that it came by whose regular expressions name groups, in order. */
  readonly naming: readonly Section[]
  /** A <Files>, <Location> or <If> has a part in it: what holds may be for one URL or one file alone. */
  readonly selective: boolean
}

/** Where .htaccess files come from. It is asked for each request: it keeps files, and notices when they change. */
export interface HtaccessSource {
  /** The first of the names that exists in a directory (with its slash). */
  read(directory: string, names: readonly string[]): HtaccessFile | HtaccessFault | undefined
  /** Absent: nothing is known without reading. */
  readonly absence?: HtaccessAbsence | undefined
}

/** What is known of directories without looking. */
export interface HtaccessAbsence {
  /** Asked once for each request, before the rest. The same number while nothing has changed; negative: ask nothing. */
  moment(): number
  /** True if none of the names is in a directory, for certain. */
  lacks(directory: string, names: readonly string[]): boolean
  /** True if `lacks` says the same of it for as long as `moment` does. */
  lasts(directory: string): boolean
}

export interface HtaccessAccess {
  readonly source: HtaccessSource
  /** AccessFileName. */
  readonly names: readonly string[]
  /** What AllowOverride and AllowOverrideList give where this holds. */
  rights(vector: ConfigVector): Rights
}

export interface ResolverOptions {
  /** Complete, as carryOut leaves it. */
  readonly conf: ServerConf
  readonly settings: readonly AnySettings[]
  /** Absent: there is no .htaccess. */
  readonly htaccess?: HtaccessAccess
}

/** Entries of one generation of each cache. */
const CACHE_SIZE = 4096
/** Longer paths hardly come again, and clients choose them. */
const LONGEST = 512
/** Outcomes of conditions remembered for one place: clients choose them, and there may be as many as 2^n. */
const OUTCOMES = 256

let count = 0
const NONE: readonly Section[] = []

class Node implements Resolved {
  readonly vector: ConfigVector
  readonly id = count++
  slot: unknown = undefined
  /** <Files> of the sections so far. */
  readonly files: readonly Section[]
  /** What .htaccess may say here; undefined: it is not looked for. */
  readonly rights: Rights | undefined
  readonly conditions: readonly Section[]
  readonly naming: readonly Section[]
  readonly selective: boolean
  /** By what each condition came to. */
  readonly outcomes = new Recent<string, Node>(OUTCOMES)
  readonly #next = new Map<Section, Node>()
  /** After .htaccess: sections that go when their file changes, and their steps with them. */
  readonly #passing = new WeakMap<Section, Node>()

  constructor(
    vector: ConfigVector, files: readonly Section[], rights: Rights | undefined, conditions: readonly Section[],
    naming: readonly Section[] = NONE, selective = false,
  ) {
    this.vector = vector
    this.files = files
    this.rights = rights
    this.conditions = conditions
    this.naming = naming
    this.selective = selective
  }

  known(section: Section, passing: boolean): Node | undefined {
    return (passing ? this.#passing : this.#next).get(section)
  }

  remember(section: Section, passing: boolean, node: Node): Node {
    ;(passing ? this.#passing : this.#next).set(section, node)
    return node
  }
}

/** A directory, and the sections for exactly it. */
interface Level {
  readonly path: string
  readonly outer: Level | undefined
  /** 1 for the root. */
  readonly depth: number
  readonly sections: readonly Section[]
  /** The result, where no .htaccess can have a say up to here. */
  readonly fixed: Node | undefined
  /** The plan for all files in it, where no section looks at their names. */
  readonly forAll: Plan | undefined
}

/** Something with room for what was found out about a file name. */
export interface PlanKeeper {
  plan: unknown
}

/** What was found out about a file name. */
interface Plan {
  readonly maker: Resolver
  readonly fixed: Node | undefined
  /** Root first. */
  readonly levels: readonly Level[]
  /** After the directories: <Directory> that names the file itself, and <DirectoryMatch>. */
  readonly late: readonly Section[]
  readonly name: string
  /** What was last found, where that may be found again. */
  kept: Kept | undefined
}

/** Holds while no .htaccess file has come or gone since `moment`, and those that are there are the same. */
interface Kept {
  readonly moment: number
  readonly present: readonly Present[]
  readonly node: Node
}

interface Present {
  readonly level: Level
  readonly file: HtaccessFile
}

/** After the path of a directory that was asked for without a slash: no path has it. */
const BARE = '\0'

const isFiles = ({ kind }: Section): boolean => kind === 'Files' || kind === 'FilesMatch'
const isCondition = ({ kind }: Section): boolean => kind === 'If'

export class Resolver {
  /** Told of each .htaccess file that has a say, before the answer in which it has it for the first time. */
  onHtaccess: ((section: Section) => void) | undefined
  readonly #settings: readonly AnySettings[]
  readonly #htaccess: HtaccessAccess | undefined
  readonly #root: Node
  /** <Directory> by the number of directories in the path, in the order of the file. */
  readonly #directories = new Map<number, Section[]>()
  readonly #expressions: readonly Section[]
  readonly #locations: readonly Section[]
  readonly #levels = new Recent<string, Level>(CACHE_SIZE)
  readonly #plans = new Recent<string, Plan>(CACHE_SIZE)
  readonly #uris = new Recent<string, readonly Section[]>(CACHE_SIZE)

  constructor({ conf, settings, htaccess }: ResolverOptions) {
    this.#settings = settings.filter(({ scope }) => scope === 'directory')
    const directories = conf.sections.filter(({ kind }) => kind === 'Directory')
    this.#htaccess = htaccess && this.#canMatter(htaccess, conf, directories) ? htaccess : undefined
    this.#root = new Node(conf.defaults, conf.sections.filter(isFiles), this.#rights(conf.defaults),
      conf.sections.filter(isCondition))
    this.#expressions = conf.sections.filter(({ kind }) => kind === 'DirectoryMatch')
    this.#locations = conf.sections.filter(({ kind }) => kind === 'Location' || kind === 'LocationMatch')
    for (const section of directories) {
      const depth = Math.max(1, section.components ?? 0)
      const bucket = this.#directories.get(depth)
      if (bucket === undefined) this.#directories.set(depth, [section])
      else bucket.push(section)
    }
  }

  /** Before the URI is mapped to a file: defaults and <Location>. */
  forLocation(uri: string): Resolved {
    return this.#located(this.#root, uri)
  }

  /**
   * For a file, or with a slash at the end a directory.
   * @param filename absolute, one character per byte
   * @param keeper what the caller has for `filename`, always the same: it saves looking for what is remembered
   */
  forFile(filename: string, uri: string, keeper?: PlanKeeper): Resolved | HtaccessFault {
    const kept = keeper?.plan as Plan | undefined
    const plan = kept?.maker === this ? kept : this.#plans.get(filename) ?? this.#plan(filename)
    if (keeper !== undefined) keeper.plan = plan
    const node = plan.fixed ?? this.#dynamic(plan)
    return node instanceof Node ? this.#located(node, uri) : node
  }

  /**
   * For a directory that was asked for without a slash at its end: <Files> looks at its name, as at that of a file.
   * @param path without the slash @param keeper as for `forFile`
   */
  forDirectory(path: string, uri: string, keeper?: PlanKeeper): Resolved | HtaccessFault {
    return this.forFile(path + BARE, uri, keeper)
  }

  /**
   * With the conditional sections that hold for a request.
   * @param outcome what the conditions of `resolved` came to; equal ones give the identical object
   * @param holding the sections that hold, in order
   */
  under(resolved: Resolved, outcome: string, holding: readonly Section[]): Resolved {
    const node = resolved as Node
    const known = node.outcomes.get(outcome)
    if (known !== undefined) return known
    let { vector } = node
    for (const section of holding) vector = vector.mergedWith(section.vector, this.#settings)
    return node.outcomes.set(outcome, new Node(vector, NONE, undefined, NONE, NONE, true))
  }

  /** .htaccess costs nothing where nothing in the configuration allows it anything. */
  #canMatter(htaccess: HtaccessAccess, conf: ServerConf, directories: readonly Section[]): boolean {
    return !nothing(htaccess.rights(conf.defaults)) || directories.some(({ vector }) =>
      !nothing(htaccess.rights(conf.defaults.mergedWith(vector, this.#settings))))
  }

  #rights(vector: ConfigVector): Rights | undefined {
    const rights = this.#htaccess?.rights(vector)
    return rights === undefined || nothing(rights) ? undefined : rights
  }

  #step(node: Node, section: Section, passing = false): Node {
    const known = node.known(section, passing)
    if (known !== undefined) return known
    const vector = node.vector.mergedWith(section.vector, this.#settings)
    const holdsFiles = section.kind === 'Directory' || section.kind === 'DirectoryMatch'
    const inner = holdsFiles ? section.inner.filter(isFiles) : NONE
    const files = inner.length > 0 ? [...node.files, ...inner] : node.files
    const nested = section.inner.filter(isCondition)
    const conditions = nested.length > 0 ? [...node.conditions, ...nested] : node.conditions
    const naming = section.named === undefined ? node.naming : [...node.naming, section]
    return node.remember(section, passing, new Node(vector, files, this.#rights(vector), conditions, naming,
      node.selective || !holdsFiles))
  }

  #steps(node: Node, sections: readonly Section[]): Node {
    for (let i = 0; i < sections.length; i++) node = this.#step(node, sections[i]!)
    return node
  }

  #located(node: Node, uri: string): Resolved {
    if (this.#locations.length === 0) return node
    return this.#steps(node, this.#uris.get(uri) ?? this.#locationsOf(uri))
  }

  // <Location> sees several slashes as one, <LocationMatch> sees them all.
  #locationsOf(uri: string): readonly Section[] {
    const plain = uri.startsWith('/') ? uri.replace(/\/{2,}/g, '/') : uri
    const found = this.#locations.filter((section) => section.matches(section.kind === 'Location' ? plain : uri))
    const sections = found.length > 0 ? found : NONE
    return uri.length > LONGEST ? sections : this.#uris.set(uri, sections)
  }

  #plan(asked: string): Plan {
    const isBare = asked.endsWith(BARE)
    const path = isBare ? `${asked.slice(0, -BARE.length)}/` : asked
    const filename = path.startsWith('/') && path.includes('//') ? tidyPath(path) : path
    const last = filename.slice(filename.lastIndexOf('/') + 1)
    const directory = filename.slice(0, filename.length - last.length)
    const name = isBare ? baseName(directory.slice(0, -1)) : last
    const forAll = filename.startsWith('/') ? this.#level(directory).forAll : undefined
    if (forAll !== undefined) return forAll
    const levels = filename.startsWith('/') ? this.#levelsOf(directory) : []
    // Apache looks at a file as at one more directory.
    const named = last === '' || levels.length === 0
      ? NONE : this.#directories.get(levels.length + 1)?.filter((section) => section.matches(`${filename}/`)) ?? NONE
    const late = [...named, ...this.#expressions.filter((section) => section.matches(filename))]
    const before = levels.length === 0 ? this.#root : levels.at(-1)!.fixed
    const fixed = before && this.#filed(this.#steps(before, late), name)
    const plan: Plan = { maker: this, fixed, levels: fixed === undefined ? levels : [], late, name, kept: undefined }
    return asked.length > LONGEST ? plan : this.#plans.set(asked, plan)
  }

  #filed(node: Node, name: string): Node {
    const { files } = node
    for (let i = 0; i < files.length; i++) if (files[i]!.matches(name)) node = this.#step(node, files[i]!)
    return node
  }

  /** Root first. */
  #levelsOf(directory: string): Level[] {
    const levels: Level[] = []
    for (let level: Level | undefined = this.#level(directory); level !== undefined; level = level.outer)
      levels.push(level)
    return levels.reverse()
  }

  #level(path: string): Level {
    const known = this.#levels.get(path)
    if (known !== undefined) return known
    const outer = path === '/' ? undefined : this.#level(parentDirectory(path.slice(0, -1)))
    const depth = (outer?.depth ?? 0) + 1
    const sections = this.#directories.get(depth)?.filter((section) => section.matches(path)) ?? NONE
    const before = outer === undefined ? this.#root : outer.fixed
    const here = before && this.#steps(before, sections)
    const fixed = here?.rights === undefined ? here : undefined
    const nameless = fixed?.files.length === 0 && this.#expressions.length === 0 && !this.#directories.has(depth + 1)
    const forAll = nameless ? { maker: this, fixed, levels: [], late: NONE, name: '', kept: undefined } : undefined
    return this.#levels.set(path, { path, outer, depth, sections, fixed, forAll })
  }

  #dynamic(plan: Plan): Node | HtaccessFault {
    const moment = this.#htaccess!.source.absence?.moment() ?? -1
    const { kept } = plan
    return kept !== undefined && kept.moment === moment && this.#same(kept) ? kept.node : this.#walk(plan, moment)
  }

  #same({ present }: Kept): boolean {
    const { source, names } = this.#htaccess!
    for (let i = 0; i < present.length; i++)
      if (source.read(present[i]!.level.path, names) !== present[i]!.file) return false
    return true
  }

  #walk(plan: Plan, moment: number): Node | HtaccessFault {
    const { levels, late, name } = plan
    const { source, names } = this.#htaccess!
    const absence = moment < 0 ? undefined : source.absence
    const present: Present[] = []
    let lasts = absence !== undefined
    let node = this.#root
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i]!
      if (level.fixed !== undefined) {
        node = level.fixed
        continue
      }
      node = this.#steps(node, level.sections)
      if (node.rights === undefined) continue
      const lacks = absence?.lacks(level.path, names) === true
      lasts &&= absence!.lasts(level.path)
      const file = lacks ? undefined : source.read(level.path, names)
      // Of what is not known to be missing only a file that is there is asked for again.
      lasts &&= lacks || file !== undefined
      if (file === undefined) continue
      const said = 'fault' in file ? file : file.under(node.rights)
      if ('fault' in said) return { ...said, directory: level.path }
      present.push({ level, file: file as HtaccessFile })
      this.onHtaccess?.(said)
      node = this.#step(node, said, true)
    }
    const found = this.#filed(this.#steps(node, late), name)
    plan.kept = lasts ? { moment, present, node: found } : undefined
    return found
  }
}
