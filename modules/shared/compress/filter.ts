/** An output filter that compresses: asks the request, says so in the head, and puts a Coder in front of what follows. */
import { eachPiece, FilterType, mightLog, type OutputFilter, type Request, type Sink, type Wait } from 'httpd'
import { isSmallFile } from '../small_file.ts'
import { Coder, type Coding, type Kept, type Totals } from './coder.ts'
import { accepts, announce, encodingOf, isEncoded, isPartial, varyBy, type AlterETag } from './negotiation.ts'

/** What one server's settings come to, made when its first response is compressed. */
export interface Compression {
  /** Undefined if the library cannot do what the settings say. */
  readonly coding: Coding | undefined
  readonly kept: Kept
  readonly alterETag: AlterETag
  /** Names of notes of the request. */
  readonly notes: Notes
}

export interface Notes { readonly input?: string; readonly output?: string; readonly ratio?: string }

export interface Compressing {
  /** Of the filter, and as Accept-Encoding and Content-Encoding say it. */
  readonly name: string
  readonly coding: string
  /** Responses of so many bytes or fewer, known to be complete, stay as they are. */
  readonly notAbove: number
  /** Not for this request, whatever it accepts. Asked before anything is said in the head. */
  isOff(r: Request): boolean
  /** Whatever the client accepts. */
  isForced(r: Request): boolean
  compressionOf(r: Request): Compression
  /** Of what is counted as bytes after: those of the format around it are not. */
  readonly envelope: number
  log(r: Request, totals: Totals): void
}

export function compressingFilter(what: Compressing): OutputFilter {
  return {
    name: what.name, type: FilterType.contentSet, keepsLength: true,
    quick: (r) => isSmallFile(r) || !(accepts(r.headersIn.get('Accept-Encoding'), what.coding) || what.isForced(r)),
    begin: (r, next) => begin(what, r, next),
  }
}

function begin(what: Compressing, r: Request, next: Sink): Sink | undefined {
  if (isPartial(r) || what.isOff(r) || isEncoded(encodingOf(r))) return undefined
  const stated = r.headersOut.get('Content-Length')
  if (stated === undefined && what.notAbove >= 0) return undecided(what, r, next)
  if (Number(stated) <= what.notAbove) return undefined
  return decide(what, r, next)
}

/** Undefined: it goes on as it is. */
function decide(what: Compressing, r: Request, next: Sink): Sink | undefined {
  varyBy(r.headersOut, 'Accept-Encoding')
  if (!what.isForced(r) && !accepts(r.headersIn.get('Accept-Encoding'), what.coding)) return undefined
  const { coding, kept, alterETag, notes } = what.compressionOf(r)
  if (coding === undefined && r.status !== 304) return undefined
  announce(r, what.coding, alterETag)
  if (coding === undefined || r.status === 304) return undefined
  const isFile = r.handler === undefined && r.finfo.type === 'file'
  return new Coder(coding, next, isFile ? kept : undefined, (totals) => tell(what, notes, r, totals))
}

function tell(what: Compressing, { input, output, ratio }: Notes, r: Request, { before, after: total }: Totals): void {
  const after = total - what.envelope
  if (input !== undefined) r.notes.set(input, String(before))
  if (output !== undefined) r.notes.set(output, String(after))
  if (ratio !== undefined) r.notes.set(ratio, before > 0 ? String(Math.trunc(after * 100 / before)) : '-')
  if (mightLog('debug')) what.log(r, { before, after })
}

/** Holds a body of unknown length back until it is known to be long enough. */
function undecided(what: Compressing, r: Request, next: Sink): Sink {
  const held: Uint8Array[] = []
  let bytes = 0
  let chosen: Sink | undefined
  const decided = (): Wait => goOn(decide(what, r, next) ?? next)
  const goOn = (sink: Sink): Wait => {
    chosen = sink
    return held.length === 0 ? undefined : sink.write(Buffer.concat(held.splice(0)))
  }
  const hold = (piece: Uint8Array): undefined => void held.push(piece)
  return {
    write(data) {
      if (chosen !== undefined) return chosen.write(data)
      bytes += data.length
      // A file is its giver's again once this has answered, so what is held of it is read.
      return bytes <= what.notAbove ? eachPiece(data, hold) : then(decided(), () => chosen!.write(data))
    },
    flush: () => then(chosen === undefined ? decided() : undefined, () => chosen!.flush()),
    end: () => then(chosen === undefined ? goOn(next) : undefined, () => chosen!.end()),
    cancel: () => void chosen?.cancel?.(),
  }
}

const then = (wait: Wait, act: () => Wait): Wait => (wait === undefined ? act() : wait.then(act))
