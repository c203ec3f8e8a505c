/**
 * The shortest CGI program in each language: it prints a head (RFC 3875 §6.3.1) and ends. What such a program costs is what the
 * language costs, before it has done anything; `cgi-serve time` measures it. Each one flushes, so that the first byte is seen
 * when the interpreter has started and not when it tidies up. Pure.
 */

/** The program without its `#!` line; undefined for an interpreter not known here. `name` is its file name: `python3.11`. */
export const emptyProgram = (name: string): string | undefined => {
  const text = programs.find(([names]) => names.test(name))?.[1];
  return text === undefined ? undefined : `${text}\n`;
};

/** Interpreters worth looking for, the quick ones first, and what must stand behind the name in a `#!` line. */
export const interpretersKnown: readonly (readonly [name: string, argument?: string])[] = [
  ['sh'],
  ['bash'],
  ['zsh'],
  ['awk', '-f'],
  ['lua'],
  ['perl'],
  ['tclsh'],
  ['php-cgi'],
  ['php'],
  ['python3'],
  ['ruby'],
  ['node'],
];

const programs: readonly (readonly [names: RegExp, text: string])[] = [
  [/^(sh|dash|ash|bash|ksh|mksh|zsh|busybox)$/, "echo 'Content-Type: text/plain'\necho"],
  [/^(awk|gawk|mawk|nawk|original-awk)$/, 'BEGIN { print "Content-Type: text/plain\\n"; fflush() }'],
  [/^lua(jit)?[\d.]*$/, 'print("Content-Type: text/plain\\n")\nio.flush()'],
  [/^perl[\d.]*$/, '$| = 1;\nprint "Content-Type: text/plain\\n\\n";'],
  [/^(tclsh|jimsh)[\d.]*$/, 'puts "Content-Type: text/plain\\n"\nflush stdout'],
  // It prints the head itself.
  [/^php-cgi[\d.]*$/, '<?php flush();'],
  [/^php[\d.]*$/, '<?php echo "Content-Type: text/plain\\n\\n";'],
  [/^(python|pypy)[\d.]*$/, 'import sys\nsys.stdout.write("Content-Type: text/plain\\n\\n")\nsys.stdout.flush()'],
  [/^j?ruby[\d.]*$/, 'puts "Content-Type: text/plain\\n\\n"\n$stdout.flush'],
  [/^(node|nodejs|bun)$/, 'console.log("Content-Type: text/plain\\n");'],
];
