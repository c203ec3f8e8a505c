/** What other programs may import. */
export { type Evidence, explain, type Failure, type FailureCode, type FailureRow, failureTable, type Words } from './failures.js';
export { type CgiHandler, cgi } from './handler.js';
export { type CgiServer, createServer } from './server.js';
export type { CgiOptions, PythonOptions, ServerOptions, Settings } from './settings.js';
export type { PoolStatus, WorkerStatus } from './status/status.js';
export type { Exchange, Phases, StderrLine } from './trace/trace.js';
export type { Endpoint } from './types.js';
