/* How htpasswd ends when it cannot do what it was asked for; scripts know these numbers from Apache's. */
export const EXIT = {
  ok: 0, file: 1, syntax: 2, password: 3, interrupted: 4, tooLong: 5, user: 6, notPasswords: 7,
} as const

/** Ends the program with a message, or with how it is used if the message is empty. */
export class Fault extends Error {
  readonly exit: number
  /** It begins with the program's name. */
  readonly named: boolean

  constructor(exit: number, message: string, named = true) {
    super(message)
    this.exit = exit
    this.named = named
  }
}

/** The command line is wrong: what it should be follows the message. */
export class UsageFault extends Fault {
  constructor(message = '') {
    super(EXIT.syntax, message)
  }
}
