/**
 * The fields of a request that somebody changes: made when the first change comes, out of the head's offsets. A request
 * whose fields are left alone never has one.
 */
import { HEADER_NAMES, headerNumber } from './known_headers.ts'

type Field = readonly [name: string, value: string]

/** Fields of one name become one, where the first of them stood and as that was spelled. */
export function mergedFields(fields: Iterable<Field>): Iterable<Field> {
  const byName = new Map<string, Field>()
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    const before = byName.get(lower)
    byName.set(lower, before === undefined ? [name, value] : [before[0], `${before[1]}, ${value}`])
  }
  return byName.values()
}

export class EditedFields {
  #fields: Field[]
  /** Told the number of a known header when it may have come or gone. */
  readonly #onChange: (number: number, isThere: boolean, value: string | undefined) => void

  constructor(fields: Iterable<Field>, onChange: (number: number, isThere: boolean, value: string | undefined) => void) {
    this.#fields = [...fields]
    this.#onChange = onChange
  }

  get size(): number {
    return this.#fields.length
  }

  /** The first of that name. */
  get(name: string): string | undefined {
    return this.#fields[this.#find(name)]?.[1]
  }

  /** Of a known header. */
  known(number: number): string | undefined {
    return this.get(HEADER_NAMES[number]!)
  }

  has(name: string): boolean {
    return this.#find(name) >= 0
  }

  set(name: string, value: string): void {
    const at = this.#find(name)
    if (at < 0) this.#fields.push([name, value])
    else {
      const isOther = isNot(name)
      this.#fields = this.#fields.filter((field, i) => i <= at || isOther(field))
      this.#fields[at] = [this.#fields[at]![0], value]
    }
    this.#tell(name)
  }

  add(name: string, value: string): void {
    this.#fields.push([name, value])
    this.#tell(name)
  }

  merge(name: string, value: string): void {
    const at = this.#find(name)
    if (at < 0) return this.add(name, value)
    const [said, before] = this.#fields[at]!
    this.#fields[at] = [said, `${before}, ${value}`]
    this.#tell(name)
  }

  unset(name: string): void {
    const left = this.#fields.filter(isNot(name))
    if (left.length === this.#fields.length) return
    this.#fields = left
    this.#tell(name)
  }

  [Symbol.iterator](): Iterator<Field> {
    return this.#fields[Symbol.iterator]()
  }

  #find(name: string): number {
    const lower = name.toLowerCase()
    return this.#fields.findIndex(([other]) => other.length === name.length && other.toLowerCase() === lower)
  }

  #tell(name: string): void {
    const number = headerNumber(name.toLowerCase())
    if (number !== undefined) this.#onChange(number, this.has(name), this.get(name))
  }
}

function isNot(name: string): (field: Field) => boolean {
  const lower = name.toLowerCase()
  return ([other]) => other.toLowerCase() !== lower
}
