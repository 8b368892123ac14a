/*
 * mod_buffer: the filters BUFFER, which gather small pieces of a body into large ones. Whatever asks for a flush gets one.
 */
import {
  ACCESS_CONF, ConfigError, FilterType, parsed, Settings,
  type Arg, type Data, type InputFilter, type Module, type OutputFilter, type Sink, type Source, type Wait,
} from 'httpd'

const buffering = new Settings('directory', { size: 131_072 })

const bytes: Arg<number> = parsed((text) => {
  const size = /^\s*\+?\d+$/.test(text) ? Number(text) : 0
  if (!(size > 0 && size <= Number.MAX_SAFE_INTEGER)) throw new ConfigError('BufferSize must be a size in bytes, and greater than zero')
  return size
})

/** Parts of files go on as they are, behind what was gathered: they are large pieces already. */
class Gather implements Sink {
  readonly #next: Sink
  readonly #size: number
  #held: Uint8Array[] = []
  #bytes = 0

  constructor(next: Sink, size: number) {
    this.#next = next
    this.#size = size
  }

  write(data: Data): Wait {
    if (!(data instanceof Uint8Array)) return then(this.#release(), () => this.#next.write(data))
    this.#held.push(data)
    this.#bytes += data.length
    return this.#bytes >= this.#size ? this.#release() : undefined
  }

  flush(): Wait {
    return then(this.#release(), () => this.#next.flush())
  }

  end(): Wait {
    return then(this.#release(), () => this.#next.end())
  }

  #release(): Wait {
    if (this.#bytes === 0) return undefined
    const all = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held, this.#bytes)
    this.#held = []
    this.#bytes = 0
    return this.#next.write(all)
  }
}

const then = (wait: Wait, act: () => Wait): Wait => (wait === undefined ? act() : wait.then(act))

export const outputFilter: OutputFilter = {
  name: 'BUFFER', type: FilterType.contentSet, keepsLength: true, quick: true,
  // A subrequest's body goes into another one's, which is gathered itself.
  begin: (r, next) => (r.main === undefined ? new Gather(next, r.dir(buffering).size) : undefined),
}

function gathered(source: Source, size: number): Source {
  let ended = false
  return {
    async read() {
      const held: Uint8Array[] = []
      let length = 0
      while (!ended && length < size) {
        const piece = await source.read()
        if (piece === null) ended = true
        else {
          held.push(piece)
          length += piece.length
        }
      }
      return length === 0 ? null : Buffer.concat(held, length)
    },
  }
}

export const inputFilter: InputFilter = {
  name: 'BUFFER', type: FilterType.contentSet,
  begin: (r, source) => (r.main === undefined ? gathered(source, r.dir(buffering).size) : undefined),
}

export const module = {
  name: 'buffer_module',
  file: 'mod_buffer.c',
  settings: [buffering],
  outputFilters: [outputFilter],
  inputFilters: [inputFilter],
  directives: [
    buffering.directive('BufferSize', [bytes], 'size', ACCESS_CONF, 'Bytes that are gathered before they go on'),
  ],
} satisfies Module
