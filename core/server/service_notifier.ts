/**
 * What the server tells the service manager that started it (sd_notify(3)):
 * that it serves, is about to restart or to stop, how busy it is, and that it
 * is alive. Without a manager nothing is sent, and nobody has to ask.
 */

/** Sums over all processes of the server. */
export interface ServiceFigures {
  /** Answered since the server started. */
  readonly requests: number
  /** Sent since the server started; undefined where it is not counted. */
  readonly bytes: number | undefined
  /** Workers, now. */
  readonly idle: number
  readonly busy: number
}

export interface NotifierParts {
  /** Sends one message; false: there is no room for it now. undefined: there is no service manager. */
  readonly send: ((text: string) => boolean) | undefined
  /** The process that is the server. */
  readonly pid: number
  /** Microseconds of CLOCK_MONOTONIC. */
  readonly clock: () => number
  /** WATCHDOG_USEC; 0: the manager expects no sign of life. */
  readonly watchdog: number
}

const SECOND = 1_000_000
/** Between two lines about load, in microseconds: that of Apache's monitor hook. */
const STATUS_EVERY = 10 * SECOND

export class ServiceNotifier {
  readonly #parts: NotifierParts
  readonly #begun: number
  #state: 'starting' | 'ready' | 'reloading' | 'stopping' = 'starting'
  #toldStatus: number
  #toldAlive = -Infinity
  /** Changes of state for which the manager had no room yet, oldest first. */
  #waiting: string[] = []

  constructor(parts: NotifierParts) {
    this.#parts = parts
    this.#begun = parts.clock()
    this.#toldStatus = this.#begun
  }

  /** How often `tick` is to be called, in milliseconds; 0: never. Twice within a watchdog's time, at the least. */
  get interval(): number {
    const { send, watchdog } = this.#parts
    if (send === undefined) return 0
    return watchdog > 0 ? Math.max(1, Math.min(1000, Math.floor(watchdog / 4000))) : 1000
  }

  /** It serves: after a start, and after each reload. Saying so twice is saying it once. */
  ready(): void {
    if (this.#state === 'ready' || this.#state === 'stopping') return
    this.#state = 'ready'
    this.#change('READY=1', `MAINPID=${this.#parts.pid}`, 'STATUS=Running')
  }

  reloading(): void {
    if (this.#state === 'stopping') return
    this.#state = 'reloading'
    this.#change('RELOADING=1', `MONOTONIC_USEC=${Math.floor(this.#parts.clock())}`, 'STATUS=Reading the configuration')
  }

  stopping(): void {
    if (this.#state === 'stopping') return
    this.#state = 'stopping'
    this.#change('STOPPING=1', 'STATUS=Finishing')
  }

  /** A line about the load. */
  status(figures: ServiceFigures): void {
    this.#parts.send?.(`STATUS=${statusText(figures, (this.#parts.clock() - this.#begun) / SECOND)}\n`)
  }

  /** Time has passed. @param look asked only when figures are due */
  tick(look: () => ServiceFigures): void {
    const { clock, watchdog } = this.#parts
    const now = clock()
    this.#sendWaiting()
    if (watchdog > 0 && now - this.#toldAlive >= watchdog / 2) {
      this.#toldAlive = now
      this.#parts.send?.('WATCHDOG=1\n')
    }
    if (this.#state !== 'ready' || now - this.#toldStatus < STATUS_EVERY) return
    this.#toldStatus = now
    this.status(look())
  }

  // A state that the manager never hears of would keep it waiting: what cannot be sent now is sent later.
  #change(...lines: string[]): void {
    if (this.#parts.send === undefined) return
    this.#waiting.push(`${lines.join('\n')}\n`)
    this.#sendWaiting()
  }

  #sendWaiting(): void {
    while (this.#waiting.length > 0 && this.#parts.send!(this.#waiting[0]!)) this.#waiting.shift()
  }
}

/** In the words of Apache's mod_systemd. @param uptime seconds */
export function statusText({ requests, bytes, idle, busy }: ServiceFigures, uptime: number): string {
  const perSecond = (count: number): number => (uptime > 0 ? count / uptime : 0)
  return [
    `Total requests: ${requests}`,
    ` Idle/Busy workers ${idle}/${busy}`,
    ` Requests/sec: ${Number(perSecond(requests).toPrecision(3))}`,
    ...(bytes === undefined ? [] : [` Bytes served/sec: ${size(perSecond(bytes))}B/sec`]),
  ].join(';')
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P']

/** At most four characters and a unit: `  0 `, `1.2M` without the blanks around it. */
function size(bytes: number): string {
  let [value, unit] = [bytes, 0]
  for (; value >= 973 && unit < UNITS.length - 1; unit++) value /= 1024
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)}${UNITS[unit]!}`
}
