/** A folder as somebody has it: scripts (0755), other files, directories; gone after the test. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

/** Names ending in `/` are directories; what begins with `#!` is made executable. */
export const folder = (t: TestContext, files: Record<string, string> = {}): string => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-cli-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (name.endsWith('/')) continue;
    writeFileSync(path, text);
    chmodSync(path, text.startsWith('#!') ? 0o755 : 0o644);
  }
  return root;
};

export const hello = '#!/bin/sh\n# Says hello.\necho "Content-Type: text/plain"\necho\necho "hello $QUERY_STRING"\n';
