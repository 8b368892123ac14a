/*
 * The configuration as it was carried out, as lines: of all modules, or of one with the sections that its lines stand in.
 * For the page, and as text for -D DUMP_CONFIG.
 */
import type { TreeNode } from 'httpd'

/** One line to show. */
export interface ConfigLine {
  /** A name of a file alone: the lines after it are from there. */
  readonly file?: string
  /** Absent for the end of a section. */
  readonly line?: number
  readonly depth: number
  readonly name: string
  readonly args: string
}

type Wants = (name: string) => boolean

const holdsAny = (node: TreeNode, wants: Wants): boolean =>
  wants(node.name) || (node.body?.some((inner) => holdsAny(inner, wants)) ?? false)

/** @param wants the directives to show, by name; a section is shown for what is in it */
export function configLines(tree: readonly TreeNode[], wants: Wants = () => true): ConfigLine[] {
  const lines: ConfigLine[] = []
  let file: string | undefined
  const walk = (nodes: readonly TreeNode[], depth: number): void => {
    for (const node of nodes) {
      if (!holdsAny(node, wants)) continue
      if (node.file !== file) lines.push({ file: file = node.file, depth: 0, name: '', args: '' })
      lines.push({ line: node.line, depth, name: node.name, args: shownArgs(node) })
      if (node.body === undefined) continue
      walk(node.body, depth + 1)
      lines.push({ depth, name: `</${node.name.slice(1)}>`, args: '' })
    }
  }
  walk(tree, 0)
  return lines
}

/** Directives whose arguments are, or hold, something that nobody else may know. */
const SECRET = /passphrase|password$|secret|^DBDParams$/i
const NO_SECRET = /(?:dialog|file)$/i

const isSecret = (name: string): boolean => SECRET.test(name) && !NO_SECRET.test(name)

const shownArgs = ({ name, args }: TreeNode): string => isSecret(name) && args !== '' ? '(not shown)' : args

/** In Apache's form, which may be used as a configuration again. */
export function dumpText(tree: readonly TreeNode[]): string {
  let text = ''
  for (const { file, line, depth, name, args } of configLines(tree)) {
    const indent = '  '.repeat(depth)
    if (file !== undefined) text += `# In file: ${file}\n`
    else text += `${line === undefined ? '' : `${indent}# ${String(line).padStart(3)}:\n`}${indent}${name}${args === '' ? '' : ` ${args}`}\n`
  }
  return text
}
