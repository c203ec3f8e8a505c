#!/usr/bin/env node
/** The program's door: arguments in, exit code out. */
import { main } from './main.js';

const exitCode = await main(process.argv.slice(2));
process.exitCode = exitCode;
// Ended by force: whatever still holds the event loop is not waited for.
if (exitCode >= 128) setTimeout(() => process.exit(), 500).unref();
