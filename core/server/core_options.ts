/**
 * What the command line decides about carrying out the core's directives.
 * Set by the program before the configuration is carried out, not by directives.
 */
export const coreOptions = {
  /**
   * Directories named by DocumentRoot and CoreDumpDirectory must exist. False for `-T`, and in
   * children: what their control process accepted holds for the whole generation.
   */
  checkDirectories: true,
  /** Built with -DBIG_SECURITY_HOLE: requests may be served by root. */
  mayServeAsRoot: false,
}
