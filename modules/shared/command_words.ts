/** How a command line in the configuration comes apart. */

/** The words of a command line: blanks separate them, quotes hold them together. */
export function wordsOfCommand(line: string): string[] {
  return [...line.matchAll(/(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s"'\\]|\\.)+))/gs)]
    .map(([, double, single, plain]) => single ?? (double ?? plain!).replace(/\\(.)/gs, '$1'))
}
